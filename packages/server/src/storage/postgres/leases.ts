/**
 * Leases on PostgreSQL: a row each. Every step is one statement and so its own transaction: a process that is stopped in
 * the middle of one holds no lock.
 */
import type { Fence, Leases } from "../../log/leases.ts";
import type { PostgresDatabase } from "./database.ts";

/** Asked first: an attempt that is in vain must not lock the row, which its holder's commits share. */
const IS_HELD = "SELECT 1 FROM leases WHERE lease = $1 AND holder <> $2 AND expires_at > clock_timestamp()";

/** At least the time, so that no token comes twice where a backup or a standby that was behind takes over. */
const NEXT_TOKEN = "greatest(l.token + 1, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint)";
const EXPIRY = "clock_timestamp() + $3::float8 * interval '1 millisecond'";

/** What stands behind DO UPDATE is computed when the row is locked, however long that took. */
const ACQUIRE = `INSERT INTO leases AS l (lease, holder, token, expires_at)
  VALUES ($1, $2, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint, ${EXPIRY})
  ON CONFLICT (lease) DO UPDATE SET holder = excluded.holder, token = ${NEXT_TOKEN}, expires_at = ${EXPIRY}
    WHERE l.expires_at <= clock_timestamp() OR l.holder = excluded.holder
  RETURNING token`;

/** Locked first: what an update sets is computed before it waits for a row, and its holder's commits may take long. */
const RENEW = `UPDATE leases l SET expires_at = ${EXPIRY}
  FROM (SELECT lease FROM leases WHERE lease = $1 AND token = $2 FOR NO KEY UPDATE) held WHERE l.lease = held.lease`;

const RELEASE =
  "UPDATE leases SET holder = NULL, token = token + 1, expires_at = clock_timestamp() WHERE lease = $1 AND token = $2";

type LeaseDatabase = Pick<PostgresDatabase, "lease" | "hint" | "onHint">;

export class PostgresLeases implements Leases {
  readonly #database: LeaseDatabase;

  constructor(database: LeaseDatabase) {
    this.#database = database;
  }

  async acquire(lease: string, holder: string, ttlMs: number): Promise<Fence | null> {
    return this.#database.lease(async (connection) => {
      if (await connection.get(IS_HELD, lease, holder)) return null;
      const taken = await connection.get<{ token: number }>(ACQUIRE, lease, holder, ttlMs);
      return taken ? { lease, token: taken.token } : null;
    });
  }

  async renew({ lease, token }: Fence, ttlMs: number): Promise<boolean> {
    return (await this.#database.lease((connection) => connection.run(RENEW, lease, token, ttlMs))) === 1;
  }

  async release({ lease, token }: Fence): Promise<void> {
    const released = await this.#database.lease((connection) => connection.run(RELEASE, lease, token));
    if (released === 1) this.#database.hint("released");
  }

  onReleased(listener: () => void): () => void {
    return this.#database.onHint("released", listener);
  }
}
