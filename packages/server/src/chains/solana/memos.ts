/**
 * Memos of a transaction: the data of the memo program's instructions, also of those that another program calls.
 * Source: solana-program/memo, `interface/src/lib.rs` (three deployments: v1, v3, v4).
 */
import { dataOf } from "./base58.ts";
import type { Instruction, Transaction } from "./transaction.ts";

const MEMO_PROGRAMS: ReadonlySet<string> = new Set([
  "Memo1UhkJRfHyvLMcVucJwxXeuD728EqVDDwQDxFMNo",
  "MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr",
  "Memo4c2pN8afCj432Lb7RMVKi9PbQnnW7ewFFaV3oAH",
]);

/** What one transaction has room for, beside the transfer. */
export const MAX_MEMO_BYTES = 566;
/** In base58: longer data is not worth decoding. */
const MAX_DATA_CHARS = 800;
/** A transaction has at most 64 instructions of its own or called by them. */
const MAX_MEMOS = 64;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Each once; what is empty, too long or no text is none. */
export function memosIn(transaction: Transaction): string[] {
  const memos = new Set<string>();
  for (const instruction of transaction.instructions) {
    if (memos.size === MAX_MEMOS) break;
    const memo = MEMO_PROGRAMS.has(transaction.keys[instruction.programIdIndex] ?? "") ? memoOf(instruction) : null;
    if (memo !== null) memos.add(memo);
  }
  return [...memos];
}

function memoOf({ data }: Instruction): string | null {
  if (data === "" || data.length > MAX_DATA_CHARS) return null;
  return textIn(dataOf(data));
}

/** `null`: no text, empty, or longer than a memo can be. */
export function textIn(bytes: Uint8Array): string | null {
  if (bytes.length === 0 || bytes.length > MAX_MEMO_BYTES) return null;
  try {
    return utf8.decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}
