/**
 * The process itself at the moment of a scrape. Not prom-client's own collection: it lists every open handle at each
 * scrape, which takes the longer the more clients there are.
 */
import { readdir } from "node:fs/promises";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { descriptorLimit } from "../kit/descriptors.ts";

const QUANTILES = { "0.5": 50, "0.99": 99, "1": 100 } as const;
const RESOLUTION_MS = 10;
const NANOSECONDS = 1e9;

export class ProcessReadings {
  readonly maxDescriptors = descriptorLimit();
  readonly #delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });

  constructor() {
    this.#delay.enable();
  }

  get cpuSeconds(): number {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  }

  get memory(): { rss: number; heapUsed: number } {
    return process.memoryUsage();
  }

  get startedAtSeconds(): number {
    return Date.now() / 1_000 - process.uptime();
  }

  /** `null` where the system does not list them. */
  async openDescriptors(): Promise<number | null> {
    try {
      return (await readdir("/proc/self/fd")).length;
    } catch {
      // Not Linux; nothing is wrong.
      return null;
    }
  }

  /** Seconds by quantile since the last call. A timer that is in time counts as 0. */
  takeEventLoopDelay(): Record<string, number> {
    const seconds = Object.entries(QUANTILES).map(([quantile, percent]) => {
      const nanoseconds = this.#delay.count === 0 ? 0 : this.#delay.percentile(percent);
      return [quantile, Math.max(0, nanoseconds / NANOSECONDS - RESOLUTION_MS / 1_000)] as const;
    });
    this.#delay.reset();
    return Object.fromEntries(seconds);
  }

  close(): void {
    this.#delay.disable();
  }
}
