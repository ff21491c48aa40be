/**
 * Watches Bitcoin through bitcoind: blocks and mempool over JSON-RPC, woken by ZMQ, with polling as the backstop.
 *
 * One turn after the other, never two at once: check the node, follow the chain, follow the mempool, say how far
 * everything was watched. A turn that fails is repeated after a pause; nothing is skipped, and `status` says why.
 */
import { performance } from "node:perf_hooks";
import type { Clock } from "../../kit/clock.ts";
import { messageOf } from "../../kit/errors.ts";
import { Backoff, pause, retryUntilDone } from "../../kit/retry.ts";
import { Wake } from "../../kit/wake.ts";
import type { ChainProbe, EndpointReading } from "../probe.ts";
import type { Watcher, WatcherLogger, WatcherStatus, WatchSink } from "../watcher.ts";
import { Bitcoind } from "./bitcoind.ts";
import { ChainFollower } from "./chain-follower.ts";
import { parseCursor } from "./cursor.ts";
import { BitcoinFacts, type BitcoinFactsOptions } from "./facts.ts";
import { comparisonPauseMs, MempoolFollower } from "./mempool-follower.ts";
import type { SilenceLimits } from "./network.ts";
import { NodeCheck } from "./node-check.ts";
import { probeBitcoind } from "./probe-bitcoind.ts";
import { RpcClient } from "./rpc.ts";
import type { WatchRun } from "./run.ts";
import { Silence } from "./silence.ts";
import { TrackedTransactions } from "./tracked-transactions.ts";
import { type ZmqEndpoints, ZmqFeed, type ZmqListener } from "./zmq-feed.ts";

export interface BitcoinWatcherOptions extends BitcoinFactsOptions {
  rpcUrl: string;
  rpcUser: string | null;
  rpcPassword: string | null;
  rpcCookieFile: string | null;
  /** `null`: polling only. */
  zmq: ZmqEndpoints | null;
  /** Also how long a loss of ZMQ can delay news. */
  pollIntervalMs: number;
  /** A call that takes longer has failed; default 15 s. `status` tells of a silent node after this and one poll. */
  rpcTimeoutMs?: number;
  /** After so long without a block or transaction the node counts as silent, milliseconds; default: what suits the
   * network, and no limit on test networks. */
  maxSilenceMs?: number;
  clock: Clock;
  logger: WatcherLogger;
}

const DEFAULT_RPC_TIMEOUT_MS = 15_000;
const RETRY_INITIAL_MS = 200;

/** One life between `start` and `stop`. */
interface Life {
  run: WatchRun;
  chain: ChainFollower;
  mempool: MempoolFollower;
  check: NodeCheck;
  zmq: ZmqFeed | null;
  stopping: AbortController;
  loop: Promise<void>;
  /** Settles when the block to begin with is known, or could not be found out at once. */
  begun: PromiseWithResolvers<void>;
}

export class BitcoinWatcher implements Watcher, ChainProbe {
  readonly facts: BitcoinFacts;
  readonly #options: BitcoinWatcherOptions;
  readonly #wake = new Wake();
  #life: Life | null = null;
  /** Why the last turn failed; `null` when it did not. */
  #failure: string | null = "The node has not been asked yet.";
  #storeFailure: string | null = null;
  #chainDirty = true;
  #nextPollAt = 0;
  /** When the mempool was last compared, and how many transactions were in it. `null`: compare now. */
  #reconciled: { at: number; transactions: number } | null = null;
  /** The mempool is being compared; once that is done, everything until then has been reported. */
  #comparedSinceMs: number | null = null;

  constructor(options: BitcoinWatcherOptions) {
    this.#options = options;
    this.facts = new BitcoinFacts(options);
  }

