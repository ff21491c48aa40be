/** Settings that chains have in common. */
import { type TSchema, Type } from "typebox";
import { ALLOWED } from "../../kit/strict-schema.ts";

export const strict = { additionalProperties: false } as const;

/** When a payment counts as paid, and as final.
 * @param fewest 1 where the chain's own word has to be waited for */
export const confirmations = (paid: number, final: number, fewest: 0 | 1 = 0) => ({
  confirmations: Type.Optional(
    Type.Integer({ minimum: fewest, maximum: 1_000, default: paid, description: "Confirmations for `paid`." }),
  ),
  finalConfirmations: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 10_000,
      default: final,
      description: "Confirmations for `final`: the reorg horizon. At least `confirmations`.",
    }),
  ),
});

/** How often a node is asked, where it pushes nothing. */
export const pollIntervalMs = (defaultMs: number) =>
  Type.Optional(
    Type.Integer({
      minimum: 100,
      maximum: 600_000,
      default: defaultMs,
      "x-unit": "ms",
      description: "How often the node is asked; the backstop where it pushes news.",
    }),
  );

/** Without a new block for so long the node counts as silent. */
export const maxSilenceMs = (defaultMs: number) =>
  Type.Optional(
    Type.Integer({
      minimum: 1_000,
      maximum: 86_400_000,
      default: defaultMs,
      "x-unit": "ms",
      description: "Without a new block for so long, the chain's node is reported as silent.",
    }),
  );

export const httpUrl = (example: string, description: string) =>
  Type.String({ pattern: "^https?://.+$", [ALLOWED]: `a URL like ${example}`, description });

export const webSocketUrl = (example: string, description: string) =>
  Type.String({ pattern: "^wss?://.+$", [ALLOWED]: `a URL like ${example}`, description });

/** Sent with every request, such as a provider's key. */
export const headers = Type.Optional(
  Type.Record(Type.String(), Type.String(), {
    description: "Headers of every request, such as a provider's key. Never shown or logged.",
  }),
);

/** In the order of preference. */
export const endpoints = <T extends TSchema>(endpoint: T) =>
  Type.Array(endpoint, {
    minItems: 1,
    maxItems: 10,
    description: "Nodes or providers in the order of preference: the next one is asked when one fails or falls behind.",
  });

export const symbol = Type.String({ pattern: "^[\\x21-\\x7e]{1,100}$", [ALLOWED]: "1 to 100 printable characters" });
export const decimals = Type.Integer({ minimum: 0, maximum: 77 });

/** What is wrong with a chain's settings; `key` is the path below the chain. */
export interface SettingProblem {
  key: string;
  what: string;
  whatToDo: string;
}

export const noUrl = (key: string, example: string): SettingProblem => ({
  key,
  what: "is no URL",
  whatToDo: `Allowed: a URL like ${example}.`,
});

/** Symbols and contracts that would not tell a chain's coins apart. */
export function repeatedCoins(
  native: string,
  tokens: readonly { symbol: string; contract: string }[],
  sameContract: (contract: string) => string = (contract) => contract,
): SettingProblem[] {
  const [symbols, contracts] = [new Set([native]), new Set<string>()];
  return tokens.flatMap(({ symbol, contract }, place) => {
    const key = `.tokens[${place}]`;
    const problems: SettingProblem[] = [];
    if (symbols.has(symbol)) problems.push(twice(`${key}.symbol`, symbol));
    if (contracts.has(sameContract(contract))) problems.push(twice(`${key}.contract`, contract));
    symbols.add(symbol);
    contracts.add(sameContract(contract));
    return problems;
  });
}

const twice = (key: string, value: string): SettingProblem => ({
  key,
  what: `${value} is there twice`,
  whatToDo: "Each coin of a chain needs a symbol, and each token a contract, of its own.",
});
