/** The Idempotency-Key of other protocols' POSTs. */
import { idempotencyHeaders, sendAnswer } from "./answers.ts";
import type { IdempotentPosts } from "./deps.ts";
import type { Idempotency } from "./idempotency.ts";

export function idempotentPosts(idempotency: Idempotency): IdempotentPosts {
  return {
    headers: idempotencyHeaders,
    writePayment: async (request, reply, { merchantId, httpStatus, write, viewOf }) =>
      sendAnswer(reply, await idempotency.writePayment(request, merchantId, httpStatus, write, viewOf)),
  };
}
