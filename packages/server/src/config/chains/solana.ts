/** A chain of the kind `solana`. */
import { Type } from "typebox";
import { ALLOWED } from "../../kit/strict-schema.ts";
import {
  confirmations,
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

/** Solana over JSON-RPC. */
export interface SolanaChainConfig {
  kind: "solana";
  network: "mainnet-beta" | "devnet" | "testnet" | "private";
  /** Hash of a private network's first block; `null`: not checked. */
  genesisHash: string | null;
  /** In the order of preference. */
  endpoints: readonly { url: string; wsUrl: string | null; headers: Readonly<Record<string, string>> }[];
  /** Beside SOL. */
  tokens: readonly { mint: string; symbol: string; decimals: number }[];
  /** Whose payment records become payments; `null`: nobody's. */
  tributary: { program: string } | null;
  confirmations: number;
  finalConfirmations: number;
  pollIntervalMs: number;
  maxSilenceMs: number;
}

const TRIBUTARY_PROGRAM = "TRibg8W8zmPHQqWtyAD1rEBRXEdyU13Mu6qX1Sg42tJ";

const key = (description: string) =>
  Type.String({ pattern: "^[1-9A-HJ-NP-Za-km-z]{32,44}$", [ALLOWED]: "32 bytes in base58", description });

const endpoint = Type.Object(
  {
    url: httpUrl("http://127.0.0.1:8899", "JSON-RPC over HTTP."),
    wsUrl: Type.Optional(webSocketUrl("ws://127.0.0.1:8900", "Pushes new slots: news sooner than by polling alone.")),
    headers,
  },
  strict,
);

const token = Type.Object(
  { mint: key("The token's mint, by which alone it is known; of SPL Token or of Token-2022."), symbol, decimals },
  strict,
);

export const Solana = Type.Object(
  {
    kind: Type.Literal("solana"),
    network: Type.Unsafe<string>({
      type: "string",
      enum: ["mainnet-beta", "devnet", "testnet", "private"],
      description: "Checked by the hash of the first block.",
    }),
    genesisHash: Type.Optional(key("Hash of the first block of a private network. Left out: it is not checked.")),
    endpoints: endpoints(endpoint),
    tokens: Type.Optional(
      Type.Array(token, {
        maxItems: 1_000,
        default: [],
        description: "Tokens that count beside SOL. No other one ever does, whatever it calls itself.",
      }),
    ),
    tributary: Type.Optional(
      Type.Object(
        { program: Type.Optional(key(`Default: ${TRIBUTARY_PROGRAM}.`)) },
        { ...strict, description: "Payment records of the Tributary program become payments, see match.tributary." },
      ),
    ),
    pollIntervalMs: pollIntervalMs(1_000),
    maxSilenceMs: maxSilenceMs(30_000),
    ...confirmations(1, 1, 1),
  },
  {
    ...strict,
    title: "solana",
    description: "Solana, watched over JSON-RPC. Confirmations are slots, counted from the newest finalized one.",
  },
);

type Given = Partial<Omit<SolanaChainConfig, "tributary">> &
  Pick<SolanaChainConfig, "endpoints"> & { tributary?: { program?: string } };

/** Defaults that lie deeper than the first level. */
export function completeSolana(chain: object): SolanaChainConfig {
  const given = chain as Given;
  return {
    genesisHash: null,
    ...given,
    endpoints: given.endpoints.map((one) => ({ ...one, wsUrl: one.wsUrl ?? null, headers: one.headers ?? {} })),
    tributary: given.tributary ? { program: given.tributary.program ?? TRIBUTARY_PROGRAM } : null,
  } as SolanaChainConfig;
}

/** Rules over several settings. */
export function checkSolana({ network, genesisHash, tokens, endpoints: given }: SolanaChainConfig): SettingProblem[] {
  const contracts = tokens.map(({ mint, ...token }) => ({ ...token, contract: mint }));
  const problems = repeatedCoins("SOL", contracts).map((problem) => ({
    ...problem,
    key: problem.key.replace(/contract$/, "mint"),
  }));
  if (genesisHash !== null && network !== "private") {
    const whatToDo = `Leave it out: ${network} is known by its own.`;
    problems.push({ key: ".genesisHash", what: "belongs to private networks only", whatToDo });
  }
  for (const [place, { url, wsUrl }] of given.entries()) {
    if (!URL.canParse(url)) problems.push(noUrl(`.endpoints[${place}].url`, "http://127.0.0.1:8899"));
    if (wsUrl !== null && !URL.canParse(wsUrl)) {
      problems.push(noUrl(`.endpoints[${place}].wsUrl`, "ws://127.0.0.1:8900"));
    }
  }
  return problems;
}
