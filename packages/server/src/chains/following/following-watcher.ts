/**
 * Watches a chain of linked blocks through a `BlockSource`: woken by what the node pushes, with polling as the backstop.
 *
 * One turn after the other, never two at once: check the node, follow the blocks, compare what waits for one, say how far
 * everything was watched. A turn that fails is repeated after a pause; nothing is skipped, and `status` says why.
 */
import { performance } from "node:perf_hooks";
import type { Clock } from "../../kit/clock.ts";
import { messageOf } from "../../kit/errors.ts";
import { Backoff, pause, retryUntilDone } from "../../kit/retry.ts";
import { Wake } from "../../kit/wake.ts";
import type { ChainProbe, EndpointReading } from "../probe.ts";
import type { ChainFacts, Watcher, WatcherLogger, WatcherStatus, WatchReport, WatchSink } from "../watcher.ts";
import { firstPosition } from "./beginning.ts";
import {
  BlockGone,
  type BlockSource,
  EndpointFailure,
  type FollowedHead,
  NodeProblem,
  NotRefreshed,
} from "./block-source.ts";
import { Follower, type FollowerParts } from "./follower.ts";
import { parsePosition, tipOf } from "./position.ts";
import { probeSources } from "./probe-sources.ts";
import { TrackedTransfers } from "./tracked-transfers.ts";
import { WantedKeys } from "./wanted-keys.ts";

export interface FollowingWatcherOptions {
  facts: ChainFacts;
  source: BlockSource;
  /** Up to which height confirmations count: the finality policy. A transfer above it has none. */
  countedHeight: (head: FollowedHead) => number;
  /** Also how long a lost push can delay news. */
  pollIntervalMs: number;
  /** Without a new block for so long the chain's node counts as silent, milliseconds. `null`: silence means nothing. */
  maxSilenceMs: number | null;
  /** New blocks in one report while catching up; default 20. */
  blocksPerReport?: number;
  /** See `FollowerParts.orphanLifetimeBlocks`; default 1,000. */
  orphanLifetimeBlocks?: number;
  clock: Clock;
  logger: WatcherLogger;
}

const RETRY_INITIAL_MS = 200;
/** How often the node is asked whether it is the right one. */
const CHECK_MS = 60_000;
/** How often a chain that moves under our questions is asked again at once. */
const MAX_MOVES = 10;
/** Blocks reach a node some time after the moment that they name: what lies less far back may still come. */
const PROPAGATION_MS = 15_000;
const BLOCKS_PER_REPORT = 20;
const ORPHAN_LIFETIME_BLOCKS = 1_000;

/** One life between `start` and `stop`. */
interface Life {
  sink: WatchSink;
  follower: Follower | null;
  stopping: AbortController;
  loop: Promise<void>;
  unsubscribe: () => void;
  /** Settles when the block to begin with is known, or could not be found out at once. */
  begun: PromiseWithResolvers<void>;
  startedAtMs: number;
  /** Attempts that failed before the first contact. */
  failedAttempts: number;
}

export class FollowingWatcher implements Watcher, ChainProbe {
  readonly facts: ChainFacts;
  readonly #options: FollowingWatcherOptions;
  readonly #wake = new Wake();
  readonly #wanted: WantedKeys;
  #life: Life | null = null;
  #head: FollowedHead | null = null;
  /** Why the last turn failed; `null` when it did not. */
  #failure: string | null = "The node has not been asked yet.";
  #storeFailure: string | null = null;
  #advisory: string | null = null;
  /** That the node's newest block is old by its own time; `null` when it is not. */
  #staleness: string | null = null;
  #nextCheckAt = 0;
  #lastBlockAtMs = 0;

  constructor(options: FollowingWatcherOptions) {
    this.#options = options;
    this.facts = options.facts;
    this.#wanted = new WantedKeys({ chain: options.facts.chain, logger: options.logger });
  }

