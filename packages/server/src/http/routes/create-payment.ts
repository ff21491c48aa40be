/** `POST /v1/payments` */
import { type Static, Type } from "typebox";
import type { CreateRequest } from "../../ingest/ingest.ts";
import { PaybellError } from "../../kit/errors.ts";
import { idempotencyHeaders, postResponses, sendAnswer } from "../answers.ts";
import type { RouteContext } from "../api.ts";
import { NoQuery } from "../query.ts";
import { secretCaller } from "../request-auth.ts";
import { Item, Match, PaymentRef, PositiveAmountOrNull, Text } from "../schemas.ts";

const MAX_EXPIRY_SECONDS = 30 * 24 * 60 * 60;
const MAX_ITEMS = 100;
const REFERENCE =
  "Your own name for it, like an order number: for look-ups and subscriptions. Give no personal data here: the log's records keep it also when the payment is erased.";

/** What a payment and an order have in common. */
export const paymentFields = {
  address: Type.Optional(Text(200, "Where the payer is to send. Left out: one is allocated.")),
  match: Type.Optional(Match),
  reference: Type.Optional(Text(200, REFERENCE)),
  expiresInSeconds: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: MAX_EXPIRY_SECONDS,
      description: "Default 3600 (`defaults.expiresInSeconds`). Not with `amount: null`.",
    }),
  ),
  confirmations: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 1_000,
      description: "Confirmations for `paid`; the chain's default when left out.",
    }),
  ),
  metadata: Type.Optional(
    Type.Unsafe<Record<string, unknown>>({
      type: "object",
      additionalProperties: true,
      description: "Yours. Erased with the payment.",
    }),
  ),
};

const Body = Type.Object(
  {
    amount: PositiveAmountOrNull(
      "What is due, in atomic units. `null`: a standing payment, which never expires and takes every transfer.",
    ),
    asset: Text(100, "`SBX` in the sandbox, `BTC` on Bitcoin."),
    chain: Text(64, "A chain of the configuration; `sandbox` in the sandbox."),
    ...paymentFields,
    customer: Type.Optional(Text(200, "Your own name for the buyer. Erased with the payment.")),
    items: Type.Optional(Type.Array(Item, { maxItems: MAX_ITEMS })),
  },
  { additionalProperties: false },
);

export function createPayment({ api, deps, idempotency }: RouteContext): void {
  api.route({
    method: "POST",
    url: "/v1/payments",
    schema: {
      operationId: "createPayment",
      summary: "Create a payment",
      tags: ["payments"],
      querystring: NoQuery,
      headers: idempotencyHeaders,
      body: Body,
      response: postResponses({ 201: PaymentRef }, "address_in_use", "gap_exhausted", "not_supported"),
    },
    handler: async (request, reply) => {
      const { merchantId } = secretCaller(request);
      const wanted = createRequest(merchantId, request.body, deps.limits.metadataBytes);
      const answer = await idempotency.writePayment(request, merchantId, 201, (answerWith) =>
        deps.ingest.create(wanted, answerWith),
      );
      return sendAnswer(reply, answer);
    },
  });
}

function createRequest(merchantId: string, body: Static<typeof Body>, metadataBytes: number): CreateRequest {
  const { amount, ...rest } = body;
  if (amount === null && rest.expiresInSeconds !== undefined) {
    throw new PaybellError(
      "invalid_request",
      "A standing payment (amount null) never expires: leave expiresInSeconds out.",
      [{ path: "expiresInSeconds", problem: "is given together with amount null", allowed: "only with an amount" }],
    );
  }
  requireSmallMetadata(rest.metadata, metadataBytes);
  return { merchantId, amountAtomic: amount === null ? null : BigInt(amount), ...rest };
}

/** @throws PaybellError invalid_request */
export function requireSmallMetadata(metadata: object | undefined, metadataBytes: number): void {
  const bytes = metadata === undefined ? 0 : Buffer.byteLength(JSON.stringify(metadata));
  if (bytes <= metadataBytes) return;
  throw new PaybellError("invalid_request", `metadata is ${bytes} bytes as JSON; allowed: ${metadataBytes}.`, [
    { path: "metadata", problem: `is ${bytes} bytes as JSON`, allowed: `at most ${metadataBytes} bytes` },
  ]);
}
