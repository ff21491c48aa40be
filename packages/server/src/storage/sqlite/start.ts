/** Opening the database in the writer thread: lock, durability, schema, mode, epoch. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { StartupError } from "../../kit/startup-error.ts";
import { type Mode, newEpoch } from "../meta.ts";
import type { Migration } from "../migrations.ts";
import { Connection } from "./connection.ts";
import { type ExclusiveLock, lock, lockHolder, tryLock } from "./exclusive-lock.ts";
import { applyMigrations, pendingMigrations } from "./migrate.ts";

export interface StartRequest {
  dataDir: string;
  mode: Mode;
  exclusive: boolean;
}

export interface Started {
  file: string;
  epoch: string;
  /** Names of the migrations that were applied now. */
  migrated: readonly string[];
}

export interface Opened {
  connection: Connection;
  held: ExclusiveLock | null;
  started: Started;
}

/** @throws StartupError */
export function open(request: StartRequest): Opened {
  const { dataDir } = request;
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const held = request.exclusive ? lock(dataDir) : null;
  const file = join(dataDir, "paybell.db");
  let connection: Connection | null = null;
  try {
    connection = Connection.openWriter(file);
    const pending = pendingMigrations(connection, file);
    migrate(connection, pending, dataDir, held);
    const epoch = agree(connection, request, file);
    return { connection, held, started: { file, epoch, migrated: pending.map((migration) => migration.name) } };
  } catch (error) {
    connection?.close();
    held?.release();
    throw isDamage(error) ? damaged(file, error) : error;
  }
}

/** SQLITE_CORRUPT, SQLITE_NOTADB. */
const DAMAGE_CODES = [11, 26];

function isDamage(error: unknown): error is Error {
  return error instanceof Error && "errcode" in error && DAMAGE_CODES.includes(Number(error.errcode) & 0xff);
}

function damaged(file: string, error: Error): StartupError {
  return new StartupError(
    `${file} is damaged, or was never a database (${error.message}).`,
    "Restore a backup, or move the file away to start with nothing.",
  );
}

/** The schema changes only while no server uses it. */
function migrate(
  connection: Connection,
  pending: readonly Migration[],
  dataDir: string,
  held: ExclusiveLock | null,
): void {
  if (pending.length === 0) return;
  const forNow = held ? null : tryLock(dataDir);
  if (!held && !forNow) {
    throw new StartupError(
      `The database has to be brought from schema version ${(pending[0] as Migration).version - 1} to ${pending.at(-1)?.version}, and a server (process ${lockHolder(dataDir)}) of another version runs on ${dataDir}.`,
      "Stop that server first.",
    );
  }
  try {
    applyMigrations(connection, pending);
  } finally {
    forNow?.release();
  }
}

/** The first start stores mode and epoch; later ones must have the same mode. Returns the epoch. */
function agree(connection: Connection, request: StartRequest, file: string): string {
  connection.run(
    "INSERT INTO meta (one, mode, epoch, head, trimmed_to) VALUES (1, ?, ?, 0, 0) ON CONFLICT DO NOTHING",
    request.mode,
    newEpoch(),
  );
  const meta = connection.get<{ mode: string; epoch: string }>("SELECT mode, epoch FROM meta");
  if (!meta) throw new Error("The row of meta is missing.");
  if (meta.mode !== request.mode) {
    throw new StartupError(
      `${file} was made in ${meta.mode} mode and cannot be used in ${request.mode} mode: simulated and real payments must not meet.`,
      `Set PAYBELL_MODE=${meta.mode}, or give the ${request.mode} server a PAYBELL_DATA_DIR of its own.`,
    );
  }
  return meta.epoch;
}
