/**
 * Balances above 2^53 lamports (9 million SOL) are not exact as JavaScript numbers. They are rare: a block is parsed
 * quickly, and once more with exact numbers only when such a balance has to be counted. (Reading every block exactly
 * would cost five to ten times as much: docs/decisions/0012-solana-by-block.md.)
 */

/** A number that has to be known exactly was read as an inexact one. */
export class Inexact extends Error {
  override readonly name = "Inexact";
}

/** @throws Inexact */
export function exactly(value: number | bigint): bigint {
  if (typeof value === "number" && !Number.isSafeInteger(value)) throw new Inexact();
  return BigInt(value);
}

/** As `JSON.parse`, but whole numbers that it could not hold are `bigint`. */
export function parseExactly(text: string): unknown {
  return JSON.parse(text, withSource as (key: string, value: unknown) => unknown);
}

function withSource(_: string, value: unknown, context: { source?: string }): unknown {
  if (typeof value !== "number" || Number.isSafeInteger(value)) return value;
  return context.source !== undefined && /^-?\d+$/.test(context.source) ? BigInt(context.source) : value;
}
