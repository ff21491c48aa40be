/** `GET /v1/payments`: newest first, in pages. */
import { PAYMENT_STATUSES } from "@paybell/protocol";
import { Type } from "typebox";
import { viewMerchant } from "../../payments/payment.ts";
import { keyedResponses } from "../answers.ts";
import type { RouteContext } from "../api.ts";
import { CursorParameter, IntegerParameter, integerParameter, NextCursor, pageRange, Query } from "../query.ts";
import { secretCaller } from "../request-auth.ts";
import { oneOf, PaymentRef, Text } from "../schemas.ts";

export function listPayments({ api, deps }: RouteContext): void {
  const limits = pageRange(deps.limits.pageSize);
  api.route({
    method: "GET",
    url: "/v1/payments",
    schema: {
      operationId: "listPayments",
      summary: "List payments, newest first",
      description:
        "Each with its newest 10 transfers; `GET /v1/payments/{id}` has up to 100. A page may hold fewer payments than `limit`: go on with `next` until it is null.",
      tags: ["payments"],
      querystring: Query({
        reference: Type.Optional(Text(200, "Only those with this reference.")),
        customer: Type.Optional(Text(200, "Only those of this customer.")),
        status: Type.Optional(oneOf(PAYMENT_STATUSES)),
        limit: IntegerParameter(limits, "Payments in one page."),
        after: CursorParameter("`next` of the page before."),
      }),
      response: keyedResponses(
        {
          200: Type.Object({
            payments: Type.Array(PaymentRef),
            next: NextCursor,
          }),
        },
        "invalid_cursor",
      ),
    },
    handler: async (request) => {
      const { merchantId } = secretCaller(request);
      const { limit, ...filter } = request.query;
      const page = await deps.payments.list({ merchantId, ...filter, limit: integerParameter(limit, limits) });
      return { payments: page.payments.map(viewMerchant), next: page.next };
    },
  });
}
