/** Numbered, immutable SQL files, applied in order, each in a transaction of its own with the version it leads to. */
import { StartupError } from "../../kit/startup-error.ts";
import { type Migration, migrationsIn } from "../migrations.ts";
import type { Connection } from "./connection.ts";

/** "PAYB": tells a Paybell database from any other SQLite file. */
const APPLICATION_ID = 0x50_41_59_42;

/** All migrations that this program knows, in order from 1. */
export function knownMigrations(): readonly Migration[] {
  return migrationsIn(new URL("./migrations/", import.meta.url));
}

/**
 * What has to be applied to this database.
 * @throws StartupError when a newer Paybell has written it, or it is not Paybell's
 */
export function pendingMigrations(connection: Connection, file: string): readonly Migration[] {
  const version = Number(connection.pragma("user_version"));
  const applicationId = Number(connection.pragma("application_id"));
  const isNew = version === 0 && !connection.get("SELECT 1 FROM sqlite_schema");
  if (!isNew && applicationId !== APPLICATION_ID) {
    throw new StartupError(`${file} is not a Paybell database.`, "Choose another PAYBELL_DATA_DIR.");
  }
  const known = knownMigrations();
  if (version > known.length) {
    throw new StartupError(
      `${file} has schema version ${version}; this program knows versions up to ${known.length}.`,
      "A newer Paybell has written it: start that one, or restore the backup that was made before the upgrade.",
    );
  }
  return known.slice(version);
}

/** Applies them; a migration that another process has applied meanwhile is left out. */
export function applyMigrations(connection: Connection, migrations: readonly Migration[]): void {
  for (const { version, name, sql } of migrations) {
    connection.exec("BEGIN IMMEDIATE");
    try {
      if (Number(connection.pragma("user_version")) < version) {
        connection.exec(sql);
        connection.exec(`PRAGMA user_version = ${version}; PRAGMA application_id = ${APPLICATION_ID}`);
      }
      connection.exec("COMMIT");
    } catch (error) {
      if (connection.inTransaction) connection.exec("ROLLBACK");
      throw new Error(`Migration ${name} failed, nothing of it was kept.`, { cause: error });
    }
  }
}
