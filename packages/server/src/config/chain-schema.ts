/** The section `chains` of the configuration. */
import { Type } from "typebox";
import { ALLOWED } from "../kit/strict-schema.ts";

const strict = { additionalProperties: false } as const;

const confirmations = {
  confirmations: Type.Optional(
    Type.Integer({ minimum: 0, maximum: 1_000, default: 2, description: "Confirmations for `paid`." }),
  ),
  finalConfirmations: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 10_000,
      default: 6,
      description: "Confirmations for `final`: the reorg horizon. At least `confirmations`.",
    }),
  ),
};

const endpoint = (description: string) =>
  Type.String({ pattern: "^tcp://.+:[0-9]{1,5}$", [ALLOWED]: "an endpoint like tcp://127.0.0.1:28332", description });

const Bitcoin = Type.Object(
  {
    kind: Type.Literal("bitcoin"),
    network: Type.Unsafe<string>({ type: "string", enum: ["mainnet", "testnet", "signet", "regtest"] }),
    rpcUrl: Type.String({
      pattern: "^https?://.+$",
      [ALLOWED]: "a URL like http://127.0.0.1:8332",
      description: "bitcoind's JSON-RPC.",
    }),
    rpcUser: Type.Optional(Type.String({ minLength: 1, description: "Together with rpcPassword." })),
    rpcPassword: Type.Optional(Type.String({ minLength: 1, description: "Together with rpcUser." })),
    rpcCookieFile: Type.Optional(Type.String({ minLength: 1, description: "bitcoind's .cookie, in place of both." })),
    zmq: Type.Optional(
      Type.Object(
        { rawtx: endpoint("zmqpubrawtx of bitcoind."), sequence: endpoint("zmqpubsequence of bitcoind.") },
        { ...strict, description: "News within milliseconds. Without it the node is polled." },
      ),
    ),
    pollIntervalMs: Type.Optional(
      Type.Integer({
        minimum: 100,
        maximum: 600_000,
        default: 5_000,
        "x-unit": "ms",
        description: "How often the node is asked; the backstop where there is ZMQ.",
      }),
    ),
    ...confirmations,
  },
  { ...strict, title: "bitcoin", description: "Bitcoin, watched over bitcoind." },
);

const External = Type.Object(
  {
    kind: Type.Literal("external"),
    assets: Type.Array(
      Type.Object(
        {
          symbol: Type.String({ pattern: "^[\\x21-\\x7e]{1,100}$", [ALLOWED]: "1 to 100 printable characters" }),
          decimals: Type.Integer({ minimum: 0, maximum: 77 }),
        },
        strict,
      ),
      { minItems: 1, maxItems: 1_000 },
    ),
    ...confirmations,
  },
  { ...strict, title: "external", description: "A chain that your backend watches: POST /v1/observations." },
);

/** By kind; the documentation reads them one by one. */
export const chainKinds = { bitcoin: Bitcoin, external: External } as const;

const whenKind = (kind: keyof typeof chainKinds) => ({
  if: { type: "object", required: ["kind"], properties: { kind: { const: kind } } },
  // biome-ignore lint/suspicious/noThenProperty: JSON Schema's own keyword.
  then: chainKinds[kind],
});

export const chainsSchema = Type.Unsafe<Record<string, unknown>>({
  type: "object",
  description: "Chains by the name that the API uses.",
  propertyNames: { pattern: "^[a-z][a-z0-9-]{0,31}$", [ALLOWED]: "lower-case letters, digits and -" },
  additionalProperties: {
    type: "object",
    required: ["kind"],
    properties: { kind: { type: "string", enum: Object.keys(chainKinds) } },
    allOf: [whenKind("bitcoin"), whenKind("external")],
  },
});
