/** What payments on one TRON address may be told apart by: who sends, which transaction, which memo. */

import { InvalidMatch, type MatchKind, type MatchRules } from "../match.ts";
import { InvalidAddress } from "../watcher.ts";
import { base58Of, hexOf } from "./address.ts";

/** Longer data is no memo that a person was asked to copy, but some program's own. */
const MAX_MEMO_BYTES = 256;

export const tronMatchRules: MatchRules = {
  kinds: ["txId", "memo", "payer"],
  canonical: (kind, value) => canonical(kind, value),
};

function canonical(kind: MatchKind, value: string): string {
  switch (kind) {
    case "payer":
      return canonicalPayer(value);
    case "txId":
      if (/^[0-9a-fA-F]{64}$/.test(value)) return value.toLowerCase();
      throw new InvalidMatch("A TRON transaction's id is 64 hexadecimal digits, without 0x.");
    case "memo":
      if (value !== "" && value.isWellFormed() && Buffer.byteLength(value) <= MAX_MEMO_BYTES) return value;
      throw new InvalidMatch(`A memo is text of 1 to ${MAX_MEMO_BYTES} bytes in UTF-8.`);
    default:
      throw new InvalidMatch(`On TRON there is no ${kind}: allowed are txId with payer, memo, payer.`);
  }
}

function canonicalPayer(value: string): string {
  try {
    return base58Of(hexOf(value));
  } catch (error) {
    if (error instanceof InvalidAddress) throw new InvalidMatch(`payer: ${error.message}`);
    throw error;
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The memo of a transaction's data; none where it is empty, too long or no text. */
export function memosIn(data: Uint8Array): string[] {
  if (data.length === 0 || data.length > MAX_MEMO_BYTES) return [];
  try {
    return [utf8.decode(data)];
  } catch (error) {
    if (error instanceof TypeError) return [];
    throw error;
  }
}
