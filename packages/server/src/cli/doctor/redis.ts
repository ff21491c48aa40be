/** The Redis of the configuration: messages are sent and heard there, on a channel of their own. */
import { shownAddress } from "../../bus/redis/connection.ts";
import { probeRedis } from "../../bus/redis/probe.ts";
import type { Config } from "../../config/config.ts";
import { messageOf } from "../../kit/errors.ts";
import { broken, type Finding, ok } from "./finding.ts";

/** `null`: none is configured. */
export async function redisFinding({
  redisUrl,
  redisPrefix,
}: Pick<Config, "redisUrl" | "redisPrefix">): Promise<Finding | null> {
  if (redisUrl === null) return null;
  const what = "redis";
  const address = shownAddress(redisUrl);
  try {
    return ok(what, `${await probeRedis(redisUrl, redisPrefix)} at ${address}`);
  } catch (error) {
    const toDo =
      "Start Redis, or correct PAYBELL_REDIS_URL. Until then events reach other nodes by the database, up to a second later.";
    return broken(what, `${address}: ${messageOf(error)}`, toDo);
  }
}
