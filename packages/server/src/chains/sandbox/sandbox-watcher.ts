/**
 * Watches the simulated chain as a real one is watched: it is woken by news and looks by itself from time to time, walks
 * by parent hash from its stored cursor, and reports again whatever could not be stored.
 */
import type { Clock } from "../../kit/clock.ts";
import { messageOf } from "../../kit/errors.ts";
import type { Watcher, WatcherStatus, WatchSink } from "../watcher.ts";
import { sandboxFacts } from "./facts.ts";
import type { Attendance, SandboxNode, SandboxView } from "./node.ts";
import { type Followed, followedKey, NotRefreshed, nextStep, type Standing } from "./step.ts";
import { ChainMoved, type SandboxPosition } from "./walk.ts";

/** New blocks in one report while catching up. */
const BLOCKS_PER_REPORT = 100;

export interface SandboxWatcherOptions {
  node: SandboxNode;
  clock: Clock;
  /** How often it looks without being told, and says how far the chain was watched, milliseconds. Default 1,000. */
  pollIntervalMs?: number;
  /** After a failure it waits 50 ms, then twice as long each time up to this. Default 5,000. */
  maxRetryMs?: number;
  /** Without a new block for so long, the node counts as silent, milliseconds. Default `null`: blocks come on request,
   * so that silence means nothing. */
  maxSilenceMs?: number | null;
}

interface Waiter {
  generation: number;
  resolve: () => void;
  reject: (error: Error) => void;
}

export class SandboxWatcher implements Watcher {
  readonly facts = sandboxFacts;
  readonly #options: Required<SandboxWatcherOptions>;
  #standing: Standing = { position: null, followed: new Map() };
  #view: SandboxView | null = null;
  #lastBlockAtMs = 0;
  /** When the chain told of what has not been looked at yet. */
  #newsAtMs: number | null = null;
  #nodeProblem: string | null = null;
  #storeProblem: string | null = null;
  /** Counts what calls for a look at the chain; a look that began at this number has answered all before it. */
  #wanted = 0;
  #waiters: Waiter[] = [];
  #wake: () => void = () => undefined;
  #running: Promise<void> | null = null;
  #stopping = false;
  #stopListening: () => void = () => undefined;
  #attendance: Attendance | null = null;

  constructor(options: SandboxWatcherOptions) {
    this.#options = { pollIntervalMs: 1_000, maxRetryMs: 5_000, maxSilenceMs: null, ...options };
  }

