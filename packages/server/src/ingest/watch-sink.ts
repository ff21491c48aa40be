/** What a watcher is given: the keys to look for, its stored cursor, and the way into ingest. */
import type { ChainFacts, WatchReport, WatchSink } from "../chains/watcher.ts";
import { type Fence, LeaseLost } from "../log/leases.ts";
import type { OpenTransfer, PaymentStore } from "../log/store.ts";
import type { Ingest } from "./ingest.ts";
import type { WatchedKeys } from "./watched-keys.ts";

export interface WatchSinkDependencies {
  ingest: Ingest;
  store: PaymentStore;
  keys: WatchedKeys;
  /** Under which lease is watched; left out, `null`: none is needed. */
  fence?: Fence | null;
  /** The lease is another's, or nobody's: nothing more that is reported here will be stored. */
  onLeaseLost?: () => void;
  /** A block is about to be applied, for metrics. `noticedAtMs`: when the watcher noticed it, where it says so. */
  onBlock?: (chain: string, height: number, noticedAtMs: number | undefined) => void;
}

export class IngestSink implements WatchSink {
  readonly #facts: ChainFacts;
  readonly #dependencies: WatchSinkDependencies;
  #lost: LeaseLost | null = null;

  constructor(facts: ChainFacts, dependencies: WatchSinkDependencies) {
    this.#facts = facts;
    this.#dependencies = dependencies;
  }

  watches(recipient: string): boolean {
    return this.#dependencies.keys.has(recipient);
  }

  refresh(): Promise<void> {
    return this.#dependencies.keys.refresh();
  }

  async cursor(): Promise<unknown | null> {
    return (await this.#dependencies.store.progress(this.#facts.chain))?.cursor ?? null;
  }

  openTransfers(): Promise<readonly OpenTransfer[]> {
    return this.#dependencies.store.openTransfers(this.#facts.chain);
  }

  /** @throws LeaseLost */
  async apply(report: WatchReport): Promise<void> {
    const { ingest, onBlock, fence = null, onLeaseLost } = this.#dependencies;
    if (this.#lost) throw this.#lost;
    if (report.head) onBlock?.(this.#facts.chain, report.head.height, report.noticedAtMs);
    try {
      await ingest.report(this.#facts, report, fence);
    } catch (error) {
      if (error instanceof LeaseLost) {
        this.#lost = error;
        onLeaseLost?.();
      }
      throw error;
    }
  }
}
