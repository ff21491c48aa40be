/** The section `identipay` of the configuration. */
import { Type } from "typebox";
import { ALLOWED } from "../kit/strict-schema.ts";
import type { Config } from "./config.ts";
import type { ConfigProblem } from "./config-error.ts";

const strict = { additionalProperties: false } as const;

export const identipaySchema = Type.Object(
  {
    chain: Type.String({ minLength: 1, description: "The chain of `chains` on which proposals are paid." }),
    currencies: Type.Optional(
      Type.Unsafe<Record<string, string>>({
        type: "object",
        minProperties: 1,
        propertyNames: { pattern: "^[\\x21-\\x7e]{1,100}$", [ALLOWED]: "1 to 100 printable characters" },
        additionalProperties: { type: "string", minLength: 1 },
        description: "Currency of a proposal → asset of the chain. Left out: the chain's assets under their own names.",
      }),
    ),
  },
  { ...strict, description: "What POST /api/identipay/v1/proposals makes of an amount. The sandbox needs none." },
);

/** Chain and assets must be there. The assets of a watched chain are known to its watcher only; a wrong one is refused
 * when it is asked for. */
export function checkIdentipay(config: Config, whereOf: (path: string) => string): ConfigProblem[] {
  const { identipay, chains, mode } = config;
  if (identipay === null) return [];
  const known = [...Object.keys(chains), ...(mode === "sandbox" ? ["sandbox"] : [])];
  const chain = chains[identipay.chain];
  if (!known.includes(identipay.chain)) {
    const whatToDo = known.length === 0 ? "Configure it under chains." : `Configured are: ${known.join(", ")}.`;
    return [{ where: whereOf("identipay.chain"), what: `there is no chain "${identipay.chain}"`, whatToDo }];
  }
  if (chain?.kind !== "external") return [];
  const symbols = chain.assets.map(({ symbol }) => symbol);
  return Object.entries(identipay.currencies ?? {})
    .filter(([, asset]) => !symbols.includes(asset))
    .map(([currency, asset]) => ({
      where: whereOf(`identipay.currencies.${currency}`),
      what: `there is no asset "${asset}" on ${identipay.chain}`,
      whatToDo: `Its assets are: ${symbols.join(", ")}.`,
    }));
}
