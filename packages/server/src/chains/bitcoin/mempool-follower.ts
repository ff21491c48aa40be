/**
 * Follows the mempool: what enters it for us, what replaces it, and what leaves it without being mined.
 *
 * ZMQ brings transactions at once; `reconcile` compares with the node's whole mempool and finds what ZMQ has lost. That
 * a transfer is gone is never concluded from a message, only from the node's answers while its chain stands still: a
 * mined transaction leaves the mempool too, and nobody announces that.
 */
import type { Observation } from "../../payments/transfer.ts";
import { type Bitcoind, type MempoolEntry, REFUSED } from "./bitcoind.ts";
import { tipHash } from "./cursor.ts";
import { fatesOf, type MempoolFate, mayBeReplaced, settle } from "./fates.ts";
import { MempoolIndex } from "./mempool-index.ts";
import { observe, type WatchRun } from "./run.ts";
import { inSlices } from "./slices.ts";
import type { TrackedTransaction } from "./tracked-transactions.ts";
import {
  type Interest,
  MalformedTransaction,
  type ScannedTransaction,
  scanTransaction,
} from "./transaction-scanner.ts";

/** Raw transactions that wait here at most; beyond it they are left to `reconcile`. */
const MAX_RAW_WAITING = 20_000;
/** Announced ids that wait to be looked at; beyond it they are left to `reconcile`. A full mempool has 200,000. */
const MAX_UNSEEN = 500_000;
/** Work of one step, so that blocks do not have to wait. */
const RAW_PER_STEP = 500;
const FETCHED_PER_STEP = 100;
const RESOLVED_PER_STEP = 100;
/** The node's clock counts in seconds and may be a little behind ours: in favour of who has just paid. */
const NODE_CLOCK_TOLERANCE_MS = 5_000;

/** For every transaction in the mempool this much time has to pass between two comparisons: a small one is compared with
 * every poll, a full one (200,000) every 20 seconds; every 100 seconds while ZMQ tells of everything. */
const PAUSE_MS_PER_TRANSACTION = { told: 0.5, alone: 0.1 };

/** How long after a comparison the next one is due. */
export function comparisonPauseMs(transactions: number, isTold: boolean): number {
  return transactions * PAUSE_MS_PER_TRANSACTION[isTold ? "told" : "alone"];
}

interface Candidate {
  transaction: ScannedTransaction;
  /** It came just now, over ZMQ. */
  live: boolean;
}

export class MempoolFollower {
  readonly #run: WatchRun;
  readonly #index = new MempoolIndex();
  readonly #interest: Interest;
  #raw: Buffer[] = [];
  /** In the mempool, and not looked at yet; most come over ZMQ before they have to be fetched. */
  readonly #unseen = new Set<string>();
  /** To be looked at again. */
  readonly #again = new Set<string>();
  /** Followed transactions whose fate is to be asked. */
  readonly #suspects = new Set<string>();
  readonly #newlyWatched = new Set<string>();
  /** Transactions that contradict a block which we still believe in: they wait until the chain has been followed. */
  readonly #contradicting = new Set<string>();
  #lost = false;
  /** ZMQ was heard since the last comparison. */
  #heard = false;
  /** The whole mempool has been seen once: what is new from now on is news. */
  #compared = false;

