/** `GET /api/identipay/v1/transactions/{id}/status`: the document's fallback to polling. */
import { Type } from "typebox";
import type { Api } from "../../http/api.ts";
import { PaybellError } from "../../kit/errors.ts";
import { CursorExpired, type EventLog } from "../../log/event-log.ts";
import type { Snapshot } from "../../log/store.ts";
import { topics } from "../../log/topic.ts";
import { summarise } from "../../payments/payment.ts";
import { isPaymentId } from "../../payments/payment-id.ts";
import type { IdentipayContext } from "./context.ts";
import { identipayRefusal } from "./refusal.ts";
import { NOT_FOUND, stateOf } from "./status.ts";

const textOrNull = Type.Unsafe<string | null>({ type: ["string", "null"] });

export function transactionStatus(api: Api, context: IdentipayContext): void {
  api.route({
    method: "GET",
    url: "/api/identipay/v1/transactions/:transactionId/status",
    config: { refusal: identipayRefusal },
    schema: {
      operationId: "identipayTransactionStatus",
      summary: "How an identiPay transaction stands",
      tags: ["identipay"],
      params: Type.Object({ transactionId: Type.String() }),
      response: {
        200: Type.Object({
          transactionId: Type.String(),
          status: Type.String({ description: "pending, settled, expired or cancelled." }),
          suiTxDigest: textOrNull,
          settledAt: textOrNull,
        }),
      },
    },
    handler: async (request) => {
      const { transactionId } = request.params;
      const snapshot = isPaymentId(transactionId) ? await context.payments.snapshot(transactionId) : null;
      if (!snapshot || snapshot.state.payment.merchantId !== request.caller?.merchantId) {
        throw new PaybellError("not_found", NOT_FOUND);
      }
      const state = stateOf(summarise(snapshot.state.payment));
      const settledAtMs = state.status === "settled" ? await settledAt(context, snapshot) : null;
      return { ...state, settledAt: settledAtMs === null ? null : new Date(settledAtMs).toISOString() };
    },
  });
}

/** When the payment became settled for the last time up to the snapshot; `null` where the log begins behind it. */
async function settledAt(
  { log, limits }: { log: EventLog; limits: IdentipayContext["limits"] },
  { state, offset }: Snapshot,
): Promise<number | null> {
  const paymentTopics = [topics.payment(state.payment.id)];
  let settledAtMs: number | null = null;
  for (let after = 0; after < offset; ) {
    const page = await log.readAfter(after, { topics: paymentTopics, limit: limits.replayPage }).catch(noneIfTrimmed);
    if (!page) return null;
    for (const { offset: at, atMs, data } of page.records) {
      if (at > offset || data.payment === null) continue;
      settledAtMs = stateOf(data.payment).status === "settled" ? (settledAtMs ?? atMs) : null;
    }
    after = page.next;
  }
  return settledAtMs;
}

function noneIfTrimmed(error: unknown): null {
  if (error instanceof CursorExpired) return null;
  throw error;
}
