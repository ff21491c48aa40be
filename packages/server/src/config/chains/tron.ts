/** A chain of the kind `tron`. */
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
} from "./common.ts";

export interface TronChainConfig {
  kind: "tron";
  network: "mainnet" | "nile" | "shasta" | "private";
  /** Id of the first block of a private network; `null`: not checked. */
  genesis: string | null;
  endpoints: readonly { url: string; solidityUrl?: string; headers?: Readonly<Record<string, string>> }[];
  tokens: readonly { contract: string; symbol: string; decimals: number }[];
  confirmations: number;
  finalConfirmations: number;
  pollIntervalMs: number;
  maxSilenceMs: number;
}

/** As many as there are super representatives. */
const FINAL_CONFIRMATIONS = 27;

const endpoint = Type.Object(
  {
    url: httpUrl("https://tron.example", "A full node's HTTP interface: what stands before /wallet/getblock."),
    solidityUrl: Type.Optional(
      httpUrl(
        "http://127.0.0.1:8091",
        "What stands before /walletsolidity/getblock, where that is another port. Left out: the same as `url`.",
      ),
    ),
    headers,
  },
  strict,
);

const token = Type.Object(
  {
    contract: Type.String({
      pattern: "^T[1-9A-HJ-NP-Za-km-z]{33}$",
      [ALLOWED]: "the contract's address in base58, beginning with T",
    }),
    symbol,
    decimals,
  },
  strict,
);

export const Tron = Type.Object(
  {
    kind: Type.Literal("tron"),
    network: Type.Unsafe<string>({
      type: "string",
      enum: ["mainnet", "nile", "shasta", "private"],
      description: "Checked by the id of the first block.",
    }),
    genesis: Type.Optional(
      Type.String({
        pattern: "^[0-9a-f]{64}$",
        [ALLOWED]: "64 hexadecimal digits in lower case",
        description: "Id of the first block of a private network. Left out: it is not checked.",
      }),
    ),
    endpoints: endpoints(endpoint),
    tokens: Type.Optional(
      Type.Array(token, {
        maxItems: 1_000,
        default: [],
        description:
          "TRC-20 tokens that are accepted, by contract. No other is ever counted. None that takes a fee on transfers or changes balances by itself.",
      }),
    ),
    confirmations: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1_000,
        default: 21,
        description:
          "Confirmations for `paid`, beside that the block is solidified. A floor: a payment cannot ask for fewer.",
      }),
    ),
    finalConfirmations: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 10_000,
        description: "Confirmations for `final`: 27, or `confirmations` where that is more. At least `confirmations`.",
      }),
    ),
    pollIntervalMs: pollIntervalMs(3_000),
    maxSilenceMs: maxSilenceMs(60_000),
  },
  { ...strict, title: "tron", description: "TRON: TRX and TRC-20 tokens, watched over full nodes' HTTP interface." },
);

/** Defaults that the schema cannot say. */
export function completeTron(chain: object): TronChainConfig {
  const given = chain as Partial<TronChainConfig> & Pick<TronChainConfig, "confirmations">;
  const { confirmations, finalConfirmations = Math.max(confirmations, FINAL_CONFIRMATIONS) } = given;
  return { genesis: null, ...given, finalConfirmations } as TronChainConfig;
}

/** Rules over several settings. */
export function checkTron({ network, genesis, tokens, endpoints: given }: TronChainConfig): SettingProblem[] {
  const problems = [...repeatedCoins("TRX", tokens)];
  if (genesis !== null && network !== "private") {
    const whatToDo = `Leave it out: ${network} is known by its own.`;
    problems.push({ key: ".genesis", what: "belongs to private networks only", whatToDo });
  }
  for (const [place, { url, solidityUrl }] of given.entries()) {
    if (!URL.canParse(url)) problems.push(noUrl(`.endpoints[${place}].url`, "http://127.0.0.1:8090"));
    if (solidityUrl !== undefined && !URL.canParse(solidityUrl)) {
      problems.push(noUrl(`.endpoints[${place}].solidityUrl`, "http://127.0.0.1:8091"));
    }
  }
  return problems;
}
