/**
 * What a chain of linked blocks brings so that `FollowingWatcher` can watch it: questions to one node. It keeps no state
 * that matters; where the watcher stands, what was reported and what a reorganisation takes back is the follower's.
 */
import type { BlockRef } from "../../payments/transfer.ts";
import type { Evidence } from "../match.ts";
import type { EndpointsStatus } from "./endpoints-status.ts";

export interface BlockId {
  height: number;
  hash: string;
}

/** The main chain's end, as the node has it now. */
export interface FollowedHead extends BlockId {
  /** The newest block that the chain calls irreversible (`finalized`, solidified), or safe where the policy is that;
   * `null` where the chain has no such thing, or the policy counts confirmations only. */
  finalized: BlockId | null;
}

/** A transfer for which somebody waits. */
export interface SightedTransfer {
  txId: string;
  /** Stable when the transaction moves to another block. */
  index: string;
  asset: string;
  amountAtomic: bigint;
  /** The match key: what `Interest.keyFor` gave. */
  recipient: string;
  /** In the block, but not executed: no payment. */
  failed: boolean;
  /** What it uses up, see `Observation.spends`. */
  spends: readonly string[];
  /** See `Observation.standingReference`. */
  standingReference?: string;
  /** Of one that waits for a block: when the source first saw its transaction, whomever it was for, milliseconds. */
  firstSeenAtMs?: number;
}

/** A transaction that uses up something that is followed (`Interest.followsSpend`), whomever it pays. */
export interface Spender {
  spend: string;
  txId: string;
}

export interface SourceBlock {
  ref: BlockRef;
  parentHash: string;
  transfers: readonly SightedTransfer[];
  /** Empty where the chain has nothing to use up. */
  spenders: readonly Spender[];
}

/** What waits for a block. */
export interface PendingNews {
  transfers: readonly SightedTransfer[];
  spenders: readonly Spender[];
}

/** What is worth looking at in a block. Each question is O(1). */
export interface Interest {
  /** See `watchedKey`. */
  keyFor: (recipient: string, evidence: Evidence) => string | null;
  /** Does anybody know this recipient? For chains where the evidence costs more than the question. */
  knows: (recipient: string) => boolean;
  /** Does a followed transfer use this up? */
  followsSpend: (spend: string) => boolean;
  /** To be awaited when blocks are read and before the other questions are asked about what is in them: what they hold
   * may be for somebody who was not known when they were asked for (`WatchSink.refresh`).
   * @throws NotRefreshed */
  refresh: () => Promise<void>;
}

/** One transaction, wherever it is. */
export interface FoundTransaction {
  /** `null`: it waits for a block. */
  block: BlockRef | null;
  transfers: readonly SightedTransfer[];
}

/**
 * Questions to a node. Every one has a deadline and rejects with `EndpointFailure` when the node gives no usable answer,
 * `BlockGone` when the chain moved between two questions, `NodeProblem` when the node must not be followed.
 */
export interface BlockSource {
  /** For messages: no path, no credentials. */
  readonly name: string;
  /** Is this the right network, and can the node do what is needed? Asked once per connection and then from time to
   * time. Resolves with what the operator should know but does not prevent following, or `null`.
   * @throws NodeProblem */
  check(): Promise<string | null>;
  head(): Promise<FollowedHead>;
  /**
   * The blocks of the main chain after `after`, oldest first and each the parent of the next, at most `limit`, none
   * above `head`. Heights may have holes (skipped slots); then it may look further than `limit` heights. Never empty
   * unless nothing is there up to `head`.
   * @throws BlocksMissing when the node no longer has them
   */
  blocksAfter(after: number, head: FollowedHead, limit: number, interest: Interest): Promise<readonly SourceBlock[]>;
  /** Hash of the main chain's block at each height; `null` where there is none (or not any more, or not yet). */
  hashesAt(heights: readonly number[]): Promise<readonly (string | null)[]>;
  /** One block by itself, for the first start. @throws BlockGone */
  blockAt(height: number): Promise<{ ref: BlockRef; parentHash: string }>;
  /** `null`: the node does not know it.
   * @throws BlocksMissing, BlockGone where its block cannot be read any more */
  transaction(txId: string, interest: Interest): Promise<FoundTransaction | null>;
  /** Transfers that wait for a block. Left out where the chain (or the node) does not tell. */
  pending?(interest: Interest): Promise<PendingNews>;
  /** Calls `onNews` whenever the node pushes that there is a new block (or transaction); the returned function ends it.
   * A push is a hint only: `onTrouble` says that it is lost, and polling goes on. Left out where the node pushes nothing. */
  subscribe?(onNews: () => void, onTrouble: (message: string) => void): () => void;
  /** What it said cannot be followed: it does not link to what was followed, or contradicts itself. For a source that has
   * another node to ask. */
  distrust?(reason: Error): void;
  /** Of a source with several endpoints. */
  endpoints?(): EndpointsStatus;
  /** Of a source with several endpoints: each by itself, in the order of preference. */
  readonly sources?: readonly BlockSource[];
  close(): void;
}

/** The node gave no usable answer: another one, or later. */
export class EndpointFailure extends Error {
  override readonly name = "EndpointFailure";
  /** The node asks to be left alone for so long (HTTP 429 with Retry-After), milliseconds. */
  readonly retryAfterMs: number | null;

  constructor(message: string, options: { retryAfterMs?: number | null; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.retryAfterMs = options.retryAfterMs ?? null;
  }
}

/** The chain changed between two questions: ask again. */
export class BlockGone extends Error {
  override readonly name = "BlockGone";
}

/** For whom somebody waits could not be found out: no endpoint's fault. */
export class NotRefreshed extends Error {
  override readonly name = "NotRefreshed";
}

/** The node cannot be followed as it is: the message says what is wrong and what to do. */
export class NodeProblem extends Error {
  override readonly name = "NodeProblem";
}

/** The node has no blocks from there on any more (pruned), or no longer knows something of them that is needed: nothing
 * may be skipped. That it says so is an answer: of newer blocks it knows all. */
export class BlocksMissing extends NodeProblem {
  /** The first height that it still has, where known. */
  readonly firstHeight: number | null;

  constructor(message: string, firstHeight: number | null) {
    super(message);
    this.firstHeight = firstHeight;
  }
}
