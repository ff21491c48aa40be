/** Buses on Redis, as that many processes have them. */
import { randomBytes } from "node:crypto";
import { RedisBus, type RedisBusOptions } from "../src/bus/redis/redis-bus.ts";
import { until } from "./until.ts";

const fail = (error: unknown): never => {
  throw error;
};

const SECRET = randomBytes(32);

/** Does not wait for Redis. */
export function redisBus(url: string, given: Partial<RedisBusOptions> = {}): RedisBus {
  const names = { epoch: "epoch", prefix: "test", secret: SECRET };
  return new RedisBus({ url, ...names, onState: () => undefined, onError: fail, ...given });
}

export const anyPrefix = (): string => randomBytes(8).toString("hex");

export async function redisIsThere(bus: RedisBus): Promise<RedisBus> {
  await until("Redis is there", () => bus.reachesOthers);
  return bus;
}
