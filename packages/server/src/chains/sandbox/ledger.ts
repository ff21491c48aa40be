/**
 * Where the simulated chain is kept. The chain changes nothing in memory before a step is durable, so what anyone was told
 * of it is still true after a kill -9. Each store has one, `sandbox-ledger.ts`; on PostgreSQL all nodes have the same.
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
  /** Greater than before: with every change another one, so that it tells how far the chain has come. */
  nextNumber: number;
  /** Hashes of blocks that leave the best chain. They stay readable by `block`. Applied before `connect`. */
  disconnect: readonly string[];
  /** New blocks of the best chain, ascending; the last one is the new tip. */
  connect: readonly SandboxBlock[];
  /** New or changed transactions, each in full (insert or replace by `txId`). */
  transactions: readonly SandboxTransaction[];
}

export interface SandboxReader {
  /** Whether on the best chain or not. */
  block(hash: string): Promise<SandboxBlock | null>;
  /** In the order of `txIds`; `null` where there is no such transaction. */
  transactions(txIds: readonly string[]): Promise<readonly (SandboxTransaction | null)[]>;
}

/**
 * What follows from where the chain stands; `null`: nothing is to be changed.
 * @param newer where it stands, if another process has moved it; `null`: as the caller of `step` knows it
 * @param read of the same moment
 */
export type Decide = (newer: SandboxHead | null, read: SandboxReader) => Promise<SandboxChange | null>;

/** What there is besides where several processes have one ledger. */
export interface SharedLedger {
  /** Where the chain stands, if another process has moved it on from `nextNumber`; `null`: it still stands there. */
  newer(nextNumber: number): Promise<SandboxHead | null>;
  /** Tells the other processes that something has come of the chain: it has moved, or what it did was reported. */
  tell(): void;
  /** Called when another process has told. A hint: may be lost. */
  onTold(listener: () => void): () => void;
}

export interface SandboxLedger extends SandboxReader {
  /** `null`: nobody but this process can have it. */
  readonly shared: SharedLedger | null;
  /** `null` when nothing was committed yet. The tip is the highest block of the best chain. */
  load(): Promise<SandboxHead | null>;
  /**
   * Stores what `decide` makes of the chain, one process at a time: while it decides, nobody else moves the chain.
   * Resolves after the change is durable; rejects when nothing of it was stored. `decide` may be called again where a
   * first attempt came to nothing, and must not write to the ledger itself.
   * @param nextNumber how far the caller knows the chain; 0: not at all
   */
  step(nextNumber: number, decide: Decide): Promise<void>;
  /** The block of the best chain at this height. */
  blockAt(height: number): Promise<SandboxBlock | null>;
}
