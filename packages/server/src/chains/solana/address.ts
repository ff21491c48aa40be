/** Addresses and what payments on one address may be told apart by. Source: Solana documentation, Solana Pay 1.0. */
import { InvalidMatch, type MatchKind, type MatchRules } from "../match.ts";
import { InvalidAddress } from "../watcher.ts";
import { bytesOf } from "./base58.ts";
import { MAX_MEMO_BYTES } from "./memos.ts";

const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;

/** A wallet, also one of a program (off the curve). A token account is none: its owner is.
 * @throws InvalidAddress */
export function canonicalAddress(address: string): string {
  if (bytesOf(address, KEY_BYTES)) return address;
  throw new InvalidAddress(
    "An address is 32 bytes in base58, 32 to 44 characters: the wallet, not one of its token accounts.",
  );
}

export const solanaMatchRules: MatchRules = {
  kinds: ["txId", "referenceKey", "memo", "tributary", "payer"],
  canonical: (kind, value) => canonical(kind, value),
};

function canonical(kind: MatchKind, value: string): string {
  switch (kind) {
    case "payer":
    case "referenceKey":
      return key(kind, value);
    case "tributary":
      return value === "*" ? value : key("tributary (or * for every gateway)", value);
    case "txId":
      if (bytesOf(value, SIGNATURE_BYTES)) return value;
      throw new InvalidMatch("txId: a transaction's first signature is 64 bytes in base58.");
    case "memo":
      if (value !== "" && value.isWellFormed() && Buffer.byteLength(value) <= MAX_MEMO_BYTES) return value;
      throw new InvalidMatch(`memo: text of 1 to ${MAX_MEMO_BYTES} bytes in UTF-8.`);
    default:
      throw new InvalidMatch(
        `On Solana there is no ${kind}: allowed are txId with payer, referenceKey, memo, tributary, payer.`,
      );
  }
}

function key(what: string, value: string): string {
  if (bytesOf(value, KEY_BYTES)) return value;
  throw new InvalidMatch(`${what}: 32 bytes in base58, 32 to 44 characters.`);
}
