/**
 * `GET /v1/onetime/{trackingId}`: what was executed under an id, for clients without a socket. One payment is an object,
 * several are an array, oldest first. What a reorganisation took back is not there. Who may ask: as on the socket.
 */
import { Type } from "typebox";
import type { Api } from "../../http/api.ts";
import { PaybellError } from "../../kit/errors.ts";
import type { LogRecord } from "../../log/event-log.ts";
import { topics } from "../../log/topic.ts";
import type { ProtocolContext } from "../protocol.ts";
import { merchantFor } from "./access.ts";
import { type Execution, executionOf, undoneBy } from "./execution.ts";
import { INVALID_ID, type PaymentData, paymentData } from "./messages.ts";
import { NOT_FOUND, tributaryRefusal } from "./refusal.ts";
import { trackingIdFrom } from "./tracking-id.ts";

const Payment = Type.Object({
  trackingId: Type.String(),
  amount: Type.Number({ description: "Atomic units; rounded down beyond 2^53-1." }),
  timestamp: Type.Integer({ description: "When it was executed, Unix seconds." }),
  status: Type.String({ description: "executed" }),
  signature: Type.String({ description: "The covering transaction." }),
  id: Type.String({ description: "The same in every repetition, on the socket too." }),
  amountAtomic: Type.String({ description: "Atomic units, all digits." }),
});

const refused = (description: string) =>
  Type.Object({ success: Type.Boolean(), error: Type.String(), timestamp: Type.Integer() }, { description });

export function onetimeRoute(api: Api, context: ProtocolContext): void {
  api.route({
    method: "GET",
    url: "/v1/onetime/:trackingId",
    config: { access: "public", refusal: tributaryRefusal(context.clock) },
    schema: {
      operationId: "tributaryOnetime",
      summary: "What was executed under a Tributary tracking id",
      description:
        "In live mode only for merchants who opened their tracking ids, or with a secret key. The newest payments, where there are very many.",
      tags: ["tributary"],
      params: Type.Object({ trackingId: Type.String({ description: "The payment's reference, at most 64 bytes." }) }),
      querystring: Type.Object(
        { key: Type.Optional(Type.String({ maxLength: 200, description: "A publishable key: whose id is meant." })) },
        { additionalProperties: false },
      ),
      response: {
        200: Type.Object({
          success: Type.Boolean(),
          data: Type.Unsafe<PaymentData | PaymentData[]>({ anyOf: [Payment, Type.Array(Payment)] }),
          timestamp: Type.Integer({ description: "Unix milliseconds." }),
        }),
        400: refused("No tracking id, or a parameter that is not known."),
        401: refused("A key that is not known."),
        403: refused("The merchant has not opened his tracking ids, or it is not clear which one is meant."),
        404: refused("Nothing was executed under this id."),
        429: refused("Too many requests."),
        500: refused("Paybell failed."),
        503: refused("Come back later."),
      },
    },
    handler: async ({ params, query, headers, caller }) => {
      const trackingId = trackingIdFrom(params.trackingId);
      if (trackingId === null) throw new PaybellError("invalid_request", INVALID_ID.subscribe);
      const { host, origin } = headers;
      const merchantId = await merchantFor(context, { host, origin, publishableKey: query.key ?? null, caller });
      const [first, ...others] = (await executedUnder(context, merchantId, trackingId)).map(paymentData);
      if (!first) throw new PaybellError("not_found", NOT_FOUND);
      const data = others.length === 0 ? first : [first, ...others];
      return { success: true, data, timestamp: context.clock.nowMs() };
    },
  });
}

/** Oldest first, from the id's newest records: a list of `pageSize` at most. */
async function executedUnder(
  { log, limits }: Pick<ProtocolContext, "log" | "limits">,
  merchantId: string,
  trackingId: string,
): Promise<readonly Execution[]> {
  const topic = topics.reference(merchantId, trackingId);
  const executed = new Executed();
  let after = await log.offsetSince(topic, 0, Math.min(limits.pageSize, limits.replayRecords));
  for (;;) {
    const page = await log.readAfter(after, { topics: [topic], limit: limits.replayPage });
    for (const record of page.records) executed.add(record);
    if (page.next >= page.head) return executed.all;
    after = page.next;
  }
}

class Executed {
  readonly #byId = new Map<string, { execution: Execution; paymentId: string | null }>();

  get all(): readonly Execution[] {
    return [...this.#byId.values()].map(({ execution }) => execution);
  }

  add(record: LogRecord): void {
    const undone = undoneBy(record);
    if (undone && "ids" in undone) for (const id of undone.ids) this.#byId.delete(id);
    if (undone && "paymentId" in undone) this.#forget(undone.paymentId);
    const execution = executionOf(record);
    if (execution && !this.#byId.has(execution.id)) {
      this.#byId.set(execution.id, { execution, paymentId: record.paymentId });
    }
  }

  #forget(paymentId: string): void {
    for (const [id, each] of this.#byId) if (each.paymentId === paymentId) this.#byId.delete(id);
  }
}
