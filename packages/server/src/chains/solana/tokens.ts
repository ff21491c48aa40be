/** The coins that count: SOL, and the mints of the configuration. Nothing else ever does. */
import { StartupError } from "../../kit/startup-error.ts";
import type { ChainAsset } from "../watcher.ts";
import { bytesOf } from "./base58.ts";

export const SOL: ChainAsset = { symbol: "SOL", decimals: 9 };

/** SPL Token and Token-2022. Source: solana-program/token, solana-program/token-2022. */
export const TOKEN_PROGRAMS: ReadonlySet<string> = new Set([
  "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA",
  "TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb",
]);

export interface SolanaToken {
  /** Base58. */
  mint: string;
  symbol: string;
  decimals: number;
}

/** By mint. @throws StartupError for one that is no key */
export function tokenRegistry(chain: string, tokens: readonly SolanaToken[]): ReadonlyMap<string, SolanaToken> {
  for (const { mint, symbol } of tokens) {
    if (bytesOf(mint, 32)) continue;
    throw new StartupError(
      `chains.${chain}: the mint of ${symbol} (${mint}) is wrong: it has to be 32 bytes in base58.`,
      "Copy it again from the token's issuer.",
    );
  }
  return new Map(tokens.map((token) => [token.mint, token]));
}
