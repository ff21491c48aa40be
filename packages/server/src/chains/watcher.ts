/**
 * The contract between a chain and the rest. Every watcher passes `testkit/watcher.ts`.
 *
 * A watcher reports in order, awaits each `apply` before the next, and keeps no state that a crash could lose: what it
 * needs to go on is the cursor, stored in the same transaction as the events it caused. Repeating a report is harmless.
 */
import type { OpenTransfer } from "../log/store.ts";
import type { BlockRef, Observation } from "../payments/transfer.ts";
import type { EndpointsStatus } from "./following/endpoints-status.ts";
import type { MatchRules, PaymentMatch } from "./match.ts";

/** One step of the chain: what was seen, and how far the watcher has come with it. */
export interface WatchReport {
  /** Blocks that the chain has dropped, newest first: their transfers become `orphaned` before the rest is applied. */
  disconnected: readonly { height: number; hash: string }[];
  observations: readonly Observation[];
  /** The head up to which confirmations count: the chain's after this step, or, where the finality policy is the chain's
   * own word (finalized, solidified), how far that goes. `null`: unchanged (mempool news). */
  head: BlockRef | null;
  /** When the watcher noticed that head, milliseconds; for metrics only. Left out: when it is reported. */
  noticedAtMs?: number;
  /** Stored with the events; `null` leaves the stored one. */
  cursor: unknown | null;
  /** Everything that happened on the chain until then has been reported, milliseconds. `null`: no statement (mempool
   * news, or the watcher is still catching up and this step ends in the past: then the block's time). */
  watchedUntilMs: number | null;
}

/** What a watcher is given. */
export interface WatchSink {
  /** Is any payment waiting for this match key, or for one with this recipient? O(1). */
  watches(matchKey: string): boolean;
  /**
   * Resolves when everything is known that was to be watched before the call, whichever node was asked to watch it. A
   * watcher calls it between reading blocks and looking into them: the payer learns where to pay after his payment is
   * stored, so a block that holds his transfer was made after that, and a refresh behind its reading sees the key. It also
   * calls it before it looks through what waits for a block in order to say how far all was watched (`watchedUntilMs`);
   * for that, keys that become known are announced (`Watcher.onWatched`) before it resolves.
   * Costs nothing where one process creates all payments. Rejects when the store cannot be asked: look into nothing then.
   */
  refresh(): Promise<void>;
  /** The cursor of the last report that was stored, `null` at the first start. */
  cursor(): Promise<unknown | null>;
  /** Transfers that are not final: what to look for in the mempool after a restart. */
  openTransfers(): Promise<readonly OpenTransfer[]>;
  /** Resolves after everything that follows from the report is durable. Rejects when it could not be stored: report it
   * again. */
  apply(report: WatchReport): Promise<void>;
}

export interface WatcherStatus {
  /** `false`: the node cannot be reached, is on another network, or has been silent for too long. */
  connected: boolean;
  headHeight: number | null;
  /** Blocks that the node has and the watcher has not yet reported. */
  lagBlocks: number | null;
  /** What is wrong and what to do, for `/readyz` and the operator; `null` when all is well. */
  problem: string | null;
  /** Left out where the chain has one node. */
  endpoints?: EndpointsStatus;
}

export interface ChainAsset {
  symbol: string;
  decimals: number;
}

/** The things that the rest of the server has to know of a chain. */
export interface ChainFacts {
  /** The name in the API and the config: `bitcoin`, `sandbox`, … */
  readonly chain: string;
  readonly assets: readonly ChainAsset[];
  /** Defaults of the finality policy. */
  readonly defaultConfirmations: number;
  readonly finalConfirmations: number;
  /** The fewest that a payment may ask for; left out: none. */
  readonly minConfirmations?: number;
  /** The match key of an address.
   * @throws InvalidAddress naming what is wrong and what is allowed. */
  recipientOf(address: string): string;
  /** The one way of writing it under which a payment is stored and followed.
   * @throws InvalidAddress */
  canonicalAddress(address: string): string;
  /** What payments may be told apart by beside the address; `null`: nothing. */
  readonly match: MatchRules | null;
  /** BIP21, EIP-681, …; `null` where there is no such scheme. */
  paymentUri(request: PaymentUriRequest): string | null;
  /** A fresh address: from the merchant's extended public key, or from the sandbox. `null`: the caller must bring one. */
  readonly allocator: AddressAllocator | null;
}

export interface PaymentUriRequest {
  address: string;
  asset: string;
  decimals: number;
  amountAtomic: bigint | null;
  /** What the payment is told apart by: a wallet has to put it into the transaction. */
  match?: PaymentMatch | null;
}

export interface AddressAllocator {
  /** Needs an extended public key of the merchant. */
  readonly needsXpub: boolean;
  /** The address at this index; deterministic. `seed` is the extended public key, or, where none is needed, a text that
   * tells merchants apart.
   * @throws InvalidXpub */
  derive(seed: string | null, index: number): string;
  /** The same for two seeds if and only if they derive the same addresses: a key has several ways of writing it.
   * @throws InvalidXpub */
  identity(seed: string): string;
}

export class InvalidAddress extends Error {
  override readonly name = "InvalidAddress";
}

export class InvalidXpub extends Error {
  override readonly name = "InvalidXpub";
}

/** Structured log lines; a pino logger is one. */
export interface WatcherLogger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface Watcher {
  readonly facts: ChainFacts;
  /** Goes on from the sink's cursor. Resolves when it runs; connection trouble does not reject, it shows in `status`. */
  start(sink: WatchSink): Promise<void>;
  /** Resolves when nothing more will be reported. */
  stop(): Promise<void>;
  /** A payment now waits for this match key: it may already have been paid a moment ago, in the mempool. Where the key has
   * a `txId`, that transaction is to be looked up now; also called when one is named later, with the payment's `payer`.
   * Called twice it does no harm. */
  onWatched(matchKey: string): void;
  status(): WatcherStatus;
}
