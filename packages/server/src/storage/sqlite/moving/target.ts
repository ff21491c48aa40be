/** An empty SQLite database as a target: one transaction, under the lock of a server. */
import { messageOf } from "../../../kit/errors.ts";
import type { Mode } from "../../meta.ts";
import { type Cell, type Cells, type ImportTarget, type LogBounds, RowRefused } from "../../moving/moving.ts";
import { topicsOf } from "../../moving/record-topics.ts";
import { requireEmpty } from "../../moving/require-empty.ts";
import type { MovedTable } from "../../moving/tables.ts";
import { type Opened, open } from "../start.ts";
import { insertOne } from "./statements.ts";

/** @throws StartupError: a server runs on the directory, another mode; MovingError: it is not empty */
export async function openSqliteTarget(dataDir: string, mode: Mode): Promise<ImportTarget> {
  const opened = open({ dataDir, mode, exclusive: true });
  const target = new SqliteTarget(opened);
  try {
    opened.connection.exec("BEGIN IMMEDIATE");
    await requireEmpty(target, dataDir);
    return target;
  } catch (error) {
    await target.close();
    throw error;
  }
}

class SqliteTarget implements ImportTarget {
  readonly #opened: Opened;

  constructor(opened: Opened) {
    this.#opened = opened;
  }

  async insert(table: MovedTable, rows: readonly Cells[]): Promise<void> {
    const { connection } = this.#opened;
    const sql = insertOne(table);
    for (const [at, cells] of rows.entries()) {
      try {
        connection.run(sql, ...cells);
        if (table.name !== "log_records") continue;
        for (const { topic, offset } of topicsOf(table, cells)) {
          connection.run("INSERT INTO log_topics (topic, offset) VALUES (?, ?)", topic, offset);
        }
      } catch (error) {
        if (isFault(error)) throw new RowRefused(at, messageOf(error));
        throw error;
      }
    }
  }

  /** Payments were counted by the table's own triggers. */
  async complete({ epoch, head, trimmedTo }: LogBounds): Promise<void> {
    this.#opened.connection.run("UPDATE meta SET epoch = ?, head = ?, trimmed_to = ?", epoch, head, trimmedTo);
  }

  async ask(sql: string): Promise<readonly Record<string, Cell>[]> {
    return this.#opened.connection.all<Record<string, Cell>>(sql);
  }

  async commit(): Promise<void> {
    this.#opened.connection.exec("COMMIT");
    this.#opened.connection.checkpoint();
  }

  async close(): Promise<void> {
    const { connection, held } = this.#opened;
    if (connection.inTransaction) connection.exec("ROLLBACK");
    connection.close();
    held?.release();
  }
}

/** SQLITE_CONSTRAINT, SQLITE_MISMATCH, SQLITE_TOOBIG; a full disk, for one, is not the row's fault. Neither is what this
 * program says: topics that are none. */
const FAULTS = [18, 19, 20];

function isFault(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return error instanceof SyntaxError || ("errcode" in error && FAULTS.includes(Number(error.errcode) & 0xff));
}
