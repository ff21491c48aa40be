/** What a chain brings so that `testWatcher` can put its watcher through the scenarios. */
import type { ChainFacts, Watcher } from "../../src/chains/watcher.ts";
import type { Clock } from "../../src/kit/clock.ts";

/** What becomes of the transactions in dropped blocks: back in the mempool (nowhere, on a chain without one), in the last
 * block of the new branch, forgotten by the node, or double-spent in the last block of the new branch. The watcher gets
 * no chance to look in between: the new branch appears at once. */
export type ReorgFate = "mempool" | "included" | "dropped" | "replaced";

/** What a chain can do; a scenario that needs more is left out. */
export interface WatcherCapabilities {
  /** Transfers are seen before they are in a block. */
  mempool: boolean;
  /** A transaction in the mempool can be replaced by a conflicting one (`doubleSpend`). */
  doubleSpend: boolean;
  /** A transaction can be in a block without having executed (`payFailing`). */
  failedTransactions: boolean;
  /** The symbol of a coin that is not the payment's, for `PaidOutput.asset`; `null` where there is only one coin. */
  otherAsset: string | null;
  reorgFates: readonly ReorgFate[];
  /** After the node has been silent for so long (by the clock of `ChainUnderTest`), `status().problem` says so, ms.
   * `null`: the watcher cannot tell silence from a quiet chain. */
  noticesSilenceWithinMs: number | null;
}

export interface PaidOutput {
  address: string;
  amountAtomic: bigint;
  /** Left out: the chain's own. */
  asset?: string;
}

export interface WatcherHarness {
  capabilities: WatcherCapabilities;
  /** A fresh node with a chain of its own, in which mined coins can be spent. */
  start(): Promise<ChainUnderTest>;
}

/** A running node. Amounts are some hundreds of thousands of atomic units, well above any dust limit. */
export interface ChainUnderTest {
  readonly facts: ChainFacts;
  /** The server's clock in this scenario. A block's time must follow it. */
  readonly clock: Clock;
  /** Moves the clock forward, and the node's where it has one of its own. */
  advance(ms: number): Promise<void>;
  /** A fresh watcher on this node, as a server makes it when it starts. */
  createWatcher(): Watcher;
  newAddress(): Promise<string>;
  /** Sends one transaction with an output for each (up to 1,000). Returns its id. Without a mempool it waits for `mine`. */
  pay(outputs: readonly PaidOutput[]): Promise<string>;
  /** A transaction that will be in a block and will not have executed. */
  payFailing(outputs: readonly PaidOutput[]): Promise<string>;
  /** Mines blocks; the first takes everything that waits. */
  mine(blocks: number): Promise<void>;
  /** Replaces the last `depth` blocks by a longer branch. */
  reorg(depth: number, fate: ReorgFate): Promise<void>;
  /** Replaces a transaction in the mempool by one that spends the same and pays these, or somebody else. Returns the
   * other's id. */
  doubleSpend(txId: string, outputs?: readonly PaidOutput[]): Promise<string>;
  /** The node ends and starts again with its data. */
  restartNode(): Promise<void>;
  /** The watcher's connections to the node break and cannot be made anew, until `reconnect`. */
  disconnect(): Promise<void>;
  reconnect(): Promise<void>;
  /** Whatever the node pushes is pushed once more. */
  repeatNotifications(): Promise<void>;
  /** The node stays connected and answers, but nothing new comes of it any more. */
  fallSilent(): Promise<void>;
  /** Ends the node. The watchers have been stopped before. */
  close(): Promise<void>;
}
