/**
 * Where the simulated chain is kept. The chain changes nothing in memory before `commit` has resolved, so what anyone
 * was told of it is still true after a kill -9. Each store has one, `sandbox-ledger.ts`.
 *
 * Blocks and transactions are never deleted: like a real node, it still knows the blocks that a reorganisation dropped,
 * and a watcher that stood on one of them walks back along the parent hashes.
 */

/** One output of a transaction: what moved to whom. Its number in `outputs` is the transfer's `index`. */
export interface SandboxOutput {
  /** The canonical address, see `address.ts`. */
  recipient: string;
  /** `SBX`, or any other symbol to try out a look-alike. */
  asset: string;
  amountAtomic: bigint;
}

export interface SandboxTransaction {
  /** 64 hex digits. */
  txId: string;
  /** Order of creation; the order within the mempool and within a block. */
  number: number;
  outputs: readonly SandboxOutput[];
  /** The coin that it uses up; another transaction with the same one excludes it. */
  spends: string;
  /** Once it is in a block, the chain says that it did not execute. */
  fails: boolean;
  firstSeenAtMs: number;
  status: "mempool" | "included" | "replaced" | "dropped";
  /** The block of an included one, otherwise `null`. */
  blockHash: string | null;
  /** For `replaced`: the transaction that took its place. */
  replacedBy: string | null;
}

export interface SandboxBlock {
  /** 64 hex digits. */
  hash: string;
  /** 0 for the first block. */
  height: number;
  /** `null` for the first block. */
  parentHash: string | null;
  timeMs: number;
  /** In the order of the block. Stays as it was when the block is dropped from the best chain. */
  txIds: readonly string[];
}

/** What the chain holds in memory. */
export interface SandboxHead {
  /** The number that the next transaction or block takes; ids are derived from it. */
  nextNumber: number;
  tip: SandboxBlock;
  /** Every transaction with status `mempool`, by ascending number. */
  mempool: readonly SandboxTransaction[];
}

/** One step of the chain, all or nothing. */
export interface SandboxChange {
  nextNumber: number;
  /** Hashes of blocks that leave the best chain. They stay readable by `block`. Applied before `connect`. */
  disconnect: readonly string[];
  /** New blocks of the best chain, ascending; the last one is the new tip. */
  connect: readonly SandboxBlock[];
  /** New or changed transactions, each in full (insert or replace by `txId`). */
  transactions: readonly SandboxTransaction[];
}

export interface SandboxLedger {
  /** `null` when nothing was committed yet. The tip is the highest block of the best chain. */
  load(): Promise<SandboxHead | null>;
  /** Resolves after the change is durable; rejects when nothing of it was stored. */
  commit(change: SandboxChange): Promise<void>;
  /** Whether on the best chain or not. */
  block(hash: string): Promise<SandboxBlock | null>;
  /** The block of the best chain at this height. */
  blockAt(height: number): Promise<SandboxBlock | null>;
  /** In the order of `txIds`; `null` where there is no such transaction. */
  transactions(txIds: readonly string[]): Promise<readonly (SandboxTransaction | null)[]>;
}
