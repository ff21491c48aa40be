/** Is there a Redis that can be used, and what is it? */
import { randomUUID } from "node:crypto";
import { RedisFailure } from "./connection.ts";
import { Session } from "./session.ts";

/** Sends itself a message. Returns what answers: `Redis 7.0.15`. @throws RedisFailure */
export function probeRedis(url: string, prefix: string): Promise<string> {
  const channel = `${prefix}:probe:${randomUUID()}`;
  return new Promise((resolve, reject) => {
    const session = new Session({
      url,
      channel,
      beatChannel: `${channel}:beat`,
      onMessage: () => undefined,
      onLost: reject,
      onUp(server) {
        resolve(server);
        session.end(new RedisFailure("it has answered"));
      },
    });
  });
}
