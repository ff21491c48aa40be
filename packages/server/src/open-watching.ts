/** Part of the composition root: who watches the chains. */
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import type { Logger } from "pino";
import { type ChainStatus, ChainWatch, type ChainWatchOptions } from "./ingest/chain-watch.ts";
import type { EndStep } from "./kit/teardown.ts";
import type { WatchedChain } from "./open-chains.ts";

export interface WatchingParts
  extends Pick<ChainWatchOptions, "leases" | "watchList" | "ingest" | "store" | "onBlock" | "onError"> {
  chains: readonly WatchedChain[];
  /** See `LIMITS.leaseMs`. */
  leaseMs: number;
  logger: Logger;
  undo: EndStep[];
}

export interface Watching {
  status(): ChainStatus[];
  /** The first step of leaving: other processes, where there are any, watch the chains from now on. */
  handOver(): Promise<void>;
}

/** Starts watching every chain; where several processes share a database, each chain has one of them that watches it. */
export async function openWatching({ chains, leaseMs, undo, ...given }: WatchingParts): Promise<Watching> {
  const holder = `${hostname()} ${process.pid} ${randomUUID()}`;
  const watches: ChainWatch[] = [];
  for (const chain of chains) {
    const watch = new ChainWatch({ ...given, ...chain, holder, ttlMs: leaseMs });
    undo.push(() => watch.stop());
    await watch.start();
    watches.push(watch);
  }
  return {
    status: () => watches.map((watch) => watch.status()),
    handOver: async () => {
      await Promise.all(watches.map((watch) => watch.handOver()));
    },
  };
}
