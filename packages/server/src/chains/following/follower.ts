/**
 * What the chain did since the last report → the next report, one at a time: blocks and reorganisations, what waits for
 * a block, confirmations that count, one transaction that somebody named. Every question goes to the source, every
 * report is stored before the next question.
 */
import type { Clock } from "../../kit/clock.ts";
import type { BlockRef, Observation } from "../../payments/transfer.ts";
import { matchIn, watchedKey } from "../match.ts";
import type { ChainFacts, WatcherLogger, WatchReport, WatchSink } from "../watcher.ts";
import {
  BlockGone,
  type BlockId,
  type BlockSource,
  type FollowedHead,
  type FoundTransaction,
  type Interest,
  NodeProblem,
  type SightedTransfer,
  type SourceBlock,
  type Spender,
} from "./block-source.ts";
import { observationOf } from "./observation-of.ts";
import { advance, hashAt, type Position, tipOf } from "./position.ts";
import { RecentTransfers } from "./recent-transfers.ts";
import type { TrackedTransfer, TrackedTransfers } from "./tracked-transfers.ts";
import { type Walk, walk } from "./walk.ts";

export interface FollowerParts {
  facts: ChainFacts;
  source: BlockSource;
  sink: Pick<WatchSink, "watches">;
  /** See `Interest.refresh`. */
  refresh: () => Promise<void>;
  clock: Clock;
  logger: WatcherLogger;
  tracked: TrackedTransfers;
  position: Position;
  /** Up to which height confirmations count: the finality policy. */
  countedHeight: (head: FollowedHead) => number;
  blocksPerReport: number;
  /** An orphaned transfer that no block has taken up again after so many blocks has been dropped. */
  orphanLifetimeBlocks: number;
  /** Resolves when the report is stored; it is repeated until then. @throws only when the watcher is stopped */
  apply: (report: WatchReport) => Promise<void>;
}

/** What became of a transfer whose block was dropped. */
interface Fate {
  transfer: TrackedTransfer;
  status: "seen" | "dropped";
}

/** A waiting transaction that the node does not know is dropped when it is missed so often in a row: behind one address
 * there may be several nodes that do not know the same. */
const MISSES_UNTIL_DROPPED = 3;

export class Follower {
  readonly #parts: FollowerParts;
  readonly #recent = new RecentTransfers();
  readonly #interest: Interest;
  #position: Position;

  constructor(parts: FollowerParts) {
    this.#parts = parts;
    this.#position = parts.position;
    const watches = (key: string) => parts.sink.watches(key);
    this.#interest = {
      knows: watches,
      keyFor: (recipient, evidence) => watchedKey(watches, recipient, evidence),
      followsSpend: (spend) => parts.tracked.followsSpend(spend),
      refresh: parts.refresh,
    };
    parts.tracked.keepBlocks(this.#hashes());
  }

  get position(): Position {
    return this.#position;
  }

