/** `GET /v1/payments/{id}`: without a secret key the public view; the id is the capability. */
import { Type } from "typebox";
import { viewMerchant, viewPublic } from "../../payments/payment.ts";
import { responses } from "../answers.ts";
import type { RouteContext } from "../api.ts";
import { NoQuery, PaymentIdParams } from "../query.ts";
import { readablePayment } from "../readable-payment.ts";
import { PaymentRef, PublicPaymentRef } from "../schemas.ts";

export function getPayment({ api, deps }: RouteContext): void {
  api.route({
    method: "GET",
    url: "/v1/payments/:id",
    config: { access: "public" },
    schema: {
      operationId: "getPayment",
      summary: "Read a payment",
      description: "With its merchant's secret key: everything. Otherwise the public view.",
      tags: ["payments"],
      params: PaymentIdParams,
      querystring: NoQuery,
      response: responses({ 200: Type.Union([PublicPaymentRef, PaymentRef]) }, "unauthorized", "not_found"),
    },
    handler: async (request) => {
      const { state, audience } = await readablePayment(deps.payments, request.caller, request.params.id);
      return audience === "merchant" ? viewMerchant(state) : viewPublic(state);
    },
  });
}
