/**
 * What can be done to the simulated chain: each move is made on the chain as it stands, and says what it changes. Nothing is
 * changed here. Deterministic: ids derive from a counter.
 */
import { createHash } from "node:crypto";
import { PaybellError } from "../../kit/errors.ts";
import { addressFromSeed } from "./address.ts";
import { SANDBOX_ASSET } from "./facts.ts";
import type { ChainHead } from "./head.ts";
import type { SandboxBlock, SandboxChange, SandboxOutput, SandboxReader, SandboxTransaction } from "./ledger.ts";

/** Limits of one request; beyond them `invalid_request`. */
export const SANDBOX_LIMITS = {
  /** Blocks in one `mine`. */
  blocksPerRequest: 1_000,
  /** Blocks that one `reorg` drops. */
  reorgDepth: 100,
  /** Outputs of one transaction. */
  outputsPerTransaction: 1_000,
  /** Transactions in the mempool; beyond it `overloaded`. */
  mempoolTransactions: 10_000,
} as const;

/** What becomes of the transactions in the blocks that a reorganisation drops: back to the mempool (what a node does),
 * in the last block of the new branch, gone, or double-spent in the last block of the new branch. */
export type ReorgFate = "mempool" | "included" | "dropped" | "replaced";

/** What a move is made on. */
export interface Ground {
  head: ChainHead;
  read: SandboxReader;
  nowMs: number;
}

export interface Moved<T> {
  /** `null`: nothing has to be done. */
  change: SandboxChange | null;
  answer: T;
}

/** May be made again, on another head, when nothing came of the first one. */
export type Move<T> = (ground: Ground) => Promise<Moved<T>>;

export interface PaymentOptions {
  /** Once in a block, it will not have executed. */
  fails?: boolean;
  /** Two payments with the same text are one, as long as that one is on the chain or in the mempool. */
  once?: string;
  /** It is sent at this time or later, milliseconds, whatever this machine's clock says. */
  notBeforeMs?: number;
}

/** The first block of a chain. */
export function firstBlock(nowMs: number): SandboxBlock {
  return block(0, { height: -1, hash: null, timeMs: 0 }, [], nowMs);
}

/** A transaction with an output for each. Its answer: its txId. */
export function payment(outputs: readonly SandboxOutput[], options: PaymentOptions): Move<string> {
  const { fails = false, once, notBeforeMs = 0 } = options;
  const most = SANDBOX_LIMITS.outputsPerTransaction;
  return async ({ head, read, nowMs }) => {
    if (outputs.length < 1 || outputs.length > most) throw outOfRange("outputs", 1, most);
    if (outputs.some((output) => output.amountAtomic <= 0n)) {
      throw new PaybellError("invalid_request", "The amount must be more than 0.", { field: "amount" });
    }
    const named = once === undefined ? null : await namedTransaction(once, read);
    if (named?.isLive) return { change: null, answer: named.txId };
    if (head.mempoolSize >= SANDBOX_LIMITS.mempoolTransactions) {
      throw new PaybellError("overloaded", "The sandbox's mempool is full; mine a block.");
    }
    const number = head.nextNumber;
    const txId = named?.txId ?? idOf("transaction", number);
    const paid = { ...transaction(number, outputs, Math.max(nowMs, notBeforeMs)), txId, fails };
    return { change: { ...NOTHING, transactions: [paid], nextNumber: number + 1 }, answer: txId };
  };
}

/** Blocks, of which the first takes the whole mempool. Its answer: the new height. */
export function blocks(count: number): Move<number> {
  return async ({ head, nowMs }) => {
    const most = SANDBOX_LIMITS.blocksPerRequest;
    if (!Number.isInteger(count) || count < 1 || count > most) throw outOfRange("blocks", 1, most);
    const taken = head.mempool;
    const connect = branch(head.tip, count, head.nextNumber, nowMs, (nth) => (nth === 0 ? taken : []));
    const transactions = taken.map((each) => include(each, connect[0] as SandboxBlock));
    const nextNumber = head.nextNumber + count;
    return { change: { disconnect: [], connect, transactions, nextNumber }, answer: head.tip.height + count };
  };
}

/** Drops the last `depth` blocks and mines a longer branch of `depth + 1` blocks, empty but for what `fate` says. Its
 * answer: the new height. */
export function reorganisation(depth: number, fate: ReorgFate): Move<number> {
  return async ({ head, read, nowMs }) => {
    const most = Math.min(SANDBOX_LIMITS.reorgDepth, head.tip.height);
    if (!Number.isInteger(depth) || depth < 1 || depth > most) throw outOfRange("depth", 1, most);
    const { fork, hashes, transactions } = await lastBlocks(depth, head, read);
    let number = head.nextNumber;
    const rivals = fate === "replaced" ? transactions.map((lost) => rival(lost, number++, nowMs)) : [];
    const taken = fate === "included" ? transactions : rivals;
    const connect = branch(fork, depth + 1, number, nowMs, (nth) => (nth === depth ? taken : []));
    const last = connect[depth] as SandboxBlock;
    const moved = [
      ...transactions.map((lost, nth) => afterReorg(lost, fate, last, rivals[nth]?.txId ?? null)),
      ...rivals.map((each) => include(each, last)),
    ];
    const change = { disconnect: hashes, connect, transactions: moved, nextNumber: number + depth + 1 };
    return { change, answer: last.height };
  };
}

