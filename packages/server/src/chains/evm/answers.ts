/**
 * The node's answers, checked as far as they are used. Quantities come as hex texts, hashes and addresses are compared
 * in lower case. Source: Ethereum execution APIs (https://github.com/ethereum/execution-apis).
 */
import type { BlockRef } from "../../payments/transfer.ts";
import { EndpointFailure } from "../following/block-source.ts";

export interface EvmTransaction {
  txId: string;
  from: string;
  /** `null`: it creates a contract. */
  to: string | null;
  valueAtomic: bigint;
  /** What it uses up, `sender:nonce`. */
  spend: string;
  /** Call data as it came: to be read by `data`. */
  input: unknown;
}

export interface EvmBlock {
  ref: BlockRef;
  parentHash: string;
  logsBloom: string;
  transactions: readonly EvmTransaction[];
}

/** A log of an ERC-20 `Transfer`. */
export interface TransferLog {
  blockHash: string;
  txId: string;
  /** Of its transaction in the block. */
  transactionIndex: number;
  /** In the block. */
  logIndex: number;
  contract: string;
  from: string;
  to: string;
  amountAtomic: bigint;
}

export interface EvmReceipt {
  txId: string;
  blockHash: string;
  executed: boolean;
}

export function record(value: unknown, what: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw malformed(what);
}

export function list(value: unknown, what: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw malformed(what);
}

/** Heights, indices, nonces, Unix seconds: far below 2^53. */
export function count(value: unknown, what: string): number {
  const number = typeof value === "string" && /^0x[0-9a-f]{1,16}$/i.test(value) ? Number(value) : Number.NaN;
  if (Number.isSafeInteger(number)) return number;
  throw malformed(what);
}

/** Of at most 256 bits. */
export function amount(value: unknown, what: string): bigint {
  if (typeof value === "string" && /^0x[0-9a-f]{1,64}$/i.test(value)) return BigInt(value);
  throw malformed(what);
}

export function hash(value: unknown, what: string): string {
  if (typeof value === "string" && /^0x[0-9a-f]{64}$/i.test(value)) return value.toLowerCase();
  throw malformed(what);
}

export function address(value: unknown, what: string): string {
  if (typeof value === "string" && /^0x[0-9a-f]{40}$/i.test(value)) return value.toLowerCase();
  throw malformed(what);
}

/** Bytes of any number, lower-case hex with 0x. */
export function data(value: unknown, what: string): string {
  if (typeof value === "string" && value.length % 2 === 0 && /^0x[0-9a-f]*$/i.test(value)) return value.toLowerCase();
  throw malformed(what);
}

/** A block with whole transactions, or (`transactions` then empty) with their hashes only. */
export function block(value: unknown, what = "a block"): EvmBlock {
  const fields = record(value, what);
  return {
    ref: {
      height: count(fields.number, `${what}: number`),
      hash: hash(fields.hash, `${what}: hash`),
      timeMs: count(fields.timestamp, `${what}: timestamp`) * 1_000,
    },
    parentHash: hash(fields.parentHash, `${what}: parentHash`),
    logsBloom:
      fields.logsBloom === undefined || fields.logsBloom === null ? "0x" : data(fields.logsBloom, `${what}: logsBloom`),
    transactions: transactionsOf(fields.transactions, what),
  };
}

/** Those of a block, or of the one that the node would build next, which has no hash of its own. */
export function transactionsOf(value: unknown, what: string): readonly EvmTransaction[] {
  return list(value, `${what}: transactions`)
    .filter((item) => typeof item !== "string")
    .map(transaction);
}

export function transaction(value: unknown): EvmTransaction {
  const fields = record(value, "a transaction");
  const from = address(fields.from, "a transaction: from");
  return {
    txId: hash(fields.hash, "a transaction: hash"),
    from,
    to: fields.to === null || fields.to === undefined ? null : address(fields.to, "a transaction: to"),
    valueAtomic: amount(fields.value, "a transaction: value"),
    spend: `${from}:${count(fields.nonce, "a transaction: nonce")}`,
    input: fields.input ?? "0x",
  };
}

/** `null`: no transfer of an ERC-20 token, but one of a token with numbered pieces (ERC-721), or of an odd form. */
export function transferLog(value: unknown): TransferLog | null {
  const fields = record(value, "a log");
  const topics = list(fields.topics, "a log: topics");
  const bytes = data(fields.data, "a log: data");
  if (topics.length !== 3 || bytes.length !== 66) return null;
  return {
    blockHash: hash(fields.blockHash, "a log: blockHash"),
    txId: hash(fields.transactionHash, "a log: transactionHash"),
    transactionIndex: count(fields.transactionIndex, "a log: transactionIndex"),
    logIndex: count(fields.logIndex, "a log: logIndex"),
    contract: address(fields.address, "a log: address"),
    from: addressIn(topics[1]),
    to: addressIn(topics[2]),
    amountAtomic: BigInt(bytes),
  };
}

export function receipt(value: unknown): EvmReceipt {
  const fields = record(value, "a receipt");
  return {
    txId: hash(fields.transactionHash, "a receipt: transactionHash"),
    blockHash: hash(fields.blockHash, "a receipt: blockHash"),
    executed: count(fields.status, "a receipt: status") === 1,
  };
}

/** The last 20 of a topic's 32 bytes. */
function addressIn(topic: unknown): string {
  return `0x${hash(topic, "a log: topic").slice(26)}`;
}

export function malformed(what: string): EndpointFailure {
  return new EndpointFailure(`The node's answer is not an Ethereum node's (${what}): is the URL right?`);
}
