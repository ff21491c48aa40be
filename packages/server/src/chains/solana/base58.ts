/** Keys, hashes and signatures as Solana writes them: base58, of an exact length. */
import { base58 } from "@scure/base";

/** The bytes, or `null` where it is no base58 of so many bytes. Such a text has one way of writing it. */
export function bytesOf(text: string, length: number): Uint8Array | null {
  // 64 bytes have at most 88 characters; longer texts are not worth decoding.
  if (!/^[1-9A-HJ-NP-Za-km-z]{1,88}$/.test(text)) return null;
  const bytes = base58.decode(text);
  return bytes.length === length ? bytes : null;
}

/** Data of instructions, of any length. @throws Error where it is no base58 */
export function dataOf(text: string): Uint8Array {
  return base58.decode(text);
}

export function textOf(bytes: Uint8Array): string {
  return base58.encode(bytes);
}
