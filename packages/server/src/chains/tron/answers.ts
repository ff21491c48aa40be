/** What a node's answers are made of, and what is checked before they are believed. Source: java-tron's HTTP API. */
import type { BlockRef } from "../../payments/transfer.ts";
import { EndpointFailure } from "../following/block-source.ts";

/** The parts of a block that we look at. Addresses are hex (`visible: false`). */
export interface BlockAnswer {
  blockID: string;
  block_header: { raw_data: { number?: number; parentHash: string; timestamp?: number } };
  /** Left out in an empty block, and where only the header was asked for. */
  transactions?: readonly TransactionAnswer[];
}

export interface TransactionAnswer {
  txID: string;
  ret?: readonly { contractRet?: string }[];
  raw_data: {
    /** One; none where the node itself cannot show it. */
    contract: readonly { type: string; parameter: { value?: Readonly<Record<string, unknown>> } }[];
  };
  raw_data_hex: string;
}

/** What became of a transaction's execution. */
export interface InfoAnswer {
  id: string;
  blockNumber?: number;
  receipt?: { result?: string };
  /** `address` without its prefix; topics and data are hex without 0x. */
  log?: readonly { address: string; topics?: readonly string[]; data?: string }[];
}

export interface HeaderView {
  ref: BlockRef;
  parentHash: string;
}

const HASH = /^[0-9a-f]{64}$/;
/** Hexadecimal digits of the height, with which a block's id begins. */
const HEIGHT_DIGITS = 16;

/** `null`: the node has no such block. @throws EndpointFailure */
export function readBlock(answer: unknown, node: string): BlockAnswer | null {
  const block = recordOf(answer, node);
  if (Object.keys(block).length === 0) return null;
  headerOf(block as unknown as BlockAnswer, node);
  const { transactions } = block;
  if (transactions !== undefined && !(Array.isArray(transactions) && transactions.every(isTransaction))) {
    throw new EndpointFailure(`${node} answered with a block whose transactions cannot be read.`);
  }
  return block as unknown as BlockAnswer;
}

/** In ascending order. @throws EndpointFailure */
export function readBlocks(answer: unknown, node: string): BlockAnswer[] {
  const { block = [] } = recordOf(answer, node);
  if (!Array.isArray(block)) throw new EndpointFailure(`${node} answered with a range of blocks that cannot be read.`);
  return block
    .map((one) => readBlock(one, node))
    .filter((one) => one !== null)
    .sort((one, other) => heightOf(one) - heightOf(other));
}

/** @throws EndpointFailure */
export function readInfos(answer: unknown, node: string): InfoAnswer[] {
  if (Array.isArray(answer) && answer.every(isInfo)) return answer;
  recordOf(answer, node);
  throw new EndpointFailure(`${node} answered with transaction infos that cannot be read.`);
}

/** `null`: the node knows no such transaction in a block. @throws EndpointFailure */
export function readInfo(answer: unknown, node: string): InfoAnswer | null {
  const info = recordOf(answer, node);
  if (Object.keys(info).length === 0) return null;
  if (isInfo(info)) return info;
  throw new EndpointFailure(`${node} answered with a transaction info that cannot be read.`);
}

/** @throws EndpointFailure where the id does not carry the height that the header names */
export function headerOf(block: BlockAnswer, node: string): HeaderView {
  const { blockID, block_header: header } = block;
  // Numbers that are zero are left out: the first block's height.
  const { number = 0, parentHash, timestamp = 0 } = header?.raw_data ?? {};
  const readable =
    typeof blockID === "string" &&
    HASH.test(blockID) &&
    typeof parentHash === "string" &&
    HASH.test(parentHash) &&
    Number.isSafeInteger(number) &&
    Number.isSafeInteger(timestamp);
  if (!readable) throw new EndpointFailure(`${node} answered with something that is no block: is it a TRON node?`);
  if (Number.parseInt(blockID.slice(0, HEIGHT_DIGITS), 16) !== number) {
    throw new EndpointFailure(`${node} answered with block ${blockID} for height ${number}, which its id contradicts.`);
  }
  return { ref: { height: number, hash: blockID, timeMs: timestamp }, parentHash };
}

export function heightOf({ block_header }: BlockAnswer): number {
  return block_header.raw_data.number ?? 0;
}

/** java-tron tells of errors with HTTP 200 and a member `Error`. */
function recordOf(answer: unknown, node: string): Record<string, unknown> {
  if (typeof answer !== "object" || answer === null || Array.isArray(answer)) {
    throw new EndpointFailure(`${node} answered with something that TRON nodes do not say: is the URL right?`);
  }
  const { Error: refusal } = answer as { Error?: unknown };
  if (refusal !== undefined) throw new EndpointFailure(`${node} refuses: ${String(refusal).slice(0, 200)}`);
  return answer as Record<string, unknown>;
}

/** A contract that java-tron cannot unpack is left out by it, and of a kind that it does not know it shows no value: such
 * a transaction pays nobody, and must not make its whole block unreadable. */
function isTransaction(value: unknown): value is TransactionAnswer {
  const { txID, raw_data, raw_data_hex } = (value ?? {}) as Partial<TransactionAnswer>;
  const { contract } = raw_data ?? {};
  return (
    typeof txID === "string" &&
    typeof raw_data_hex === "string" &&
    Array.isArray(contract) &&
    contract.every(isContract)
  );
}

function isContract(value: unknown): boolean {
  const { type, parameter } = (value ?? {}) as Partial<TransactionAnswer["raw_data"]["contract"][number]>;
  return typeof type === "string" && typeof parameter === "object" && typeof (parameter?.value ?? {}) === "object";
}

function isInfo(value: unknown): value is InfoAnswer {
  const { id, log = [] } = (value ?? {}) as Partial<InfoAnswer>;
  return typeof id === "string" && Array.isArray(log) && log.every((one) => typeof one?.address === "string");
}
