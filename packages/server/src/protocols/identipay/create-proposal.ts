/** `POST /api/identipay/v1/proposals`: a proposal, and the payment that waits for it. */
import { randomUUID } from "node:crypto";
import { toDataURL } from "qrcode";
import { type Static, Type } from "typebox";
import type { Api } from "../../http/api.ts";
import type { IdempotentPosts } from "../../http/deps.ts";
import type { ChainRegistry } from "../../ingest/chain-registry.ts";
import type { CreateRequest } from "../../ingest/ingest.ts";
import { PaybellError } from "../../kit/errors.ts";
import { ALLOWED } from "../../kit/strict-schema.ts";
import { DECIMAL_ALLOWED, DECIMAL_PATTERN, dueFor } from "./amount.ts";
import type { IdentipayContext } from "./context.ts";
import { buildProposal, did, type Proposal } from "./proposal.ts";
import { identipayRefusal } from "./refusal.ts";

const DEFAULT_EXPIRY_SECONDS = 900;
const MAX_EXPIRY_SECONDS = 86_400;
const MAX_ITEMS = 100;
const MAX_HOST_CHARS = 255;
const QR_CODE = { errorCorrectionLevel: "M", margin: 2, width: 300 } as const;

const strict = { additionalProperties: false } as const;

const text = (maxLength: number) =>
  Type.String({
    minLength: 1,
    maxLength,
    pattern: "^[^\\u0000-\\u001f\\u007f\\ud800-\\udfff]*$",
    [ALLOWED]: `text of 1 to ${maxLength} characters without control characters`,
  });
const decimal = (description: string) =>
  Type.String({ description, pattern: DECIMAL_PATTERN, [ALLOWED]: DECIMAL_ALLOWED });

const Body = Type.Object(
  {
    items: Type.Array(
      Type.Object(
        {
          name: text(200),
          quantity: Type.Integer({ minimum: 1, maximum: 1_000_000 }),
          unitPrice: decimal("Price of one."),
          currency: Type.Optional(text(100)),
        },
        strict,
      ),
      { minItems: 1, maxItems: MAX_ITEMS },
    ),
    amount: Type.Object({ value: decimal("What is due, in whole coins."), currency: text(100) }, strict),
    deliverables: Type.Object(
      {
        receipt: Type.Boolean(),
        warranty: Type.Optional(
          Type.Object(
            { durationDays: Type.Integer({ minimum: 1, maximum: 100_000 }), transferable: Type.Boolean() },
            strict,
          ),
        ),
      },
      strict,
    ),
    constraints: Type.Optional(
      Type.Object(
        {
          ageGate: Type.Optional(Type.Integer({ minimum: 0, maximum: 150 })),
          regionRestriction: Type.Optional(Type.Array(text(100), { maxItems: 300 })),
        },
        strict,
      ),
    ),
    expiresInSeconds: Type.Optional(
      Type.Integer({ minimum: 1, maximum: MAX_EXPIRY_SECONDS, default: DEFAULT_EXPIRY_SECONDS }),
    ),
    address: Type.Optional({ ...text(200), description: "Where to pay; needed where none can be derived." }),
  },
  strict,
);

export function createProposal(api: Api, context: IdentipayContext, posts: IdempotentPosts): void {
  api.route({
    method: "POST",
    url: "/api/identipay/v1/proposals",
    config: { refusal: identipayRefusal },
    schema: {
      operationId: "identipayCreateProposal",
      summary: "Create an identiPay proposal",
      tags: ["identipay"],
      headers: posts.headers,
      body: Body,
      response: {
        201: Type.Object({
          transactionId: Type.String(),
          intentHash: Type.String({ description: "SHA-256 of the canonical proposal, 64 hex digits." }),
          qrDataUrl: Type.String({ description: "PNG of the URI." }),
          uri: Type.String(),
          proposal: Type.Object({}, { additionalProperties: true }),
          expiresAt: Type.String(),
        }),
      },
    },
    handler: async (request, reply) => {
      // A route without `access` is for secret keys only; the key was checked before.
      if (!request.caller) throw new PaybellError("unauthorized", "This call needs a secret key.");
      const { merchantId } = request.caller;
      const host = request.headers.host?.slice(0, MAX_HOST_CHARS) || "localhost";
      const { wanted, proposal } = await prepare(context, merchantId, host, request.body);
      const { transactionId, intentHash, expiresAt } = proposal;
      const uri = did(host, transactionId);
      const qrDataUrl = await toDataURL(uri, QR_CODE);
      return posts.writePayment(request, reply, {
        merchantId,
        httpStatus: 201,
        write: (answerWith) => context.ingest.create(wanted, answerWith),
        viewOf: () => ({ transactionId, intentHash, qrDataUrl, uri, proposal, expiresAt }),
      });
    },
  });
}

/** The proposal and the payment that is to wait for it; nothing is written yet.
 * @throws PaybellError invalid_request, not_supported */
async function prepare(
  context: IdentipayContext,
  merchantId: string,
  host: string,
  { expiresInSeconds = DEFAULT_EXPIRY_SECONDS, address, ...terms }: Static<typeof Body>,
): Promise<{ wanted: CreateRequest; proposal: Proposal }> {
  const due = dueFor(terms.amount, context.settings, context);
  const merchant = await context.merchants.merchant(merchantId);
  if (!merchant) throw new Error("The merchant of a key is gone.");
  const expiresAtMs = context.clock.nowMs() + expiresInSeconds * 1_000;
  const transactionId = randomUUID();
  const proposal = buildProposal(terms, {
    transactionId,
    host,
    merchant,
    expiresAtMs,
    settlementChain: due.chain,
    settlementAsset: due.asset,
  });
  const metadata = { identipay: { intentHash: proposal.intentHash, proposal } };
  refuseTooLarge(metadata, context.limits.metadataBytes);
  const wanted: CreateRequest = {
    merchantId,
    id: transactionId,
    ...due,
    ...(address === undefined ? {} : { address }),
    reference: proposal.intentHash,
    // Where the chain knows intent hashes, they tell apart what is paid to one address.
    ...(knowsIntentHashes(context.registry, due.chain) ? { match: { intentHash: proposal.intentHash } } : {}),
    metadata,
    expiresAtMs,
  };
  return { wanted, proposal };
}

function knowsIntentHashes(registry: ChainRegistry, chain: string): boolean {
  return registry.get(chain).facts.match?.kinds.includes("intentHash") ?? false;
}

function refuseTooLarge(metadata: object, metadataBytes: number): void {
  const bytes = Buffer.byteLength(JSON.stringify(metadata));
  if (bytes <= metadataBytes) return;
  const [problem, allowed] = [`is ${bytes} bytes as JSON`, `at most ${metadataBytes} bytes`];
  throw new PaybellError("invalid_request", `The proposal ${problem}; allowed: ${allowed}.`, [
    { path: "", problem, allowed },
  ]);
}