  async start(sink: WatchSink): Promise<void> {
    if (this.#running) throw new Error("The sandbox watcher runs already.");
    this.#stopping = false;
    this.#standing = {
      position: parseCursor(await sink.cursor()),
      followed: followedFrom(await sink.openTransfers()),
    };
    this.#lastBlockAtMs = this.#options.clock.nowMs();
    this.#stopListening = this.#options.node.listen(() => {
      this.#newsAtMs ??= this.#options.clock.nowMs();
      this.#want();
    });
    this.#running = this.#run(sink);
    this.#attendance = this.#options.node.attend(this);
  }

  async stop(): Promise<void> {
    this.#stopListening();
    this.#attendance?.leave();
    this.#stopping = true;
    this.#wake();
    await this.#running;
    this.#running = null;
    for (const waiter of this.#waiters.splice(0)) waiter.reject(new Error("The sandbox watcher was stopped."));
  }

  onWatched(): void {
    this.#want();
  }

  /** Resolves when everything that the chain did before the call has been applied.
   * @throws Error when the watcher is not running, or is stopped meanwhile */
  settled(): Promise<void> {
    if (!this.#running || this.#stopping) return Promise.reject(new Error("The sandbox watcher is not running."));
    return new Promise((resolve, reject) => {
      this.#want();
      this.#waiters.push({ generation: this.#wanted, resolve, reject });
    });
  }

  status(): WatcherStatus {
    const silence = this.#silence();
    const headHeight = this.#view?.tip.height ?? null;
    const reached = this.#standing.position?.height ?? -1;
    return {
      connected: this.#view !== null && this.#nodeProblem === null && silence === null,
      headHeight,
      lagBlocks: headHeight === null ? null : Math.max(0, headHeight - reached),
      problem: this.#nodeProblem ?? this.#storeProblem ?? this.#options.node.problem ?? silence,
    };
  }

  #silence(): string | null {
    const { maxSilenceMs, clock } = this.#options;
    const silentMs = clock.nowMs() - this.#lastBlockAtMs;
    if (!this.#running || maxSilenceMs === null || silentMs <= maxSilenceMs) return null;
    return `The sandbox chain answers, but no block has come for ${Math.floor(silentMs / 1_000)} s.`;
  }

  #want(): void {
    this.#wanted += 1;
    this.#wake();
  }

  async #run(sink: WatchSink): Promise<void> {
    let retryMs = 50;
    while (!this.#stopping) {
      const generation = this.#wanted;
      const outcome = await this.#look(sink);
      if (outcome === "failed") {
        await this.#pause(retryMs, () => this.#stopping);
        retryMs = Math.min(retryMs * 2, this.#options.maxRetryMs);
        continue;
      }
      retryMs = 50;
      if (outcome === "more") continue;
      this.#resolveWaiters(generation);
      await this.#pause(this.#options.pollIntervalMs, () => this.#stopping || this.#wanted !== generation);
    }
  }

  /** One step. What went wrong is kept for `status`; the standing changes only once the report has been applied. */
  async #look(sink: WatchSink): Promise<"settled" | "more" | "failed"> {
    const step = await this.#readStep(sink).catch((error: unknown) => {
      if (error instanceof ChainMoved) return "again" as const;
      if (error instanceof NotRefreshed)
        this.#storeProblem = `Which payments are waiting cannot be read: ${error.message}`;
      else this.#nodeProblem = `The sandbox chain cannot be read: ${messageOf(error)}`;
      return null;
    });
    if (step === null) return "failed";
    this.#nodeProblem = null;
    if (step === "again") return "more";
    try {
      await sink.apply(step.report);
    } catch (error) {
      this.#storeProblem = `A report could not be stored and is repeated: ${messageOf(error)}`;
      return "failed";
    }
    this.#storeProblem = null;
    this.#standing = step.next;
    if (step.report.cursor !== null) this.#attendance?.reported();
    return step.caughtUp ? "settled" : "more";
  }

  async #readStep(sink: WatchSink) {
    const { node, clock } = this.#options;
    // Before the view: what happens in between belongs to the next step.
    const nowMs = clock.nowMs();
    const view = await node.view();
    if (view.tip.hash !== this.#view?.tip.hash) this.#lastBlockAtMs = nowMs;
    this.#view = view;
    const noticedAtMs = this.#newsAtMs ?? nowMs;
    this.#newsAtMs = null;
    const step = await nextStep(node, view, this.#standing, sink, nowMs, { blocks: BLOCKS_PER_REPORT });
    if (step.report.head) step.report.noticedAtMs = noticedAtMs;
    return step;
  }

  #resolveWaiters(generation: number): void {
    const waiting = this.#waiters;
    this.#waiters = waiting.filter((waiter) => waiter.generation > generation);
    for (const waiter of waiting) if (waiter.generation <= generation) waiter.resolve();
  }

  /** Waits, but not for longer than until `isOver`, which is asked whenever something wakes the watcher. */
  #pause(ms: number, isOver: () => boolean): Promise<void> {
    if (isOver()) return Promise.resolve();
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#wake = () => undefined;
        resolve();
      };
      const timer = setTimeout(end, ms);
      this.#wake = () => {
        if (isOver()) end();
      };
    });
  }
}

function followedFrom(open: readonly { txId: string; index: string; status: string }[]): ReadonlyMap<string, Followed> {
  const inNoBlock = open.filter(({ status }) => status === "seen" || status === "orphaned");
  return new Map(
    inNoBlock.map(({ txId, index, status }) => [
      followedKey({ txId, index }),
      { txId, index, seen: status === "seen" },
    ]),
  );
}

/** @throws Error when the stored cursor is not one of this watcher's */
function parseCursor(cursor: unknown): SandboxPosition | null {
  if (cursor === null) return null;
  const { height, hash, nextNumber } = cursor as Partial<SandboxPosition>;
  if (typeof height !== "number" || typeof hash !== "string") {
    throw new Error("The stored cursor of the sandbox chain is not one.");
  }
  return { height, hash, ...(nextNumber === undefined ? {} : { nextNumber }) };
}
