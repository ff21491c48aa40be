/** A PostgreSQL database as a source: one read transaction, also beside running servers. */
import { type Cell, type Cells, type ExportSource, type LogBounds, MovingError } from "../../moving/moving.ts";
import type { MovedTable } from "../../moving/tables.ts";
import type { Connection } from "../connection.ts";
import { knownMigrations, pendingMigrations } from "../migrate.ts";
import { openSession } from "./session.ts";
import { selectAll } from "./statements.ts";

/** Rows that are handed on at once. */
const PAGE_ROWS = 500;

/** @throws MovingError, StartupError */
export async function openPostgresSource(url: string): Promise<ExportSource> {
  const connection = await openSession(url);
  try {
    const pending = await pendingMigrations(connection);
    if (pending.length > 0) {
      throw new MovingError(
        `The database has a schema older than this program's: ${pending.length} migrations are to be applied.`,
        "Export it with the version that runs on it, or run `paybell migrate` first.",
      );
    }
    await connection.exec("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY");
    return new PostgresSource(connection, await boundsOf(connection));
  } catch (error) {
    await connection.close();
    throw error;
  }
}

/** With this read the transaction begins: from here on nothing changes for it. */
async function boundsOf(connection: Connection): Promise<LogBounds> {
  const row = await connection.get<{ mode: LogBounds["mode"]; epoch: string; head: number; trimmed_to: number }>(
    "SELECT mode, epoch, head, trimmed_to FROM meta",
  );
  if (!row) throw new MovingError("The database has never been used.", "There is nothing to export.");
  return { mode: row.mode, epoch: row.epoch, head: row.head, trimmedTo: row.trimmed_to };
}

class PostgresSource implements ExportSource {
  readonly store = "postgres";
  readonly schemaVersion = knownMigrations().length;
  readonly bounds: LogBounds;
  readonly #connection: Connection;

  constructor(connection: Connection, bounds: LogBounds) {
    this.#connection = connection;
    this.bounds = bounds;
  }

  async count({ name }: MovedTable): Promise<number> {
    const row = await this.#connection.get<{ rows: number }>(`SELECT count(*) AS rows FROM ${name}`);
    return row?.rows ?? 0;
  }

  async *rows(table: MovedTable): AsyncGenerator<readonly Cells[]> {
    const { name, columns } = table;
    await this.#connection.exec(`DECLARE export_${name} NO SCROLL CURSOR FOR ${selectAll(table)}`);
    for (;;) {
      const rows = await this.#connection.all<Record<string, Cell>>(`FETCH ${PAGE_ROWS} FROM export_${name}`);
      if (rows.length > 0) yield rows.map((row) => columns.map((column) => row[column] ?? null));
      if (rows.length < PAGE_ROWS) break;
    }
    await this.#connection.exec(`CLOSE export_${name}`);
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }
}