/** Another transaction that uses up the same coin and pays its sender, or `outputs`. Its answer: the other's txId. */
export function doubleSpend(txId: string, outputs?: readonly SandboxOutput[]): Move<string> {
  return async ({ head, read, nowMs }) => {
    const lost = head.waiting(txId) ?? (await refuse(txId, head, read));
    const other = rival(lost, head.nextNumber, nowMs, outputs);
    const transactions = [{ ...lost, status: "replaced" as const, replacedBy: other.txId }, other];
    return { change: { ...NOTHING, transactions, nextNumber: head.nextNumber + 1 }, answer: other.txId };
  };
}

/** The node forgets a transaction in its mempool. */
export function removal(txId: string): Move<void> {
  return async ({ head, read }) => {
    const lost = head.waiting(txId) ?? (await refuse(txId, head, read));
    const transactions = [{ ...lost, status: "dropped" as const }];
    return { change: { ...NOTHING, transactions, nextNumber: head.nextNumber + 1 }, answer: undefined };
  };
}

const NOTHING = { disconnect: [], connect: [] } as const;

/** The one that was paid under this text and is not lost, otherwise the id of the next one. */
async function namedTransaction(once: string, read: SandboxReader): Promise<{ txId: string; isLive: boolean }> {
  for (let attempt = 0; ; attempt += 1) {
    const txId = idOf("transaction", `${attempt} ${once}`);
    const [known] = await read.transactions([txId]);
    if (!known) return { txId, isLive: false };
    if (known.status === "mempool" || known.status === "included") return { txId, isLive: true };
  }
}

/** Says why this one is not in the mempool. */
async function refuse(txId: string, head: ChainHead, read: SandboxReader): Promise<never> {
  const [known] = await read.transactions([txId]);
  if (!known) throw new PaybellError("not_found", "The sandbox chain has no such transaction.", { txId });
  if (known.status !== "included" || known.blockHash === null) {
    throw new PaybellError("invalid_state", `The transaction is already ${known.status}.`, { status: known.status });
  }
  const height = (await read.block(known.blockHash))?.height ?? head.tip.height;
  const depth = head.tip.height - height + 1;
  throw new PaybellError(
    "invalid_state",
    `The transaction is in block ${height}. Reorganise the chain by ${depth} first, so that it returns to the mempool.`,
    { status: known.status, depth },
  );
}

/** The last blocks of the best chain, newest first, with their transactions by ascending number. */
async function lastBlocks(depth: number, head: ChainHead, read: SandboxReader) {
  const hashes: string[] = [];
  const txIds: string[] = [];
  let fork = head.tip;
  while (hashes.length < depth) {
    hashes.push(fork.hash);
    txIds.push(...fork.txIds);
    const parent = await read.block(fork.parentHash as string);
    if (!parent) throw new Error(`The sandbox ledger has lost block ${fork.parentHash}.`);
    fork = parent;
  }
  const transactions = (await read.transactions(txIds)).filter((found) => found !== null);
  return { fork, hashes, transactions: transactions.sort((a, b) => a.number - b.number) };
}

function transaction(number: number, outputs: readonly SandboxOutput[], nowMs: number): SandboxTransaction {
  return {
    txId: idOf("transaction", number),
    number,
    outputs,
    spends: idOf("coin", number),
    fails: false,
    firstSeenAtMs: nowMs,
    status: "mempool",
    blockHash: null,
    replacedBy: null,
  };
}

/** A transaction that uses up the same coin. */
function rival(
  lost: SandboxTransaction,
  number: number,
  nowMs: number,
  outputs?: readonly SandboxOutput[],
): SandboxTransaction {
  const amountAtomic = lost.outputs.reduce((sum, output) => sum + output.amountAtomic, 0n);
  const back = { recipient: addressFromSeed(`payer ${number}`), asset: SANDBOX_ASSET, amountAtomic };
  return { ...transaction(number, outputs ?? [back], nowMs), spends: lost.spends };
}

function branch(
  parent: SandboxBlock,
  length: number,
  firstNumber: number,
  nowMs: number,
  taken: (nth: number) => readonly SandboxTransaction[],
): SandboxBlock[] {
  const made: SandboxBlock[] = [];
  for (let nth = 0; nth < length; nth += 1) {
    const txIds = taken(nth).map(({ txId }) => txId);
    made.push(block(firstNumber + nth, made.at(-1) ?? parent, txIds, nowMs));
  }
  return made;
}

function idOf(kind: "transaction" | "coin" | "block", name: number | string): string {
  return createHash("sha256").update(`paybell sandbox ${kind} ${name}`).digest("hex");
}

function block(
  number: number,
  parent: { height: number; hash: string | null; timeMs: number },
  txIds: readonly string[],
  nowMs: number,
): SandboxBlock {
  return {
    hash: idOf("block", number),
    height: parent.height + 1,
    parentHash: parent.hash,
    // A chain's time does not run backwards, whatever the machine's clock does.
    timeMs: Math.max(nowMs, parent.timeMs),
    txIds,
  };
}

function include(taken: SandboxTransaction, into: SandboxBlock): SandboxTransaction {
  return { ...taken, status: "included", blockHash: into.hash };
}

function afterReorg(
  lost: SandboxTransaction,
  fate: ReorgFate,
  last: SandboxBlock,
  replacedBy: string | null,
): SandboxTransaction {
  if (fate === "included") return include(lost, last);
  return { ...lost, status: fate, blockHash: null, replacedBy };
}

function outOfRange(field: string, min: number, max: number): PaybellError {
  const allowed = max < min ? "none at present: the chain is too short" : `${min} to ${max}`;
  return new PaybellError("invalid_request", `\`${field}\` is out of range; allowed: ${allowed}.`, { field, min, max });
}