  /** Resolves when it is known where following begins, so that nothing which is paid from then on is missed; or after
   * the first attempt.
   * @throws InvalidCursor, and what the sink throws; connection trouble shows in `status` only */
  async start(sink: WatchSink): Promise<void> {
    if (this.#life) throw new Error(`The watcher of ${this.facts.chain} is running already.`);
    const { clock, source, logger } = this.#options;
    const stored = await sink.cursor();
    const stopping = new AbortController();
    const life: Life = {
      sink,
      follower: null,
      stopping,
      loop: Promise.resolve(),
      unsubscribe: () => undefined,
      begun: Promise.withResolvers(),
      startedAtMs: clock.nowMs(),
      failedAttempts: 0,
    };
    if (stored !== null) await this.#followFrom(life, parsePosition(stored));
    this.#life = life;
    this.#nextCheckAt = 0;
    this.#lastBlockAtMs = life.startedAtMs;
    const onTrouble = (reason: string) =>
      logger.warn({ chain: this.facts.chain, reason }, "the node pushes no news; it is polled");
    life.unsubscribe = source.subscribe?.(() => this.#wake.now(), onTrouble) ?? life.unsubscribe;
    if (life.follower) life.begun.resolve();
    life.loop = this.#loop(life);
    await life.begun.promise;
  }

  async stop(): Promise<void> {
    const life = this.#life;
    if (!life) return;
    life.stopping.abort(new Error(`The watcher of ${this.facts.chain} is stopped.`));
    life.unsubscribe();
    this.#options.source.close();
    this.#wake.now();
    await life.loop;
    this.#life = null;
    this.#failure = "The watcher is stopped.";
  }

  async probe(timeoutMs: number): Promise<readonly EndpointReading[]> {
    const { source } = this.#options;
    try {
      return await probeSources(source.sources ?? [source], timeoutMs);
    } finally {
      source.close();
    }
  }

  onWatched(matchKey: string): void {
    this.#wanted.add(matchKey);
    this.#wake.now();
  }

  status(): WatcherStatus {
    const height = this.#life?.follower ? tipOf(this.#life.follower.position).height : null;
    const headHeight = this.#head?.height ?? null;
    const silent = this.#silence();
    return {
      connected: this.#failure === null && silent === null,
      headHeight,
      lagBlocks: headHeight === null || height === null ? null : Math.max(0, headHeight - height),
      problem: this.#failure ?? this.#storeFailure ?? silent ?? this.#staleness ?? this.#advisory,
      ...(this.#options.source.endpoints ? { endpoints: this.#options.source.endpoints() } : {}),
    };
  }

  #silence(): string | null {
    const { maxSilenceMs, clock } = this.#options;
    if (!this.#life || maxSilenceMs === null) return null;
    const silentMs = clock.nowMs() - this.#lastBlockAtMs;
    if (silentMs < maxSilenceMs) return null;
    return `The node answers, but for ${Math.floor(silentMs / 1_000)} seconds it has had no new block: is it cut off from the network, or stuck?`;
  }

  /** A node that still synchronises has new blocks all the time, of long ago: what was paid since is in none of them. */
  #stalenessOf(blockMs: number, nowMs: number): string | null {
    const { maxSilenceMs } = this.#options;
    const ageMs = nowMs - blockMs;
    if (maxSilenceMs === null || ageMs < maxSilenceMs + PROPAGATION_MS) return null;
    return `The node's newest block is ${Math.floor(ageMs / 1_000)} seconds old: is it still synchronising, or is this machine's clock wrong? Nothing expires that was due after that block.`;
  }

  async #loop(life: Life): Promise<void> {
    const { pollIntervalMs } = this.#options;
    const { signal } = life.stopping;
    const backoff = new Backoff({ initialMs: RETRY_INITIAL_MS, maxMs: Math.max(RETRY_INITIAL_MS, pollIntervalMs) });
    let moves = 0;
    while (!signal.aborted) {
      try {
        await this.#turn(life);
        this.#recovered();
        backoff.reset();
        moves = 0;
        await this.#wake.within(pollIntervalMs);
      } catch (error) {
        if (signal.aborted) break;
        if (error instanceof BlockGone && moves < MAX_MOVES) {
          moves += 1;
          continue;
        }
        if (error instanceof NotRefreshed) {
          life.failedAttempts += 1;
          life.begun.resolve();
          await pause(backoff.nextDelayMs(), signal);
          continue;
        }
        if (error instanceof BlockGone || error instanceof NodeProblem) this.#options.source.distrust?.(error);
        this.#failed(life, error);
        const asked = error instanceof EndpointFailure ? (error.retryAfterMs ?? 0) : 0;
        await pause(Math.max(backoff.nextDelayMs(), asked), signal);
      }
    }
    life.begun.resolve();
  }

  async #turn(life: Life): Promise<void> {
    const { source, clock } = this.#options;
    const { signal } = life.stopping;
    const sinceMs = clock.nowMs();
    if (performance.now() >= this.#nextCheckAt) {
      this.#advisory = await source.check();
      this.#nextCheckAt = performance.now() + CHECK_MS;
    }
    await this.#refresh(life.sink);
    const head = await source.head();
    this.#head = head;
    if (!life.follower) await this.#begin(life, head);
    const follower = life.follower as unknown as Follower;
    const before = tipOf(follower.position).hash;
    while (await follower.followBlocks(head)) {
      // What was waited for is over; a turn that follows a long way shows it.
      this.#recovered();
      signal.throwIfAborted();
    }
    if (tipOf(follower.position).hash !== before) this.#lastBlockAtMs = clock.nowMs();
    const allLookedAt = await this.#wanted.lookAt((matchKey) => follower.lookFor(matchKey));
    await follower.followPending();
    this.#staleness = this.#stalenessOf(follower.position.timeMs, sinceMs);
    if (!allLookedAt || this.#silence() !== null) return;
    const blockMs = Math.min(follower.position.timeMs, sinceMs);
    const mayLag = this.#staleness !== null || this.#advisory !== null;
    const isBehind = mayLag || head.height < tipOf(follower.position).height;
    await follower.watchedUntil(isBehind ? blockMs : Math.max(sinceMs - PROPAGATION_MS, blockMs));
  }

  async #begin(life: Life, head: FollowedHead): Promise<void> {
    const { source, logger, countedHeight } = this.#options;
    const sinceMs = life.failedAttempts > 0 ? life.startedAtMs : null;
    const position = await firstPosition(source, head, sinceMs, countedHeight(head));
    const { height, hash } = tipOf(position);
    await this.#apply(life.sink, life.stopping.signal, {
      disconnected: [],
      observations: [],
      head: { height: position.countedHeight, hash, timeMs: position.timeMs },
      cursor: position,
      watchedUntilMs: null,
    });
    await this.#followFrom(life, position);
    logger.info({ chain: this.facts.chain, height }, "first start: following begins here");
    life.begun.resolve();
  }

  async #followFrom(life: Life, position: FollowerParts["position"]): Promise<void> {
    const { blocksPerReport = BLOCKS_PER_REPORT, orphanLifetimeBlocks = ORPHAN_LIFETIME_BLOCKS } = this.#options;
    const { sink, stopping } = life;
    life.follower = new Follower({
      ...this.#options,
      blocksPerReport,
      orphanLifetimeBlocks,
      sink,
      refresh: () => this.#refresh(sink),
      tracked: TrackedTransfers.from(await sink.openTransfers(), tipOf(position).height),
      position,
      apply: (report) => this.#apply(sink, stopping.signal, report),
    });
  }

  /** @throws NotRefreshed */
  async #refresh(sink: WatchSink): Promise<void> {
    try {
      await sink.refresh();
    } catch (error) {
      const reason = messageOf(error);
      this.#storeFailed(
        `Which payments are waiting cannot be read (${reason}); it is tried again, and nothing is skipped.`,
        { reason },
      );
      throw new NotRefreshed(reason, { cause: error });
    }
    this.#storeFailure = null;
  }

  async #apply(sink: WatchSink, signal: AbortSignal, report: WatchReport): Promise<void> {
    const { pollIntervalMs } = this.#options;
    await retryUntilDone(() => sink.apply(report), {
      initialMs: RETRY_INITIAL_MS,
      maxMs: Math.max(RETRY_INITIAL_MS, pollIntervalMs),
      signal,
      onFailure: (error) => {
        const reason = messageOf(error);
        this.#storeFailed(
          `What the chain has brought cannot be stored (${reason}); it is tried again, and nothing is skipped.`,
          { reason },
        );
      },
    });
    this.#storeFailure = null;
  }

  #storeFailed(problem: string, why: { reason: string }): void {
    if (problem !== this.#storeFailure) {
      this.#options.logger.warn({ chain: this.facts.chain, ...why }, "the store cannot be used by the watcher");
    }
    this.#storeFailure = problem;
  }

  #failed(life: Life, error: unknown): void {
    life.failedAttempts += 1;
    life.begun.resolve();
    const message = messageOf(error);
    if (message !== this.#failure) {
      this.#options.logger.warn({ chain: this.facts.chain, reason: message }, "the chain cannot be followed");
    }
    this.#failure = message;
    this.#nextCheckAt = 0;
  }

  #recovered(): void {
    if (this.#failure !== null) this.#options.logger.info({ chain: this.facts.chain }, "the chain is followed");
    this.#failure = null;
  }
}
