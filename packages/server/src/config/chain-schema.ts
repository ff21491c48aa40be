/** The section `chains` of the configuration. */
import { Type } from "typebox";
import { ALLOWED } from "../kit/strict-schema.ts";
import { Bitcoin } from "./chains/bitcoin.ts";
import { Evm } from "./chains/evm.ts";
import { External } from "./chains/external.ts";
import { Solana } from "./chains/solana.ts";
import { Sui } from "./chains/sui.ts";
import { Tron } from "./chains/tron.ts";

/** By kind; the documentation reads them one by one. */
export const chainKinds = {
  bitcoin: Bitcoin,
  evm: Evm,
  external: External,
  solana: Solana,
  sui: Sui,
  tron: Tron,
} as const;

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
    allOf: (Object.keys(chainKinds) as (keyof typeof chainKinds)[]).map(whenKind),
  },
});
