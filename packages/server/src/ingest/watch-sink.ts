/** What a watcher is given: the watch list, its stored cursor, and the way into ingest. */
import type { ChainFacts, WatchReport, WatchSink } from "../chains/watcher.ts";
import type { OpenTransfer, PaymentStore } from "../log/store.ts";
import type { Ingest } from "./ingest.ts";
import type { WatchList } from "./watch-list.ts";

export interface WatchSinkDependencies {
  ingest: Ingest;
  store: PaymentStore;
  watchList: WatchList;
  /** A block is about to be applied, for metrics. `noticedAtMs`: when the watcher noticed it, where it says so. */
  onBlock?: (chain: string, height: number, noticedAtMs: number | undefined) => void;
}

export class IngestSink implements WatchSink {
  readonly #facts: ChainFacts;
  readonly #dependencies: WatchSinkDependencies;

  constructor(facts: ChainFacts, dependencies: WatchSinkDependencies) {
    this.#facts = facts;
    this.#dependencies = dependencies;
  }

  watches(recipient: string): boolean {
    return this.#dependencies.watchList.has(this.#facts.chain, recipient);
  }

  async cursor(): Promise<unknown | null> {
    return (await this.#dependencies.store.progress(this.#facts.chain))?.cursor ?? null;
  }

  openTransfers(): Promise<readonly OpenTransfer[]> {
    return this.#dependencies.store.openTransfers(this.#facts.chain);
  }

  apply(report: WatchReport): Promise<void> {
    const { ingest, onBlock } = this.#dependencies;
    if (report.head) onBlock?.(this.#facts.chain, report.head.height, report.noticedAtMs);
    return ingest.report(this.#facts, report);
  }
}
