/** Whether a chain is watched by this process, and how that goes. */
import type { WatcherStatus } from "../chains/watcher.ts";
import type { Fence, Leases } from "../log/leases.ts";
import { Leadership, type LeadershipOptions } from "./leadership.ts";
import { WatchTerm, type WatchTermOptions } from "./watch-term.ts";

export interface ChainStatus extends WatcherStatus {
  chain: string;
  /** `leader`: it is watched here. `standby`: another process watches it, and this one takes its place when it ends. What a
   * watcher says of itself is then not known: `connected` is false, and no problem. */
  role: "leader" | "standby";
}

export interface ChainWatchOptions
  extends Omit<WatchTermOptions, "fence" | "onLeaseLost">,
    Pick<LeadershipOptions, "holder" | "ttlMs" | "onError" | "logger"> {
  /** `null`: no other process can watch the chain. */
  leases: Leases | null;
}

const IDLE: WatcherStatus = { connected: false, headHeight: null, lagBlocks: null, problem: null };

export class ChainWatch {
  readonly #options: ChainWatchOptions;
  readonly #leadership: Leadership | null;
  #term: WatchTerm | null = null;

  constructor(options: ChainWatchOptions) {
    this.#options = options;
    const { leases, facts } = options;
    const lease = `watch ${facts.chain}`;
    const begin = (fence: Fence, onLeaseLost: () => void) => this.#begin(fence, onLeaseLost);
    this.#leadership = leases && new Leadership({ ...options, leases, lease, begin });
  }

  /** Resolves when the chain is watched, here or elsewhere. @throws whatever the watcher cannot start for */
  async start(): Promise<void> {
    if (this.#leadership) await this.#leadership.start();
    else await this.#begin(null, () => undefined).started;
  }

  /** Another process may watch from now on. Where there can be no other, this one goes on until it is stopped. */
  async handOver(): Promise<void> {
    await this.#leadership?.stop();
  }

  async stop(): Promise<void> {
    if (this.#leadership) await this.#leadership.stop();
    else await this.#term?.stop();
  }

  status(): ChainStatus {
    const { chain } = this.#options.facts;
    const leads = this.#leadership === null || this.#leadership.leads;
    const status = (leads && this.#term?.status()) || IDLE;
    const problem = status.problem ?? this.#leadership?.problem ?? null;
    return { chain, role: leads ? "leader" : "standby", ...status, problem };
  }

  #begin(fence: Fence | null, onLeaseLost: () => void): WatchTerm {
    this.#term = new WatchTerm({ ...this.#options, fence, onLeaseLost });
    return this.#term;
  }
}
