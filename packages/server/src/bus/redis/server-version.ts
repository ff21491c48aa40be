/** Which server answers, and whether it is one that Paybell was tested with. Source: redis.io, command INFO. */

export interface ServerVersion {
  name: "Redis" | "Valkey";
  /** `7.0.15`. */
  version: string;
  /** Redis 7 or newer, or Valkey. */
  isFit: boolean;
}

const OLDEST_REDIS = 7;

/** From the answer to `INFO server`; `null`: it does not say. */
export function readServerVersion(info: string): ServerVersion | null {
  const fields = new Map(info.split(/\r?\n/).map((line) => line.split(/:(.*)/s, 2) as [string, string]));
  // Valkey tells as which Redis it behaves, too.
  const valkey = fields.get("valkey_version");
  if (valkey !== undefined) return { name: "Valkey", version: valkey, isFit: true };
  const redis = fields.get("redis_version");
  if (redis === undefined) return null;
  return { name: "Redis", version: redis, isFit: Number.parseInt(redis, 10) >= OLDEST_REDIS };
}
