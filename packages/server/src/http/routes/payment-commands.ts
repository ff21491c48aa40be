/** `POST /v1/payments/{id}/cancel`, `/claim`, `/delivery`, `/resolve`: what a merchant tells of a payment. */
import { DELIVERY_STATES, type DeliveryState } from "@paybell/protocol";
import type { FastifyReply, FastifyRequest } from "fastify";
import { type TSchema, Type } from "typebox";
import type { PaymentCommandInput } from "../../ingest/ingest.ts";
import { isPaymentId } from "../../payments/payment-id.ts";
import { idempotencyHeaders, postResponses, sendAnswer } from "../answers.ts";
import type { RouteContext } from "../api.ts";
import { NoBody, NoQuery, PaymentIdParams } from "../query.ts";
import { paymentNotFound, secretCaller } from "../request-auth.ts";
import { oneOf, PaymentRef, Text } from "../schemas.ts";

type DeliveryTarget = Exclude<DeliveryState, "none">;
const DELIVERY_TARGETS = DELIVERY_STATES.filter((state): state is DeliveryTarget => state !== "none");

const strict = { additionalProperties: false } as const;
const TX_ID =
  "The transaction by which it was paid: looked up at once, and shown to you as `claimedTxId`. Only where `match.payer` is known, and it counts only if that address sent it.";
const ClaimBody = Type.Object({ txId: Type.Optional(Text(200, TX_ID)) }, strict);
const DeliveryBody = Type.Object({ to: oneOf(DELIVERY_TARGETS) }, strict);
const ResolveBody = Type.Object({ as: oneOf(["paid", "failed"]) }, strict);

export function paymentCommands(context: RouteContext): void {
  const { api } = context;
  const execute = executor(context);
  api.post("/v1/payments/:id/cancel", { schema: schemaOf("cancelPayment", CANCEL, NoBody) }, (request, reply) =>
    execute(request, reply, request.params.id, { type: "cancel" }),
  );
  api.post("/v1/payments/:id/claim", { schema: schemaOf("claimPayment", CLAIM, ClaimBody) }, (request, reply) =>
    execute(request, reply, request.params.id, { type: "claim", ...request.body }),
  );
  api.post(
    "/v1/payments/:id/delivery",
    { schema: schemaOf("deliverPayment", DELIVERY, DeliveryBody) },
    (request, reply) => execute(request, reply, request.params.id, { type: "deliver", to: request.body.to }),
  );
  api.post("/v1/payments/:id/resolve", { schema: schemaOf("resolvePayment", RESOLVE, ResolveBody) }, (request, reply) =>
    execute(request, reply, request.params.id, { type: "resolve", as: request.body.as }),
  );
}

const CANCEL = "Cancel a pending payment, while no transfer is seen";
const CLAIM = "Note that the payer says to have paid";
const DELIVERY = "Say how delivery stands; while it is paid or final (`processing` also in confirming)";
const RESOLVE = "Decide by hand: for expired, failed, reversed payments and those that need review";

function schemaOf<B extends TSchema>(operationId: string, summary: string, body: B) {
  return {
    operationId,
    summary,
    tags: ["payments"],
    params: PaymentIdParams,
    querystring: NoQuery,
    headers: idempotencyHeaders,
    body,
    response: postResponses({ 200: PaymentRef }, "not_found", "invalid_state", "not_supported", "conflict"),
  };
}

function executor({ deps, idempotency }: RouteContext) {
  return async (request: FastifyRequest, reply: FastifyReply, id: string, input: PaymentCommandInput) => {
    const { merchantId } = secretCaller(request);
    if (!isPaymentId(id)) throw paymentNotFound();
    const answer = await idempotency.writePayment(request, merchantId, 200, (answerWith) =>
      deps.ingest.execute(merchantId, id, input, answerWith),
    );
    return sendAnswer(reply, answer);
  };
}
