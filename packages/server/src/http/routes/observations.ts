/** `POST /v1/observations`: for a backend that watches its own chain. All of them are recorded, or none. */
import { type Static, Type } from "typebox";
import type { ReportedObservation } from "../../ingest/ingest.ts";
import { PaybellError } from "../../kit/errors.ts";
import { type PaymentState, viewMerchant } from "../../payments/payment.ts";
import { isPaymentId } from "../../payments/payment-id.ts";
import { idempotencyHeaders, postResponses, sendAnswer } from "../answers.ts";
import type { RouteContext } from "../api.ts";
import { NoQuery } from "../query.ts";
import { secretCaller } from "../request-auth.ts";
import { oneOf, PaymentRef, PositiveAmount, Text, TextOrNull } from "../schemas.ts";

const MAX_BLOCK_HEIGHT = 1_000_000_000_000;
const MAX_CONFIRMATIONS = 1_000_000_000;

const Observation = Type.Object(
  {
    paymentId: Text(100, "The payment that it pays."),
    txId: Text(200, "The transaction."),
    index: Text(200, "Its place in the transaction, such that it stays the same in another block."),
    asset: Text(100, "What was sent."),
    amount: PositiveAmount("Atomic units."),
    status: oneOf(
      ["seen", "included", "orphaned", "replaced", "dropped", "failed"],
      "`failed`: included, but it did not execute; never a payment.",
    ),
    confirmations: Type.Integer({ minimum: 0, maximum: MAX_CONFIRMATIONS, description: "0 unless included." }),
    blockHash: Type.Optional(TextOrNull(200, "Given with blockHeight.")),
    blockHeight: Type.Optional(
      Type.Unsafe<number | null>({ type: ["integer", "null"], minimum: 0, maximum: MAX_BLOCK_HEIGHT }),
    ),
  },
  { additionalProperties: false },
);
type Observation = Static<typeof Observation>;

const bodyOf = (most: number) =>
  Type.Unsafe<Observation | Observation[]>({
    type: ["object", "array"],
    description: `One observation, or an array of 1 to ${most}.`,
    if: { type: "array" },
    // biome-ignore lint/suspicious/noThenProperty: JSON Schema's own keyword.
    then: { type: "array", minItems: 1, maxItems: most, items: Observation },
    else: Observation,
  });

export function observations({ api, deps, idempotency }: RouteContext): void {
  api.route({
    method: "POST",
    url: "/v1/observations",
    schema: {
      operationId: "reportObservations",
      summary: "Report what your own watcher saw",
      description:
        "Of payments on chains that your own backend watches (`kind: external` in the configuration, and the sandbox's own chain): where Paybell watches the chain itself, nobody else tells it what happens there. Everything is checked before anything is recorded. Repeat them as confirmations come; a repeated observation changes nothing.",
      tags: ["observations"],
      querystring: NoQuery,
      headers: idempotencyHeaders,
      body: bodyOf(deps.limits.observationsPerRequest),
      response: postResponses(
        { 200: Type.Object({ payments: Type.Array(PaymentRef) }) },
        "not_found",
        "not_supported",
        "conflict",
      ),
    },
    handler: async (request, reply) => {
      const { merchantId } = secretCaller(request);
      const nowMs = deps.clock.nowMs();
      const reported = [request.body].flat().map((seen, place) => reportedFrom(seen, place, nowMs));
      const answer = await idempotency.write<readonly PaymentState[]>(request, merchantId, {
        httpStatus: 200,
        write: (answerWith) => deps.ingest.observe(merchantId, reported, answerWith),
        viewOf: (states) => ({ payments: states.map(viewMerchant) }),
        paymentIds: (states) => states.map(({ payment }) => payment.id),
      });
      return sendAnswer(reply, answer);
    },
  });
}

/** The block's time is not part of the report, so the transfer counts from when it was first reported. */
function reportedFrom(seen: Observation, place: number, nowMs: number): ReportedObservation {
  const { paymentId, amount, blockHash = null, blockHeight = null, ...rest } = seen;
  if (!isPaymentId(paymentId)) throw wrong(place, "paymentId", "is not the id of a payment", "a UUID v4");
  if ((blockHash === null) !== (blockHeight === null)) {
    throw wrong(place, "blockHeight", "must be given together with blockHash", "both or neither");
  }
  if (rest.status !== "included" && rest.status !== "failed" && rest.confirmations > 0) {
    throw wrong(place, "confirmations", `is ${rest.confirmations} with status ${rest.status}`, "0 unless included");
  }
  const block =
    blockHash === null || blockHeight === null ? null : { height: blockHeight, hash: blockHash, timeMs: nowMs };
  return { paymentId, observation: { ...rest, amountAtomic: BigInt(amount), block } };
}

function wrong(place: number, field: string, problem: string, allowed: string): PaybellError {
  const path = `[${place}].${field}`;
  return new PaybellError("invalid_request", `${path} ${problem}; allowed: ${allowed}.`, [{ path, problem, allowed }]);
}
