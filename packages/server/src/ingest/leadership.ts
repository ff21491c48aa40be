/**
 * Doing what only one of all processes may do: acquire the lease, do it, renew, and stop when the lease is lost.
 *
 * That a lease is lost is noticed late at times (the process was paused, the database out of reach). Nothing rests on that:
 * what is written carries the lease's fence and is refused by the store. While the database is away nobody else can take the
 * lease either, so its holder goes on, and renews as soon as it is back.
 */
import { messageOf } from "../kit/errors.ts";
import { Backoff, pause } from "../kit/retry.ts";
import { Wake } from "../kit/wake.ts";
import type { Fence, Leases } from "../log/leases.ts";

/** What is done under a lease, from its acquisition to its loss. */
export interface Term {
  /** Rejects where it could not begin. */
  readonly started: Promise<void>;
  /** Also before it has started. Resolves when nothing more will be done. */
  stop(): Promise<void>;
}

export interface LeadershipOptions {
  leases: Leases;
  lease: string;
  /** Who this process is: a name that no other has. */
  holder: string;
  /** Without a word for so long it is replaced, milliseconds. See `LIMITS.leaseMs`. */
  ttlMs: number;
  /** Begins a term. `onLost` is to be called when a write was refused. */
  begin: (fence: Fence, onLost: () => void) => Term;
  logger: { info(fields: object, message: string): void };
  /** A step failed; it is tried again. */
  onError: (error: unknown) => void;
}

/** A holder lets a third of its time pass before it renews; another one looks six times in it. */
const RENEWALS_PER_TTL = 3;
const ATTEMPTS_PER_TTL = 6;
/** Nobody waits longer than this for what is slow to stop: whatever it still wants to write is refused. */
const STOP_PATIENCE_MS = 2_000;
/** Between terms that cannot begin. */
const MAX_PAUSE_MS = 10_000;

export class Leadership {
  readonly #options: LeadershipOptions;
  readonly #stopping = new AbortController();
  readonly #wake = new Wake();
  #loop: Promise<void> = Promise.resolve();
  #leads = false;
  #problem: string | null = null;

  constructor(options: LeadershipOptions) {
    this.#options = options;
  }

  /** Does this process do it? */
  get leads(): boolean {
    return this.#leads;
  }

  /** Why this process could not when it was its turn, or cannot ask whose turn it is; `null`: all is well. */
  get problem(): string | null {
    return this.#problem;
  }

  /** Resolves when it is done here, or another process does it.
   * @throws whatever the first term could not begin for, or the store throws; then it has stopped */
  async start(): Promise<void> {
    const first = Promise.withResolvers<void>();
    this.#loop = this.#run(first.resolve);
    await Promise.race([first.promise, this.#loop]);
  }

  /** Stops, and frees the lease for another at once. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#wake.now();
    await this.#loop.catch(() => undefined);
  }

  /** Until it is stopped. Rejects where the first attempt fails. */
  async #run(onBegun: () => void): Promise<void> {
    const { ttlMs, leases, onError } = this.#options;
    const attemptMs = ttlMs / ATTEMPTS_PER_TTL;
    const failures = new Backoff({ initialMs: attemptMs, maxMs: Math.max(attemptMs, MAX_PAUSE_MS) });
    const unlisten = leases.onReleased(() => this.#wake.now());
    try {
      await this.#attempt(onBegun);
      onBegun();
      while (!this.#stopping.signal.aborted) {
        await this.#wake.within(this.#problem === null ? attemptMs : failures.nextDelayMs());
        if (this.#stopping.signal.aborted) break;
        try {
          await this.#attempt(() => failures.reset());
        } catch (error) {
          this.#problem = messageOf(error);
          onError(error);
        }
      }
    } finally {
      unlisten();
    }
  }

  /** Resolves when another process has the lease, or after a term of this one. */
  async #attempt(onBegun: () => void): Promise<void> {
    const { leases, lease, holder, ttlMs } = this.#options;
    const fence = await leases.acquire(lease, holder, ttlMs);
    if (fence) await this.#lead(fence, onBegun);
    this.#problem = null;
  }

  /** One term, to its end: the lease is free then, or another's.
   * @throws what it could not begin for */
  async #lead(fence: Fence, onBegun: () => void): Promise<void> {
    const { begin, leases, logger, onError } = this.#options;
    const over = new AbortController();
    const end = () => over.abort();
    const signal = AbortSignal.any([over.signal, this.#stopping.signal]);
    const renewing = this.#renew(fence, signal, end);
    const term = begin(fence, end);
    let failed: { error: unknown } | null = null;
    term.started.then(
      () => {
        this.#problem = null;
        onBegun();
      },
      (error: unknown) => {
        failed = { error };
        end();
      },
    );
    this.#leads = true;
    logger.info({ ...fence }, "the lease is held by this process");
    await aborted(signal);
    this.#leads = false;
    const stopped = term.stop().catch(onError);
    await Promise.race([stopped, pause(STOP_PATIENCE_MS, NEVER)]);
    await leases.release(fence).catch(onError);
    logger.info({ ...fence }, "the lease is no longer held by this process");
    end();
    await Promise.all([stopped, renewing]);
    if (failed && !this.#stopping.signal.aborted) throw (failed as { error: unknown }).error;
  }

  async #renew(fence: Fence, signal: AbortSignal, onLost: () => void): Promise<void> {
    const { leases, ttlMs, onError } = this.#options;
    for (;;) {
      await pause(ttlMs / RENEWALS_PER_TTL, signal);
      if (signal.aborted) return;
      try {
        if (!(await leases.renew(fence, ttlMs))) onLost();
      } catch (error) {
        onError(error);
      }
    }
  }
}

const NEVER = new AbortController().signal;

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
