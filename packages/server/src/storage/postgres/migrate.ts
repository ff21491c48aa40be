/** Numbered, immutable SQL files, applied in order by one process at a time, each in a transaction of its own. */
import { StartupError } from "../../kit/startup-error.ts";
import { type Migration, migrationsIn } from "../migrations.ts";
import type { Connection } from "./connection.ts";
import { tryLock } from "./exclusive-lock.ts";

/** Held while the schema is looked at and changed. */
const MIGRATING = 0x70_61_79_62_65_02;

/** All migrations that this program knows, in order from 1. */
export function knownMigrations(): readonly Migration[] {
  return migrationsIn(new URL("./migrations/", import.meta.url));
}

/**
 * Brings the schema to this program's version. Returns the names of what was applied.
 * @param isServer it holds the lock of the server that runs on the database
 * @throws StartupError when a newer Paybell has written the database, or it is not Paybell's, or a server runs on it
 */
export async function migrate(connection: Connection, isServer: boolean): Promise<readonly string[]> {
  await connection.get(`SELECT pg_advisory_lock(${MIGRATING})::text AS locked`);
  try {
    const pending = await pendingMigrations(connection);
    if (pending.length > 0 && !isServer) await requireNoServer(connection, pending);
    for (const migration of pending) await apply(connection, migration);
    return pending.map(({ name }) => name);
  } finally {
    // With the connection the lock would be gone too.
    if (!connection.lost) await connection.get(`SELECT pg_advisory_unlock(${MIGRATING})::text AS unlocked`);
  }
}

/** The schema changes only while no server uses it. The lock is given up with the connection. */
async function requireNoServer(connection: Connection, pending: readonly Migration[]): Promise<void> {
  if (await tryLock(connection)) return;
  throw new StartupError(
    `The database has to be brought from schema version ${(pending[0] as Migration).version - 1} to ${pending.at(-1)?.version}, and a server of another version runs on it.`,
    "Stop that server first.",
  );
}

/** What has to be applied. Changes nothing.
 * @throws StartupError */
export async function pendingMigrations(connection: Connection): Promise<readonly Migration[]> {
  const there = await connection.get<{ ours: boolean; tables: number; schema: string | null }>(
    `SELECT to_regclass('paybell_schema') IS NOT NULL AS ours, current_schema() AS schema,
       (SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace) AS tables`,
  );
  if (!there?.schema) throw new StartupError("The database has no schema to use.", "Set its search_path.");
  if (!there.ours && there.tables > 0) {
    throw new StartupError(
      `The schema ${there.schema} of the database holds other tables, and none of Paybell's.`,
      "Give Paybell a database of its own in PAYBELL_DATABASE_URL.",
    );
  }
  if (!there.ours) return knownMigrations();
  const row = await connection.get<{ version: number }>(
    "SELECT coalesce(max(version), 0) AS version FROM paybell_schema",
  );
  const version = row?.version ?? 0;
  const known = knownMigrations();
  if (version > known.length) {
    throw new StartupError(
      `The database has schema version ${version}; this program knows versions up to ${known.length}.`,
      "A newer Paybell has written it: start that one, or restore the backup that was made before the upgrade.",
    );
  }
  return known.slice(version);
}

async function apply(connection: Connection, { version, name, sql }: Migration): Promise<void> {
  await connection.exec("BEGIN");
  try {
    await connection.exec(
      "CREATE TABLE IF NOT EXISTS paybell_schema (version INTEGER PRIMARY KEY, name TEXT NOT NULL)",
    );
    await connection.exec(sql);
    await connection.run("INSERT INTO paybell_schema (version, name) VALUES ($1, $2)", version, name);
    await connection.exec("COMMIT");
  } catch (error) {
    if (!connection.lost) await connection.exec("ROLLBACK");
    throw new Error(`Migration ${name} failed, nothing of it was kept.`, { cause: error });
  }
}
