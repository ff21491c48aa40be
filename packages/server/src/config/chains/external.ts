/** A chain of the kind `external`: the merchant's own backend watches it. */
import { Type } from "typebox";
import { confirmations, decimals, strict, symbol } from "./common.ts";

export const External = Type.Object(
  {
    kind: Type.Literal("external"),
    assets: Type.Array(
      Type.Object(
        {
          symbol,
          decimals,
        },
        strict,
      ),
      { minItems: 1, maxItems: 1_000 },
    ),
    ...confirmations(2, 6),
  },
  { ...strict, title: "external", description: "A chain that your backend watches: POST /v1/observations." },
);
