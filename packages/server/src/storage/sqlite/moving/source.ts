/** A SQLite database as a source: one read transaction, also beside a running server. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type Cells, type ExportSource, type LogBounds, MovingError } from "../../moving/moving.ts";
import type { MovedTable } from "../../moving/tables.ts";
import { Connection } from "../connection.ts";
import { knownMigrations, pendingMigrations } from "../migrate.ts";
import { selectAll } from "./statements.ts";

/** Rows that are handed on at once. */
const PAGE_ROWS = 500;

/** @throws MovingError, StartupError */
export function openSqliteSource(dataDir: string): ExportSource {
  const file = join(dataDir, "paybell.db");
  if (!existsSync(file)) {
    throw new MovingError(
      `There is no database in ${dataDir}.`,
      "Name the one to export: --data-dir, or PAYBELL_DATABASE_URL.",
    );
  }
  const database = new DatabaseSync(file, { readOnly: true });
  const connection = new Connection(database);
  try {
    requireCurrent(connection, file);
    connection.exec("BEGIN");
    const bounds = boundsOf(connection);
    return new SqliteSource(database, connection, bounds);
  } catch (error) {
    connection.close();
    throw error;
  }
}

function requireCurrent(connection: Connection, file: string): void {
  const pending = pendingMigrations(connection, file);
  if (pending.length === 0) return;
  throw new MovingError(
    `${file} has a schema older than this program's: ${pending.length} migrations are to be applied.`,
    "Export it with the version that runs on it, or run `paybell migrate` first.",
  );
}

/** With this read the transaction begins: from here on nothing changes for it. */
function boundsOf(connection: Connection): LogBounds {
  const row = connection.get<{ mode: LogBounds["mode"]; epoch: string; head: number; trimmed_to: number }>(
    "SELECT mode, epoch, head, trimmed_to FROM meta",
  );
  if (!row) throw new MovingError("The database has never been used.", "There is nothing to export.");
  return { mode: row.mode, epoch: row.epoch, head: row.head, trimmedTo: row.trimmed_to };
}

class SqliteSource implements ExportSource {
  readonly store = "sqlite";
  readonly schemaVersion = knownMigrations().length;
  readonly bounds: LogBounds;
  readonly #database: DatabaseSync;
  readonly #connection: Connection;

  constructor(database: DatabaseSync, connection: Connection, bounds: LogBounds) {
    this.#database = database;
    this.#connection = connection;
    this.bounds = bounds;
  }

  async count({ name }: MovedTable): Promise<number> {
    return this.#connection.get<{ rows: number }>(`SELECT count(*) AS rows FROM ${name}`)?.rows ?? 0;
  }

  async *rows(table: MovedTable): AsyncGenerator<readonly Cells[]> {
    const statement = this.#database.prepare(selectAll(table));
    statement.setReturnArrays(true);
    let page: Cells[] = [];
    for (const row of statement.iterate()) {
      page.push(row as unknown as Cells);
      if (page.length < PAGE_ROWS) continue;
      yield page;
      page = [];
    }
    if (page.length > 0) yield page;
  }

  async close(): Promise<void> {
    this.#connection.close();
  }
}
