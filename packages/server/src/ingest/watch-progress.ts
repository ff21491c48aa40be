/**
 * How far each chain is watched: nothing expires beyond it. What watchers say with a block is stored with its events; what
 * they say of time alone is kept in memory where one process does all, and stored from time to time where several share a
 * store: then what is stored is all that counts, on the node that watches too, since it may not be the one that watches any
 * more.
 */
import type { EventLog } from "../log/event-log.ts";
import type { Fence } from "../log/leases.ts";
import type { PaymentStore } from "../log/store.ts";

export interface WatchProgressOptions {
  log: EventLog;
  store: Pick<PaymentStore, "progress">;
  /** How often a watcher's word of time alone is stored, milliseconds; `null`: never, no other process uses the store. */
  storeProgressEveryMs: number | null;
}

export class WatchProgress {
  readonly #options: WatchProgressOptions;
  /** What was said or read last, milliseconds. */
  readonly #untilMs = new Map<string, number>();
  /** When it was stored last, by this process's own clock. */
  readonly #storedAt = new Map<string, number>();

  constructor(options: WatchProgressOptions) {
    this.#options = options;
  }

  /** Everything that happened on the chain until then is in the log.
   * @param isStored with the events of the report that said it
   * @throws LeaseLost, StoreUnavailable */
  async reached(chain: string, untilMs: number, isStored: boolean, fence: Fence | null): Promise<void> {
    if (isStored) this.#storedAt.set(chain, performance.now());
    else await this.#store(chain, untilMs, fence);
    this.#untilMs.set(chain, untilMs);
  }

  /** Up to when what is due may be decided, milliseconds. */
  async untilMs(chain: string): Promise<number> {
    const { store, storeProgressEveryMs } = this.#options;
    const known = this.#untilMs.get(chain);
    if (known !== undefined && storeProgressEveryMs === null) return known;
    const stored = (await store.progress(chain))?.watchedUntilMs ?? 0;
    this.#untilMs.set(chain, stored);
    return stored;
  }

  /** As it was said or read last; `null`: not known yet. */
  lastUntilMs(chain: string): number | null {
    return this.#untilMs.get(chain) ?? null;
  }

  async #store(chain: string, untilMs: number, fence: Fence | null): Promise<void> {
    const { log, store, storeProgressEveryMs } = this.#options;
    if (storeProgressEveryMs === null) return;
    const storedAt = this.#storedAt.get(chain);
    if (storedAt !== undefined && performance.now() - storedAt < storeProgressEveryMs) return;
    const before = await store.progress(chain);
    if (before) await log.append([], { ...before, watchedUntilMs: untilMs }, fence);
    this.#storedAt.set(chain, performance.now());
  }
}
