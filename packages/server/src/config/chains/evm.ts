/** A chain of the kind `evm`: Ethereum and the networks that work like it. */
import { Type } from "typebox";
import { ALLOWED } from "../../kit/strict-schema.ts";
import {
  decimals,
  endpoints,
  headers,
  httpUrl,
  maxSilenceMs,
  noUrl,
  pollIntervalMs,
  repeatedCoins,
  type SettingProblem,
  strict,
  symbol,
  webSocketUrl,
} from "./common.ts";

/** An EVM network over JSON-RPC. */
export interface EvmChainConfig {
  kind: "evm";
  chainId: number;
  native: { symbol: string; decimals: number };
  /** In the order of preference. */
  endpoints: readonly { url: string; wsUrl: string | null; headers: Readonly<Record<string, string>> }[];
  tokens: readonly { contract: string; symbol: string; decimals: number; balanceCheck: boolean }[];
  /** How far confirmations count: to the head, or only as far as the chain calls its blocks safe or finalized. */
  finality: "confirmations" | "safe" | "finalized";
  confirmations: number;
  finalConfirmations: number;
  mempool: boolean;
  batchSize: number;
  pollIntervalMs: number;
  maxSilenceMs: number;
}

/** Confirmations for `paid` and for `final` by policy: where the chain stands by a block, one is enough. */
const CONFIRMATIONS = {
  confirmations: { paid: 12, final: 64 },
  safe: { paid: 1, final: 64 },
  finalized: { paid: 1, final: 1 },
} as const;

const token = Type.Object(
  {
    contract: Type.String({
      pattern: "^0x[0-9a-fA-F]{40}$",
      [ALLOWED]: "an address: 0x and 40 hexadecimal digits",
      description: "The token's contract. A checksum in it (EIP-55) is verified at the start.",
    }),
    symbol,
    decimals,
    balanceCheck: Type.Optional(
      Type.Boolean({
        default: true,
        description:
          "Count what arrived by the recipient's balances, not what the token's logs say. `false` only for tokens that take no fee and never change balances by themselves.",
      }),
    ),
  },
  strict,
);

const endpoint = Type.Object(
  {
    url: httpUrl("http://127.0.0.1:8545", "JSON-RPC over HTTP."),
    wsUrl: Type.Optional(webSocketUrl("ws://127.0.0.1:8546", "Pushes new blocks: news sooner, with less polling.")),
    headers,
  },
  strict,
);

export const Evm = Type.Object(
  {
    kind: Type.Literal("evm"),
    chainId: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER, description: "EIP-155; 1 is Ethereum." }),
    native: Type.Optional(
      Type.Object(
        { symbol, decimals: Type.Optional(Type.Integer({ minimum: 0, maximum: 77, default: 18 })) },
        { ...strict, description: "The network's own coin; without it ETH with 18 decimals." },
      ),
    ),
    endpoints: endpoints(endpoint),
    tokens: Type.Optional(
      Type.Array(token, { maxItems: 1_000, description: "ERC-20 tokens that count. No other one ever does." }),
    ),
    finality: Type.Optional(
      Type.Unsafe<string>({
        type: "string",
        enum: ["confirmations", "safe", "finalized"],
        default: "confirmations",
        description: "How far confirmations count: to the head, or only as far as the network calls its blocks so.",
      }),
    ),
    confirmations: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 1_000,
        description: "Confirmations for `paid`: 12, with `finality` safe or finalized 1, and then no fewer.",
      }),
    ),
    finalConfirmations: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 10_000,
        description: "Confirmations for `final`: 64, with `finality` finalized 1. At least `confirmations`.",
      }),
    ),
    mempool: Type.Optional(
      Type.Boolean({
        default: false,
        description: "Look at the pending block, for nodes that build one; most providers do not.",
      }),
    ),
    batchSize: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1_000,
        default: 20,
        description: "Calls in one request. 1 for providers that take no batches.",
      }),
    ),
    pollIntervalMs: pollIntervalMs(3_000),
    maxSilenceMs: maxSilenceMs(120_000),
  },
  { ...strict, title: "evm", description: "Ethereum and networks like it, watched over JSON-RPC." },
);

type Given = Partial<EvmChainConfig> & Pick<EvmChainConfig, "kind" | "chainId">;

/** Defaults that depend on other settings, or lie deeper than the first level. */
export function completeEvm(chain: object): EvmChainConfig {
  const given = chain as Given;
  const finality = given.finality ?? "confirmations";
  const confirmations = given.confirmations ?? CONFIRMATIONS[finality].paid;
  return {
    ...given,
    native: { decimals: 18, ...(given.native ?? { symbol: "ETH" }) },
    endpoints: (given.endpoints ?? []).map((one) => ({ ...one, wsUrl: one.wsUrl ?? null, headers: one.headers ?? {} })),
    tokens: (given.tokens ?? []).map((one) => ({ ...one, balanceCheck: one.balanceCheck ?? true })),
    finality,
    confirmations,
    finalConfirmations: given.finalConfirmations ?? Math.max(confirmations, CONFIRMATIONS[finality].final),
  } as EvmChainConfig;
}

/** Rules over several settings. */
export function checkEvm(chain: EvmChainConfig): SettingProblem[] {
  const { native, endpoints: given, tokens, finality, confirmations } = chain;
  const problems = repeatedCoins(native.symbol, tokens, (contract) => contract.toLowerCase());
  if (finality !== "confirmations" && confirmations < 1) {
    const what = `${confirmations} would be paid before the network calls the block ${finality}`;
    problems.push({ key: ".confirmations", what, whatToDo: "Allowed with this finality: 1 or more." });
  }
  for (const [place, { url, wsUrl }] of given.entries()) {
    if (!URL.canParse(url)) problems.push(noUrl(`.endpoints[${place}].url`, "http://127.0.0.1:8545"));
    if (wsUrl !== null && !URL.canParse(wsUrl))
      problems.push(noUrl(`.endpoints[${place}].wsUrl`, "ws://127.0.0.1:8546"));
  }
  return problems;
}