  /**
   * Reports the next blocks, or a whole reorganisation.
   * @returns false when there is nothing more up to this head
   * @throws BlockGone, NodeProblem, EndpointFailure, NotRefreshed
   */
  async followBlocks(head: FollowedHead): Promise<boolean> {
    const { source, clock, blocksPerReport } = this.#parts;
    const noticedAtMs = clock.nowMs();
    refuseFinalizedAbove(head);
    const step = await walk(source, this.#position, head, blocksPerReport, this.#interest);
    if (step.connected.length === 0) {
      await this.#count(head);
      return false;
    }
    const fates = await this.#fatesOf(step);
    await this.#report(step, fates, head, noticedAtMs);
    return tipOf(this.#position).hash !== head.hash;
  }

  /** Compares what waits for a block with what was told of it. Call it only when all blocks are reported. */
  async followPending(): Promise<void> {
    const { source, tracked } = this.#parts;
    if (!source.pending) return;
    const { transfers, spenders } = await source.pending(this.#interest);
    const present = new Set(transfers.map(({ txId }) => txId));
    // Everything is asked before anything is changed: where an answer is missing, nothing of this is lost.
    const absent = await this.#lookUp(tracked.waiting.filter(({ txId }) => !present.has(txId)));
    const observations = spenders.flatMap((spender) => this.#replaced(spender, isInNoBlock));
    for (const [transfer, found] of absent) {
      if (tracked.get(transfer)) observations.push(...this.#missing(transfer, found));
    }
    for (const transfer of transfers) observations.push(...this.#seen(transfer));
    await this.#tell(observations);
  }

  /**
   * A payment for this match key was stored: what is on the chain already may be meant for it.
   * @returns false where it names a transaction of which the node knows nothing that fits what was followed: of several
   * nodes behind one address the one that was asked may be behind
   */
  async lookFor(matchKey: string): Promise<boolean> {
    const { txId } = matchIn(matchKey);
    const known = this.#recent.of(matchKey);
    // An address is watched a moment before its payment is stored: what was seen in between is told again.
    const waiting = this.#parts.tracked.waitingFor(matchKey).filter(({ state }) => state === "pending");
    await this.#tell([
      ...known.map(({ transfer, block }) => this.#included(transfer, block)),
      ...waiting.map((transfer) => this.#tellOf(transfer, "seen")),
    ]);
    return txId === undefined || this.#lookForNamed(txId);
  }

  async #lookForNamed(txId: string): Promise<boolean> {
    const found = await this.#parts.source.transaction(txId, this.#interest);
    const block = found?.block;
    if (!block) return false;
    // In a block that is not reported yet it comes by itself.
    if (block.height > tipOf(this.#position).height) return true;
    const followed = hashAt(this.#position, block.height);
    if (followed !== undefined && followed !== block.hash) return false;
    for (const transfer of found.transfers) this.#track(transfer, block);
    await this.#tell(found.transfers.map((transfer) => this.#included(transfer, block)));
    return true;
  }

  /** Everything until then is reported, milliseconds. */
  async watchedUntil(untilMs: number): Promise<void> {
    await this.#parts.apply({
      disconnected: [],
      observations: [],
      head: null,
      cursor: null,
      watchedUntilMs: untilMs,
    });
  }

  async #report(step: Walk, fates: readonly Fate[], head: FollowedHead, noticedAtMs: number): Promise<void> {
    const { tracked, source, clock } = this.#parts;
    const refs = step.connected.map(({ ref }) => ref);
    const next = advance(this.#position, step.disconnected.length, refs);
    const countedHeight = this.#countedUpTo(head, next, step.disconnected.length > 0);
    this.#orphan(step.disconnected);
    this.#position = { ...next, countedHeight };
    const observations = step.connected.flatMap((block) => this.#connect(block));
    for (const { transfer, status } of fates) observations.push(...this.#settle(transfer, status));
    for (const transfer of this.#lostFor(tipOf(next).height)) observations.push(...this.#settle(transfer, "dropped"));
    await this.#parts.apply({
      disconnected: step.disconnected,
      observations,
      head: this.#countedHead(),
      noticedAtMs,
      cursor: this.#position,
      // Where transactions that wait are told of, a block's own time would claim too much: they were not read yet.
      watchedUntilMs: source.pending ? null : Math.min(next.timeMs, clock.nowMs()),
    });
    tracked.keepBlocks(this.#hashes());
  }

  /** No new block, but the chain may have called more of them irreversible. */
  async #count(head: FollowedHead): Promise<void> {
    const countedHeight = this.#countedUpTo(head, this.#position, false);
    if (countedHeight <= this.#position.countedHeight) return;
    this.#position = { ...this.#position, countedHeight };
    await this.#parts.apply({
      disconnected: [],
      observations: [],
      head: this.#countedHead(),
      cursor: this.#position,
      watchedUntilMs: null,
    });
  }

  /** Never beyond what is reported; lower than before only where blocks were dropped.
   * @throws NodeProblem when the chain calls another block irreversible than was followed */
  #countedUpTo(head: FollowedHead, position: Position, reorganised: boolean): number {
    const { finalized } = head;
    if (finalized) {
      const followed = hashAt(position, finalized.height);
      if (followed !== undefined && followed !== finalized.hash) {
        throw new NodeProblem(
          `The node calls block ${finalized.hash} at height ${finalized.height} irreversible, but its own chain has ${followed} there: it is on a fork, or its parts disagree. Nothing is confirmed from it.`,
        );
      }
    }
    const counted = Math.max(0, Math.min(this.#parts.countedHeight(head), tipOf(position).height));
    return reorganised ? counted : Math.max(counted, this.#position.countedHeight);
  }

  #countedHead(): BlockRef {
    const { countedHeight, timeMs } = this.#position;
    return {
      height: countedHeight,
      hash: hashAt(this.#position, countedHeight) ?? tipOf(this.#position).hash,
      timeMs,
    };
  }

  #orphan(disconnected: readonly BlockId[]): void {
    const { tracked } = this.#parts;
    for (const block of disconnected) {
      this.#recent.drop(block.hash);
      for (const transfer of tracked.includedIn(block.hash)) {
        tracked.set({
          ...transfer,
          state: "orphaned",
          block: null,
          missed: 0,
          orphanedAtHeight: tipOf(this.#position).height,
        });
      }
    }
  }

  #connect({ ref, transfers, spenders }: SourceBlock): Observation[] {
    const observations = spenders.flatMap((spender) => this.#replaced(spender));
    for (const transfer of transfers) {
      this.#track(transfer, ref);
      observations.push(this.#included(transfer, ref));
    }
    return observations;
  }

  #track(transfer: SightedTransfer, block: BlockRef): void {
    const { tracked, clock } = this.#parts;
    if (transfer.failed) {
      tracked.delete(transfer);
      return;
    }
    const firstSeenAtMs = tracked.get(transfer)?.firstSeenAtMs ?? clock.nowMs();
    tracked.set({ ...transfer, state: "included", block, firstSeenAtMs, missed: 0, orphanedAtHeight: 0 });
    this.#recent.add(transfer, block);
  }

  #included(transfer: SightedTransfer, block: BlockRef): Observation {
    const { facts, tracked, clock } = this.#parts;
    return observationOf(facts.chain, transfer, {
      status: transfer.failed ? "failed" : "included",
      block,
      confirmations: Math.max(0, this.#position.countedHeight - block.height + 1),
      observedAtMs: tracked.get(transfer)?.firstSeenAtMs ?? clock.nowMs(),
    });
  }

  #seen(transfer: SightedTransfer): Observation[] {
    const { facts, tracked, clock } = this.#parts;
    const known = tracked.get(transfer);
    if (known?.state === "pending" && known.recipient === transfer.recipient) {
      if (known.missed > 0) tracked.set({ ...known, missed: 0 });
      return [];
    }
    if (known?.state === "included") return [];
    const firstSeenAtMs = known?.firstSeenAtMs ?? transfer.firstSeenAtMs ?? clock.nowMs();
    tracked.set({ ...transfer, state: "pending", block: null, firstSeenAtMs, missed: 0, orphanedAtHeight: 0 });
    return [observationOf(facts.chain, transfer, { status: "seen", observedAtMs: firstSeenAtMs })];
  }

  /** @param isLost of those that use up the same */
  #replaced(spender: Spender, isLost: (transfer: TrackedTransfer) => boolean = () => true): Observation[] {
    const { tracked } = this.#parts;
    const losers = tracked.conflictsOf(spender).filter(isLost);
    return losers.map((loser) => {
      tracked.delete(loser);
      return this.#tellOf(loser, "replaced", spender.txId);
    });
  }

  async #lookUp(transfers: readonly TrackedTransfer[]): Promise<[TrackedTransfer, FoundTransaction | null][]> {
    const found: [TrackedTransfer, FoundTransaction | null][] = [];
    for (const transfer of transfers) {
      found.push([transfer, await this.#parts.source.transaction(transfer.txId, this.#interest)]);
    }
    return found;
  }

  /** It is not among those that the node told of. @param found what the node says when it is asked for it */
  #missing(transfer: TrackedTransfer, found: FoundTransaction | null): Observation[] {
    const { tracked } = this.#parts;
    if (found) {
      // In a block: that block comes by itself. Waiting: not everything that waits is told of.
      if (found.block === null && transfer.state === "orphaned") {
        return found.transfers.filter(({ index }) => index === transfer.index).flatMap((one) => this.#seen(one));
      }
      if (transfer.missed > 0) tracked.set({ ...transfer, missed: 0 });
      return [];
    }
    const missed = transfer.missed + 1;
    if (missed < MISSES_UNTIL_DROPPED) {
      tracked.set({ ...transfer, missed });
      return [];
    }
    return this.#settle(transfer, "dropped");
  }

  /** Told in the same report as the dropped blocks, so that a transfer which waits again is one event. */
  async #fatesOf({ disconnected, connected }: Walk): Promise<Fate[]> {
    const { source, tracked } = this.#parts;
    if (!source.pending || disconnected.length === 0) return [];
    const decided = new Set<string>();
    for (const { transfers, spenders } of connected) {
      for (const { txId } of transfers) decided.add(txId);
      for (const spender of spenders) for (const { txId } of tracked.conflictsOf(spender)) decided.add(txId);
    }
    const fates: Fate[] = [];
    for (const transfer of disconnected.flatMap(({ hash }) => tracked.includedIn(hash))) {
      if (decided.has(transfer.txId)) continue;
      const found = await source.transaction(transfer.txId, this.#interest);
      if (found === null) fates.push({ transfer, status: "dropped" });
      else if (found.block === null) fates.push({ transfer, status: "seen" });
    }
    return fates;
  }

  /** Orphaned ones that no block has taken up again for too long. */
  #lostFor(height: number): TrackedTransfer[] {
    const expired = height - this.#parts.orphanLifetimeBlocks;
    return this.#parts.tracked.waiting.filter(
      ({ state, orphanedAtHeight }) => state === "orphaned" && orphanedAtHeight <= expired,
    );
  }

  #settle(transfer: TrackedTransfer, status: Fate["status"]): Observation[] {
    const { tracked } = this.#parts;
    if (status === "dropped") tracked.delete(transfer);
    else tracked.set({ ...transfer, state: "pending", block: null, missed: 0 });
    return [this.#tellOf(transfer, status)];
  }

  #tellOf(transfer: TrackedTransfer, status: Fate["status"] | "replaced", replacedBy?: string): Observation {
    return observationOf(this.#parts.facts.chain, transfer, {
      status,
      observedAtMs: transfer.firstSeenAtMs,
      ...(replacedBy === undefined ? {} : { replacedBy }),
    });
  }

  async #tell(observations: readonly Observation[]): Promise<void> {
    if (observations.length === 0) return;
    await this.#parts.apply({ disconnected: [], observations, head: null, cursor: null, watchedUntilMs: null });
  }

  #hashes(): ReadonlySet<string> {
    return new Set(this.#position.blocks.map(({ hash }) => hash));
  }
}

/** What only waits cannot take the place of what is in a block: a node may not have taken the block up yet, or be behind. */
function isInNoBlock({ state }: TrackedTransfer): boolean {
  return state !== "included";
}

/** Whether what is called irreversible is on the chain that ends there cannot be known: of several nodes behind one
 * address one may be behind, or on a fork.
 * @throws BlockGone */
function refuseFinalizedAbove({ height, finalized }: FollowedHead): void {
  if (finalized === null || finalized.height <= height) return;
  throw new BlockGone(
    `The node calls block ${finalized.height} irreversible, but its chain ends at ${height}: its parts disagree, or one of several nodes behind one address is behind. Nothing is confirmed from it.`,
  );
}
