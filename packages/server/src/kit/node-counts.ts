/**
 * Counts that a limit holds over all nodes. Each node tells the others what it has, again and again, and knows what they
 * last told. So a count is a moment old: between two rounds the nodes together may take more than the limit, each by what
 * the others took meanwhile and never more than the limit itself. What was taken is not taken back.
 *
 * A node that says nothing any more is forgotten, and so are all others by one that cannot ask: then its own count holds.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { everySoOften } from "./every-so-often.ts";
import type { LIMITS, LimitName, Limits } from "./limits.ts";

/** Where nodes on one store tell each other of themselves. */
export interface Nodes {
  /**
   * Tells the others, and hears them.
   * @param told what the others are to know, in place of what was told before
   * @param liveMs who has said nothing for so long, by the store's clock, is not there any more
   * @returns what each other node that is there has told
   */
  exchange(id: string, told: string, liveMs: number): Promise<readonly string[]>;
  /** It goes: the others forget it at once. */
  leave(id: string): Promise<void>;
  /** Called when another node may have gone. A hint: may be lost. */
  onLeft(listener: () => void): () => void;
}

/** The limits that hold over all nodes. */
export type SharedLimit = { [N in LimitName]: (typeof LIMITS)[N] extends { overNodes: true } ? N : never }[LimitName];

/** What a limit counts, by whom it counts it for (a merchant, an address …). */
export type Counted = () => Iterable<readonly [key: string, count: number]>;

/** What those who enforce a limit need of it. */
export interface SharedCounts {
  /** What this node has, from now on. */
  count(limit: SharedLimit, counted: Counted): void;
  /** What the other nodes have together, as they last told. */
  others(limit: SharedLimit, key: string): number;
}

/** There are no others. */
export const ALONE: SharedCounts = { count: () => undefined, others: () => 0 };

export interface NodeCountsOptions {
  /** `null`: no other process can use the store. */
  nodes: Nodes | null;
  limits: Pick<Limits, SharedLimit>;
  /** The others could not be asked, which is tried again. */
  onError: (error: unknown) => void;
  /** A clock that is never set, milliseconds; injected by tests. */
  monotonicMs?: () => number;
}

/** What one node tells. */
type Told = Partial<Record<SharedLimit, Record<string, number>>>;

const ROUND_MS = 1_000;
/** With many nodes rounds are longer, by so much per node: together they tell each other the square of their number. */
const ROUND_MS_PER_NODE = 50;
/** Rounds without a word after which a node is not there any more. */
const LIVE_ROUNDS = 5;
/** How soon the others know that a node has gone: that long after it its clients may come to them. */
const HEARD_MS = 100;
/** A limit up to this is told to the last one. Of a greater one is told what could matter: had every node less, … */
const EXACT_LIMIT = 100;
/** … all of them together would have at most this part of the limit that nobody was told of. */
const UNTOLD_PART = 1 / 8;
/** Of each limit, the greatest counts: bounds what is told. */
const MOST_TOLD = 200;

export class NodeCounts implements SharedCounts {
  readonly #options: Required<NodeCountsOptions>;
  readonly #id = randomUUID();
  readonly #counted = new Map<SharedLimit, Counted>();
  readonly #others = new Map<SharedLimit, Map<string, number>>();
  #live = 1;
  #heardAtMs = 0;
  #round: Promise<void> | null = null;
  #again = false;
  #left = false;

  constructor(options: NodeCountsOptions) {
    this.#options = { monotonicMs: () => performance.now(), ...options };
  }

  count(limit: SharedLimit, counted: Counted): void {
    this.#counted.set(limit, counted);
  }

  others(limit: SharedLimit, key: string): number {
    return this.#isFresh ? (this.#others.get(limit)?.get(key) ?? 0) : 0;
  }

  /** Nodes that are there, this one included. */
  get live(): number {
    return this.#isFresh ? this.#live : 1;
  }

  /** Resolves after the first round: this node is known, and knows the others. Returns what ends it. */
  async start(): Promise<() => Promise<void>> {
    const { nodes, onError } = this.#options;
    if (!nodes) return async () => undefined;
    const stopHearing = nodes.onLeft(() => void this.exchange());
    await this.exchange();
    const stop = everySoOften(ROUND_MS, () => this.#whenDue(), onError);
    return async () => {
      stopHearing();
      await stop();
      await this.leave();
    };
  }

  /** Tells and hears once; what is asked meanwhile is one more round. */
  exchange(): Promise<void> {
    if (this.#round) {
      this.#again = true;
      return this.#round;
    }
    this.#round = this.#exchange()
      .catch(this.#options.onError)
      .finally(() => {
        this.#round = null;
        if (!this.#again) return;
        this.#again = false;
        void this.exchange();
      });
    return this.#round;
  }

  /** Nothing of this node counts any more: its clients come back to others. Harmless if repeated. */
  async leave(): Promise<void> {
    const { nodes, onError } = this.#options;
    if (this.#left || !nodes) return;
    this.#left = true;
    await this.#round;
    // Where it fails, the others forget this node after a while.
    await nodes.leave(this.#id).catch(onError);
    if (this.live > 1) await pause(HEARD_MS);
  }

  /** Older, nobody knows. */
  get #isFresh(): boolean {
    return this.#options.monotonicMs() - this.#heardAtMs < this.#liveMs;
  }

  get #liveMs(): number {
    return LIVE_ROUNDS * this.#roundMs;
  }

  get #roundMs(): number {
    return Math.max(ROUND_MS, ROUND_MS_PER_NODE * this.#live);
  }

  async #whenDue(): Promise<void> {
    if (this.#options.monotonicMs() - this.#heardAtMs >= this.#roundMs) await this.exchange();
  }

  async #exchange(): Promise<void> {
    const { nodes, monotonicMs } = this.#options;
    if (!nodes || this.#left) return;
    const askedAtMs = monotonicMs();
    const heard = await nodes.exchange(this.#id, JSON.stringify(this.#told()), this.#liveMs);
    this.#others.clear();
    for (const text of heard) this.#add(JSON.parse(text) as Told);
    this.#live = 1 + heard.length;
    this.#heardAtMs = askedAtMs;
  }

  #add(told: Told): void {
    for (const [limit, counts] of Object.entries(told)) {
      const sums = this.#others.get(limit as SharedLimit) ?? new Map<string, number>();
      this.#others.set(limit as SharedLimit, sums);
      for (const [key, count] of Object.entries(counts)) sums.set(key, (sums.get(key) ?? 0) + count);
    }
  }

  #told(): Told {
    const told: Told = {};
    for (const [limit, counted] of this.#counted) {
      const least = leastTold(this.#options.limits[limit], this.live);
      const worth = [...counted()].filter(([, count]) => count >= least);
      if (worth.length > MOST_TOLD) worth.sort(([, a], [, b]) => b - a).length = MOST_TOLD;
      if (worth.length > 0) told[limit] = Object.fromEntries(worth);
    }
    return told;
  }
}

/** The least count that is told to other nodes. */
export function leastTold(limit: number, nodes: number): number {
  return limit <= EXACT_LIMIT ? 1 : Math.max(1, Math.floor((limit * UNTOLD_PART) / nodes));
}
