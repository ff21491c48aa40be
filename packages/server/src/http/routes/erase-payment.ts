/** `DELETE /v1/payments/{id}`: personal data is erased; from then on nobody finds the payment. */

import { Type } from "typebox";
import { isPaymentId } from "../../payments/payment-id.ts";
import { keyedResponses } from "../answers.ts";
import type { RouteContext } from "../api.ts";
import { NoQuery, PaymentIdParams } from "../query.ts";
import { paymentNotFound, secretCaller } from "../request-auth.ts";

export function erasePayment({ api, deps }: RouteContext): void {
  api.route({
    method: "DELETE",
    url: "/v1/payments/:id",
    schema: {
      operationId: "erasePayment",
      summary: "Erase a payment and its personal data",
      tags: ["payments"],
      params: PaymentIdParams,
      querystring: NoQuery,
      response: keyedResponses(
        { 204: Type.Null({ description: "Erased." }) },
        "not_found",
        "invalid_state",
        "conflict",
        "overloaded",
      ),
    },
    handler: async (request, reply) => {
      const { merchantId } = secretCaller(request);
      if (!isPaymentId(request.params.id)) throw paymentNotFound();
      await deps.ingest.execute(merchantId, request.params.id, { type: "erase" });
      return reply.code(204).send();
    },
  });
}