  constructor(run: WatchRun) {
    this.#run = run;
    this.#interest = {
      // Every script goes into the index; which of them are watched is asked afterwards.
      watches: () => true,
      spends: (outpointHex) => run.tracked.spendsOutpoint(outpointHex),
      get anySpends() {
        return run.tracked.anySpends;
      },
    };
  }

  /** Something may have been missed: the whole mempool has to be compared. */
  get needsReconciling(): boolean {
    return this.#lost;
  }

  /** Something waits for the chain: to stand still, or to be followed. */
  get waitsForChain(): boolean {
    return this.#suspects.size > 0 || this.#contradicting.size > 0;
  }

  /** ZMQ was heard since the last comparison, and has lost nothing as far as its numbers tell. */
  get isTold(): boolean {
    return this.#heard && !this.#lost;
  }

  missed(): void {
    this.#lost = true;
  }

  offer(raw: Buffer): void {
    this.#heard = true;
    if (this.#raw.length >= MAX_RAW_WAITING) this.#lost = true;
    else this.#raw.push(raw);
  }

  added(txId: string): void {
    this.#heard = true;
    if (this.#index.has(txId)) return;
    if (this.#unseen.size >= MAX_UNSEEN) {
      // The node has not answered for long: its own list will be shorter than all that it has announced.
      this.#unseen.clear();
      this.#lost = true;
    } else this.#unseen.add(txId);
  }

  removed(txId: string): void {
    this.#heard = true;
    this.#unseen.delete(txId);
    this.#index.delete(txId);
    this.suspect(txId);
  }

  suspect(txId: string): void {
    if (this.#run.tracked.get(txId)) this.#suspects.add(txId);
  }

  watched(recipient: string): void {
    this.#newlyWatched.add(recipient);
  }

  /** The chain was followed to the tip: what contradicted it can be looked at again. */
  chainFollowed(): void {
    for (const txId of this.#contradicting) this.#again.add(txId);
    this.#contradicting.clear();
  }

  /** Compares with the node's whole mempool; `step` then does the work.
   * @returns how many transactions are in it; not complete while the node still reads its mempool from disk */
  async reconcile(): Promise<{ complete: boolean; transactions: number }> {
    const { node, tracked, silence, clock } = this.#run;
    this.#lost = false;
    this.#heard = false;
    const mempool = await node.mempool((txId) => this.#index.has(txId));
    await this.#index.retain(mempool);
    await inSlices(mempool, (txId) => {
      if (!this.#index.has(txId)) this.#unseen.add(txId);
    });
    if (this.#compared && this.#unseen.size > 0) silence.heardTransaction(clock.nowMs());
    this.#compared = true;
    await inSlices(tracked.values(), ({ txId, state }) => {
      if (state === "orphaned" || (state === "mempool" && !mempool.has(txId))) this.#suspects.add(txId);
    });
    return { complete: await node.mempoolLoaded(), transactions: mempool.size };
  }

  /** Does a bounded piece of the work. @returns false when there is nothing left that can be done now */
  async step(): Promise<boolean> {
    for (const recipient of this.#newlyWatched) {
      for (const txId of this.#index.lookUp(recipient)) this.#again.add(txId);
    }
    this.#newlyWatched.clear();
    await this.#confirm(this.#scanOffered());
    if (this.#raw.length === 0) await this.#confirm(await this.#scanFetched());
    if (this.#raw.length > 0 || this.#unseen.size > 0 || this.#again.size > 0) return true;
    return this.#suspects.size > 0 && (await this.#resolve());
  }

  #scanOffered(): Candidate[] {
    const candidates: Candidate[] = [];
    for (const raw of this.#raw.splice(0, RAW_PER_STEP)) {
      const transaction = this.#scan(raw);
      if (!transaction || this.#index.has(transaction.txId)) continue;
      this.#consider({ transaction, live: true }, false, candidates);
    }
    return candidates;
  }

  async #scanFetched(): Promise<Candidate[]> {
    const txIds = this.#nextToFetch();
    const candidates: Candidate[] = [];
    const raws = await this.#run.node.rawTransactions(txIds);
    for (const [place, txId] of txIds.entries()) {
      this.#unseen.delete(txId);
      const again = this.#again.delete(txId);
      const raw = raws[place];
      const transaction = raw ? this.#scan(raw) : null;
      if (transaction) this.#consider({ transaction, live: false }, again, candidates);
      // Nothing in it can concern us, but it has been looked at.
      else if (raw) this.#index.add(txId, []);
    }
    return candidates;
  }

  #nextToFetch(): string[] {
    const next = new Set(first(this.#again, FETCHED_PER_STEP));
    for (const txId of this.#unseen) {
      if (next.size >= FETCHED_PER_STEP) break;
      if (this.#index.has(txId)) this.#unseen.delete(txId);
      else next.add(txId);
    }
    return [...next];
  }

  #scan(raw: Buffer): ScannedTransaction | null {
    try {
      return scanTransaction(raw, this.#interest);
    } catch (error) {
      if (!(error instanceof MalformedTransaction)) throw error;
      this.#run.logger.warn(
        { chain: this.#run.facts.chain, reason: error.message },
        "a raw transaction cannot be read",
      );
      return null;
    }
  }

  /** `again`: also what is known already; whoever has come to watch it may not have been there the first time. */
  #consider({ transaction: scanned, live }: Candidate, again: boolean, candidates: Candidate[]): void {
    const { sink, tracked } = this.#run;
    if (live) this.#run.silence.heardTransaction(this.#run.clock.nowMs());
    this.#index.add(
      scanned.txId,
      scanned.outputs.map(({ recipient }) => recipient),
    );
    const outputs = scanned.outputs.filter(({ recipient }) => sink.watches(recipient));
    const known = tracked.get(scanned.txId);
    const news = outputs.length > 0 && (again || known?.state === "orphaned" || !known);
    if (news || tracked.conflictsOf(scanned.txId, scanned.spends).length > 0) {
      candidates.push({ transaction: { ...scanned, outputs }, live });
    }
  }

  /** Reports those that the node says are in its mempool now. */
  async #confirm(candidates: readonly Candidate[]): Promise<void> {
    if (candidates.length === 0) return;
    const txIds = candidates.map(({ transaction }) => transaction.txId);
    let entries: Awaited<ReturnType<Bitcoind["mempoolEntries"]>>;
    try {
      entries = await this.#run.node.mempoolEntries(txIds);
    } catch (error) {
      // Not reported yet: the next comparison has to find them again.
      for (const txId of txIds) this.#index.delete(txId);
      throw error;
    }
    const observations: Observation[] = [];
    for (const [place, candidate] of candidates.entries()) {
      const { txId } = candidate.transaction;
      const entry = entries[place];
      if (entry && entry !== REFUSED) {
        observations.push(...this.#enter(candidate, entry));
        continue;
      }
      // Mined or gone since: if it comes back, it is to be looked at again.
      this.#index.delete(txId);
      this.suspect(txId);
    }
    await this.#report(observations);
  }

  #enter({ transaction, live }: Candidate, entry: MempoolEntry): Observation[] {
    const { tracked, clock } = this.#run;
    const { txId, outputs, spends } = transaction;
    const known = tracked.get(txId);
    const losers = tracked.conflictsOf(txId, spends);
    if (known?.state === "included" || losers.some(({ state }) => state === "included")) {
      this.#index.delete(txId);
      this.#contradicting.add(txId);
      return [];
    }
    const observations = losers.flatMap((loser) => this.#settle(loser, { is: "replaced", by: txId }));
    if (outputs.length === 0) return observations;
    const nowMs = clock.nowMs();
    const entered: TrackedTransaction = {
      txId,
      outputs,
      spends,
      state: "mempool",
      block: null,
      firstSeenAtMs: known?.firstSeenAtMs ?? (live ? nowMs : Math.min(nowMs, entry.timeMs + NODE_CLOCK_TOLERANCE_MS)),
      replaceable: transaction.signalsReplaceability || mayBeReplaced(entry),
    };
    tracked.set(entered);
    return [...observations, ...observe(this.#run, entered, { status: "seen" })];
  }

  /** Asks what became of the suspects. @returns false: nothing more to be done now (all are resolved, the chain has
   * moved, or the node is still loading its mempool) */
  async #resolve(): Promise<boolean> {
    const { node, tracked, cursor } = this.#run;
    const asked: TrackedTransaction[] = [];
    for (const txId of first(this.#suspects, RESOLVED_PER_STEP)) {
      const transaction = tracked.get(txId);
      if (transaction && transaction.state !== "included") asked.push(transaction);
      else this.#suspects.delete(txId);
    }
    if (asked.length === 0 || !cursor) return this.#suspects.size > 0;
    const fates = await fatesOf(node, asked, tipHash(cursor));
    if (fates === "moved" || fates === "loading") return false;
    const observations = asked.flatMap((transaction, place) => this.#settle(transaction, fates[place] as MempoolFate));
    await this.#report(observations);
    // Those that are unclear stay, and are asked again with the next poll.
    return this.#suspects.size > 0 && fates.some(({ is }) => is !== "unclear");
  }

  #settle(transaction: TrackedTransaction, fate: MempoolFate): Observation[] {
    if (fate.is !== "unclear") this.#suspects.delete(transaction.txId);
    if (fate.is === "present" && transaction.state === "mempool") return [];
    // What is gone may come back, and is then to be looked at again.
    if (fate.is !== "present") this.#index.delete(transaction.txId);
    return settle(this.#run, transaction, fate);
  }

  async #report(observations: readonly Observation[]): Promise<void> {
    if (observations.length === 0) return;
    await this.#run.apply({ disconnected: [], observations, head: null, cursor: null, watchedUntilMs: null });
  }
}

/** Without copying the rest: there may be hundreds of thousands. */
function first(values: ReadonlySet<string>, count: number): string[] {
  return values.values().take(count).toArray();
}
