/** One connection to Redis, which neither queues while it is not there nor comes back by itself: `link.ts` does that. */
import { createClient } from "redis";
import { messageOf } from "../../kit/errors.ts";
import { readServerVersion, type ServerVersion } from "./server-version.ts";

/** Redis cannot be used at the moment. Its message carries no password. */
export class RedisFailure extends Error {
  override readonly name = "RedisFailure";
}

export type Connection = ReturnType<typeof makeConnection>;

/** Not yet connected. It fails once, and is of no use any more then.
 * @param url `redis[s]://[user:password@]host[:port][/database]` */
export function makeConnection(url: string, { connectTimeoutMs }: { connectTimeoutMs: number }) {
  return createClient({
    url,
    name: "paybell",
    socket: { connectTimeout: connectTimeoutMs, reconnectStrategy: false },
    disableOfflineQueue: true,
    maintNotifications: "disabled",
    // None: what is sent counts as lost when the connection does.
    commandOptions: { timeout: 0 },
  });
}

/** What answers there; `null`: it does not say, or may not. */
export async function serverVersion(connection: Connection): Promise<ServerVersion | null> {
  const info = await connection.info("server").catch((error: unknown) => {
    if (connection.isReady) return "";
    throw error;
  });
  return readServerVersion(info);
}

/** Host, port and database, as they may be shown. */
export function shownAddress(url: string): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname === "/" ? "" : pathname}`;
}

/** The number of the database; 0 where there is none. */
export function databaseOf(url: string): number {
  return Number(new URL(url).pathname.slice(1));
}

/** In Redis' own words, without what could be a secret in them. */
export function failureOf(error: unknown, url: string): RedisFailure {
  if (error instanceof RedisFailure) return error;
  const { password } = new URL(url);
  const secrets = password === "" ? [] : [password, decodeURIComponent(password)];
  // Of a name with several addresses, none of which answers, each one's error has the words.
  const said =
    error instanceof AggregateError && error.message === "" ? error.errors.map(messageOf).join(", ") : messageOf(error);
  return new RedisFailure(secrets.reduce((text, secret) => text.replaceAll(secret, "***"), said));
}
