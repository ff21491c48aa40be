/** Numbered, immutable SQL files, applied in order by one process at a time, each in a transaction of its own. */
import { StartupError } from "../../kit/startup-error.ts";
import { isBreaking, type Migration, migrationsIn } from "../migrations.ts";
import type { Connection } from "./connection.ts";
import { haveAlone, letIn, newerThan } from "./serving.ts";

/** Held while the schema is looked at and changed. */
const MIGRATING = 0x70_61_79_62_65_02;

/** All migrations that this program knows, in order from 1. */
export function knownMigrations(): readonly Migration[] {
  return migrationsIn(new URL("./migrations/", import.meta.url));
}

/**
 * Brings the schema to this program's version; older servers may go on meanwhile unless a migration is breaking. Returns the
 * names of what was applied.
 * @throws StartupError when a newer Paybell has changed the database, or it is not Paybell's, or a server runs on it that
 * could not go on
 */
export async function migrate(connection: Connection, known = knownMigrations()): Promise<readonly string[]> {
  await connection.get(`SELECT pg_advisory_lock(${MIGRATING})::text AS locked`);
  try {
    const pending = await pendingMigrations(connection, known);
    const breaking = pending.filter(({ name }) => isBreaking(name));
    if (breaking.length > 0) await requireAlone(connection, breaking);
    for (const migration of pending) await apply(connection, migration);
    if (breaking.length > 0) await letIn(connection);
    return pending.map(({ name }) => name);
  } finally {
    // With the connection the lock would be gone too.
    if (!connection.lost) await connection.get(`SELECT pg_advisory_unlock(${MIGRATING})::text AS unlocked`);
  }
}

async function requireAlone(connection: Connection, breaking: readonly Migration[]): Promise<void> {
  if (await haveAlone(connection)) return;
  const names = breaking.map(({ name }) => name).join(", ");
  throw new StartupError(
    `The database has to be changed in a way that older servers cannot go on with (${names}), and a server runs on it.`,
    "Stop all servers of the older version first.",
  );
}

/** What has to be applied. Changes nothing.
 * @throws StartupError */
export async function pendingMigrations(
  connection: Connection,
  known = knownMigrations(),
): Promise<readonly Migration[]> {
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
  if (!there.ours) return known;
  const row = await connection.get<{ version: number }>(
    "SELECT coalesce(max(version), 0) AS version FROM paybell_schema",
  );
  const version = row?.version ?? 0;
  const newer = await newerThan(connection, known.length);
  if (newer) throw newer;
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
