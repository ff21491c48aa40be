/**
 * Addresses and digests. An address is 32 bytes in hex, a digest 32 bytes in base58; neither has a checksum, so that
 * only its length tells a typing error. Source: Sui documentation, "Address"; @mysten/sui/utils.
 */
import { fromBase58, toBase58 } from "@mysten/sui/utils";
import { InvalidMatch } from "../match.ts";
import { InvalidAddress } from "../watcher.ts";

const ADDRESS = /^0x[0-9a-f]{64}$/;
const DIGEST_BYTES = 32;

/** `0x` and 64 hex digits in lower case: the match key, too.
 * @throws InvalidAddress naming what is wrong and what is allowed */
export function canonicalAddress(text: string): string {
  const address = text.toLowerCase();
  if (ADDRESS.test(address)) return address;
  if (/^0x[0-9a-f]*$/.test(address)) {
    throw new InvalidAddress(
      `It has ${address.length - 2} hex digits after 0x; an address has 64: none may be left out.`,
    );
  }
  throw new InvalidAddress("An address is 0x and 64 hex digits.");
}

/** Base58 has one way of writing 32 bytes only.
 * @throws InvalidMatch */
export function canonicalDigest(text: string): string {
  if (isDigest(text)) return text;
  throw new InvalidMatch(`A transaction's digest is ${DIGEST_BYTES} bytes in base58.`);
}

export function isDigest(text: string): boolean {
  try {
    const bytes = fromBase58(text);
    return bytes.length === DIGEST_BYTES && toBase58(bytes) === text;
  } catch {
    // What cannot be read as base58 is no digest: that is the answer.
    return false;
  }
}
