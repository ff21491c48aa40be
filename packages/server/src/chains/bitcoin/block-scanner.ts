/** Finds the transactions that concern us in a raw block (`getblock`, verbosity 0). */
import type { BlockRef } from "../../payments/transfer.ts";
import {
  displayHash,
  doubleSha256,
  type Interest,
  MalformedTransaction,
  type ScannedTransaction,
  TransactionScanner,
} from "./transaction-scanner.ts";

export class MalformedBlock extends Error {
  override readonly name = "MalformedBlock";
}

export interface BlockHeader {
  hash: string;
  previousHash: string;
  /** The time that the block claims, milliseconds. */
  timeMs: number;
}

const HEADER_BYTES = 80;
const PREVIOUS_HASH_OFFSET = 4;
const TIME_OFFSET = 68;
/** Version, one input, one output, lock time. */
const MIN_TRANSACTION_BYTES = 60;

/** @throws MalformedBlock */
export function readHeader(block: Buffer): BlockHeader {
  if (block.length < HEADER_BYTES) {
    throw new MalformedBlock(`A block of ${block.length} bytes is shorter than its header.`);
  }
  return {
    hash: displayHash(doubleSha256(block.subarray(0, HEADER_BYTES))),
    previousHash: displayHash(block.subarray(PREVIOUS_HASH_OFFSET, PREVIOUS_HASH_OFFSET + 32)),
    timeMs: block.readUInt32LE(TIME_OFFSET) * 1000,
  };
}

export interface ScannedBlock {
  ref: BlockRef;
  transactions: readonly ScannedTransaction[];
}

/**
 * In the order of the block.
 * @throws MalformedBlock when the bytes are not one whole block
 */
export function scanBlock(block: Buffer, interest: Interest): ScannedTransaction[] {
  const found: ScannedTransaction[] = [];
  const scanner = new TransactionScanner(block, interest, Math.min(HEADER_BYTES, block.length));
  try {
    const count = scanner.count(MIN_TRANSACTION_BYTES, "transactions");
    for (let index = 0; index < count; index += 1) {
      const transaction = scanner.next();
      if (transaction) found.push(transaction);
    }
  } catch (error) {
    if (error instanceof MalformedTransaction) throw new MalformedBlock(error.message, { cause: error });
    throw error;
  }
  if (scanner.offset !== block.length) {
    throw new MalformedBlock(`${block.length - scanner.offset} bytes follow the block's last transaction.`);
  }
  return found;
}
