/** One watcher's time on a chain, from the reading of the watch list to its stop. */
import type { ChainFacts, Watcher, WatcherStatus } from "../chains/watcher.ts";
import type { Fence } from "../log/leases.ts";
import type { Term } from "./leadership.ts";
import type { WatchList } from "./watch-list.ts";
import { IngestSink, type WatchSinkDependencies } from "./watch-sink.ts";

export interface WatchTermOptions extends Pick<WatchSinkDependencies, "ingest" | "store" | "onBlock"> {
  facts: ChainFacts;
  /** One that has never been started. */
  openWatcher: () => Promise<Watcher>;
  watchList: WatchList;
  /** `null`: no other process can watch the chain. */
  fence: Fence | null;
  onLeaseLost: () => void;
}

export class WatchTerm implements Term {
  readonly started: Promise<void>;
  readonly #options: WatchTermOptions;
  #watcher: Watcher | null = null;
  #isStopped = false;
  #endKeys: () => void = () => undefined;

  /** Begins at once. */
  constructor(options: WatchTermOptions) {
    this.#options = options;
    this.started = this.#start();
  }

  /** `null`: there is no watcher yet. */
  status(): WatcherStatus | null {
    return this.#watcher?.status() ?? null;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    // One that is about to begin is stopped twice: now, so that it need not get there, and when it has.
    await this.#watcher?.stop();
    await this.started.catch(() => undefined);
    await this.#watcher?.stop();
    this.#endKeys();
  }

  async #start(): Promise<void> {
    const { facts, openWatcher, watchList, ...given } = this.#options;
    const { chain } = facts;
    const watcher = await openWatcher();
    const keys = await watchList.begin(chain, (key) => watcher.onWatched(key));
    this.#endKeys = () => watchList.end(chain, keys);
    if (this.#isStopped) return;
    this.#watcher = watcher;
    await watcher.start(new IngestSink(facts, { ...given, keys }));
  }
}