  /** Resolves when it is known where following begins, so that nothing which is paid from then on is missed; or after
   * the first attempt.
   * @throws InvalidCursor, and what the sink throws; connection trouble shows in `status` only */
  async start(sink: WatchSink): Promise<void> {
    if (this.#life) throw new Error("The Bitcoin watcher is running already.");
    const { clock, logger, zmq, rpcUrl, rpcUser, rpcPassword, rpcCookieFile } = this.#options;
    const stopping = new AbortController();
    const timeoutMs = this.#options.rpcTimeoutMs ?? DEFAULT_RPC_TIMEOUT_MS;
    const rpc = new RpcClient(
      { url: rpcUrl, user: rpcUser, password: rpcPassword, cookieFile: rpcCookieFile, timeoutMs },
      stopping.signal,
    );
    const stored = await sink.cursor();
    const run: WatchRun = {
      facts: this.facts,
      node: new Bitcoind(rpc),
      sink,
      clock,
      logger,
      tracked: TrackedTransactions.from(await sink.openTransfers(), ({ txId, index }) =>
        logger.warn(
          { chain: this.facts.chain, txId, index },
          "a stored transfer is none of Bitcoin's: it is left aside",
        ),
      ),
      silence: new Silence(this.#silenceLimits(), clock.nowMs()),
      cursor: stored === null ? null : parseCursor(stored),
      watchedUntilMs: null,
      apply: (report) =>
        this.#untilDone(() => sink.apply(report), "What the chain has brought cannot be stored", stopping.signal),
      refresh: () =>
        this.#untilDone(() => sink.refresh(), "Which payments are waiting cannot be read", stopping.signal),
    };
    const chain: ChainFollower = new ChainFollower(run, (txId) => mempool.suspect(txId));
    const mempool: MempoolFollower = new MempoolFollower(run);
    const feed = zmq && new ZmqFeed(zmq, this.#listener(mempool));
    const check = new NodeCheck(run);
    const life: Life = {
      run,
      chain,
      mempool,
      check,
      zmq: feed,
      stopping,
      loop: Promise.resolve(),
      begun: Promise.withResolvers(),
    };
    this.#life = life;
    this.#chainDirty = true;
    this.#nextPollAt = 0;
    this.#reconciled = null;
    this.#comparedSinceMs = null;
    if (run.cursor) life.begun.resolve();
    await feed?.start();
    life.loop = this.#loop(life);
    await life.begun.promise;
  }

  async stop(): Promise<void> {
    const life = this.#life;
    if (!life) return;
    life.stopping.abort(new Error("The Bitcoin watcher is stopped."));
    this.#wake.now();
    await life.zmq?.stop();
    await life.loop;
    this.#life = null;
    this.#failure = "The watcher is stopped.";
  }

  async probe(timeoutMs: number): Promise<readonly EndpointReading[]> {
    return probeBitcoind(this.facts, this.#options, timeoutMs);
  }

  onWatched(recipient: string): void {
    this.#life?.mempool.watched(recipient);
    this.#wake.now();
  }

  status(): WatcherStatus {
    const life = this.#life;
    const headHeight = life?.check.headHeight ?? null;
    const height = life?.run.cursor?.height ?? null;
    const silent = life?.run.silence.problem(this.#options.clock.nowMs()) ?? null;
    return {
      connected: this.#failure === null && silent === null,
      headHeight,
      lagBlocks: headHeight === null || height === null ? null : Math.max(0, headHeight - height),
      problem: this.#failure ?? this.#storeFailure ?? silent ?? life?.check.advisory ?? null,
    };
  }

  #silenceLimits(): SilenceLimits | null {
    const { maxSilenceMs } = this.#options;
    if (maxSilenceMs === undefined) return this.facts.network.silence;
    return { anythingMs: maxSilenceMs, blockMs: maxSilenceMs };
  }

  #listener(mempool: MempoolFollower): ZmqListener {
    const then = (news: () => void) => {
      news();
      this.#wake.now();
    };
    return {
      onTransaction: (raw) => then(() => mempool.offer(raw)),
      onBlock: () =>
        then(() => {
          this.#chainDirty = true;
        }),
      onMempoolAdded: (txId) => then(() => mempool.added(txId)),
      onMempoolRemoved: (txId) => then(() => mempool.removed(txId)),
      onGap: () => then(() => mempool.missed()),
      onTrouble: (message) => this.#options.logger.warn({ chain: this.facts.chain }, message),
    };
  }

  async #loop(life: Life): Promise<void> {
    const { pollIntervalMs } = this.#options;
    const { signal } = life.stopping;
    const backoff = new Backoff({ initialMs: RETRY_INITIAL_MS, maxMs: Math.max(RETRY_INITIAL_MS, pollIntervalMs) });
    while (!signal.aborted) {
      try {
        const more = await this.#turn(life);
        this.#recovered();
        backoff.reset();
        if (!more) await this.#wake.within(Math.max(0, this.#nextPollAt - performance.now()));
      } catch (error) {
        if (signal.aborted) break;
        this.#failed(life, error);
        await pause(backoff.nextDelayMs(), signal);
      }
    }
    life.begun.resolve();
  }

  /** @returns true when there is more to do at once */
  async #turn({ run, chain, mempool, check, begun }: Life): Promise<boolean> {
    const sinceMs = this.#options.clock.nowMs();
    if (performance.now() >= this.#nextPollAt) {
      await check.now();
      if (!run.cursor) await chain.begin(check.firstContactWasLate ? check.startedAtMs : null);
      begun.resolve();
      this.#nextPollAt = performance.now() + this.#options.pollIntervalMs;
      this.#chainDirty = true;
    }
    const compare = this.#comparedSinceMs === null && this.#isComparisonDue(mempool);
    if (this.#chainDirty || (compare && mempool.needsReconciling)) {
      this.#chainDirty = false;
      while (await chain.step()) check.reached(run.cursor?.height ?? 0);
      mempool.chainFollowed();
      if (compare)
        await this.#reconcile(run, mempool, check.isCurrent && !run.silence.problem(sinceMs) ? sinceMs : null);
    }
    if (await mempool.step()) return true;
    if (this.#comparedSinceMs === null && !mempool.waitsForChain) return this.#chainDirty;
    if (!(await chain.isAtTip())) {
      this.#chainDirty = true;
      return true;
    }
    await this.#watchedUntil(run);
    return this.#chainDirty;
  }

  async #reconcile(run: WatchRun, mempool: MempoolFollower, sinceMs: number | null): Promise<void> {
    await run.refresh();
    const { complete, transactions } = await mempool.reconcile();
    this.#reconciled = { at: performance.now(), transactions };
    this.#comparedSinceMs = complete ? sinceMs : null;
  }

  #isComparisonDue(mempool: MempoolFollower): boolean {
    if (this.#reconciled === null) return true;
    const { at, transactions } = this.#reconciled;
    return performance.now() >= at + comparisonPauseMs(transactions, mempool.isTold);
  }

  /** The mempool has been compared and the chain followed since: everything until then is reported. */
  async #watchedUntil(run: WatchRun): Promise<void> {
    const untilMs = this.#comparedSinceMs;
    if (untilMs === null) return;
    this.#comparedSinceMs = null;
    run.watchedUntilMs = untilMs;
    await run.apply({ disconnected: [], observations: [], head: null, cursor: null, watchedUntilMs: untilMs });
  }

  async #untilDone(operation: () => Promise<void>, problem: string, signal: AbortSignal): Promise<void> {
    await retryUntilDone(operation, {
      initialMs: RETRY_INITIAL_MS,
      maxMs: Math.max(RETRY_INITIAL_MS, this.#options.pollIntervalMs),
      signal,
      onFailure: (error) => {
        this.#storeFailure = `${problem} (${messageOf(error)}); it is tried again, and nothing is skipped.`;
        this.#options.logger.warn({ chain: this.facts.chain, problem: this.#storeFailure }, "the store failed");
      },
    });
    this.#storeFailure = null;
  }

  #failed({ mempool, begun }: Life, error: unknown): void {
    begun.resolve();
    const message = messageOf(error);
    if (message !== this.#failure) {
      this.#options.logger.warn({ chain: this.facts.chain, reason: message }, "the node cannot be followed");
    }
    this.#failure = message;
    this.#comparedSinceMs = null;
    this.#nextPollAt = 0;
    this.#reconciled = null;
    mempool.missed();
  }

  #recovered(): void {
    if (this.#failure !== null) this.#options.logger.info({ chain: this.facts.chain }, "the node is followed");
    this.#failure = null;
  }
}
