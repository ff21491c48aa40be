/** The bus of a configuration: Redis where it names one, else this process alone. Named by `main.ts`. */
import type { Logger } from "pino";
import type { Bus } from "./bus/bus.ts";
import { MemoryBus } from "./bus/memory-bus.ts";
import { shownAddress } from "./bus/redis/connection.ts";
import { type BusCounters, RedisBus } from "./bus/redis/redis-bus.ts";
import type { Config } from "./config/config.ts";
import type { Hub } from "./fanout/hub.ts";
import type { Store } from "./open-store.ts";

export interface OpenBus {
  bus: Bus;
  /** How it is with Redis; `null`: there is none. */
  redis: (() => { connected: boolean; messages: Readonly<BusCounters> }) | null;
  /** From now on the hub looks into the log when others may have appended and no bus says so. */
  hint(hub: Hub): void;
}

export interface BusOptions {
  store: Pick<Store, "log" | "onHint" | "busSecret">;
  logger: Pick<Logger, "warn" | "info">;
  onError: (error: unknown) => void;
}

type BusConfig = Pick<Config, "redisUrl" | "redisPrefix">;

/** Does not wait for Redis: a server starts, and goes on, without it.
 * @throws StorageError */
export async function openBus({ redisUrl, redisPrefix }: BusConfig, options: BusOptions): Promise<OpenBus> {
  const { store, onError } = options;
  // The configuration has Redis only beside a database that is shared.
  if (redisUrl === null || store.busSecret === null) {
    return { bus: new MemoryBus({ onError }), redis: null, hint: (hub) => store.onHint(() => hub.look()) };
  }
  const bus = openRedis(redisUrl, redisPrefix, await store.busSecret(), options);
  return {
    bus,
    redis: () => ({ connected: bus.reachesOthers, messages: bus.counters }),
    hint(hub) {
      store.onHint(() => {
        if (!bus.reachesOthers) hub.look();
      });
      // Around a change messages may have been lost.
      bus.onChanged(() => hub.look());
    },
  };
}

function openRedis(url: string, prefix: string, secret: Buffer, { store, logger, onError }: BusOptions): RedisBus {
  const redis = shownAddress(url);
  return new RedisBus({
    url,
    epoch: store.log.epoch,
    prefix,
    secret,
    onError,
    onState(problem, server) {
      if (problem === null) logger.info({ redis, server }, "Redis carries events between the nodes");
      else logger.warn({ redis, problem }, "Redis cannot be used: events reach other nodes by the database, and later");
    },
  });
}
