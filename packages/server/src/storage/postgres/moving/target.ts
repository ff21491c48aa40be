/** An empty PostgreSQL database as a target: one transaction, while nobody else uses the database. */
import { messageOf } from "../../../kit/errors.ts";
import type { Mode } from "../../meta.ts";
import { type Cell, type Cells, type ImportTarget, type LogBounds, RowRefused } from "../../moving/moving.ts";
import { topicsOf } from "../../moving/record-topics.ts";
import { requireEmpty } from "../../moving/require-empty.ts";
import type { MovedTable } from "../../moving/tables.ts";
import { arrayOf } from "../arrays.ts";
import type { Connection } from "../connection.ts";
import { StorageError } from "../errors.ts";
import { start } from "../start.ts";
import { requireNobody } from "./nobody.ts";
import { openSession } from "./session.ts";
import { columnTypes, insertMany } from "./statements.ts";

const INSERT_TOPICS = 'INSERT INTO log_topics (topic, "offset") SELECT * FROM unnest($1::text[], $2::bigint[])';
const COUNT_PAYMENTS = `INSERT INTO payment_counts (status, payments)
  SELECT status, count(*) FROM payments WHERE erased_at_ms IS NULL GROUP BY status`;

/** @throws StartupError: nobody answers, another mode; MovingError: it is in use, or not empty */
export async function openPostgresTarget(url: string, mode: Mode): Promise<ImportTarget> {
  const connection = await openSession(url);
  try {
    await start(connection, mode);
    await requireNobody(connection, "An import");
    await connection.exec("BEGIN");
    const target = new PostgresTarget(connection, await columnTypes(connection));
    await requireEmpty(target, "the database");
    return target;
  } catch (error) {
    await connection.close();
    throw error;
  }
}

class PostgresTarget implements ImportTarget {
  readonly #connection: Connection;
  readonly #types: ReadonlyMap<string, string>;

  constructor(connection: Connection, types: ReadonlyMap<string, string>) {
    this.#connection = connection;
    this.#types = types;
  }

  async insert(table: MovedTable, rows: readonly Cells[]): Promise<void> {
    if (await this.#take(table, rows)) return;
    // One of them is at fault: which?
    for (const [at, row] of rows.entries()) {
      const refused = await this.#reasonAgainst(table, row);
      if (refused !== null) throw new RowRefused(at, refused);
    }
  }

  async complete({ epoch, head, trimmedTo }: LogBounds): Promise<void> {
    await this.#connection.run(COUNT_PAYMENTS);
    await this.#connection.run("UPDATE meta SET epoch = $1, head = $2, trimmed_to = $3", epoch, head, trimmedTo);
    // Otherwise whole tables would be joined as if they were empty.
    await this.#connection.exec("ANALYZE log_records, payments, transfers, sandbox_blocks");
  }

  async ask(sql: string): Promise<readonly Record<string, Cell>[]> {
    return this.#connection.all<Record<string, Cell>>(sql);
  }

  async commit(): Promise<void> {
    await this.#connection.exec("COMMIT");
  }

  /** What was not committed goes with the connection. */
  async close(): Promise<void> {
    await this.#connection.close();
  }

  async #take(table: MovedTable, rows: readonly Cells[]): Promise<boolean> {
    await this.#connection.exec("SAVEPOINT batch");
    try {
      await this.#write(table, rows);
      await this.#connection.exec("RELEASE batch");
      return true;
    } catch (error) {
      if (error instanceof StorageError) throw error;
      await this.#connection.exec("ROLLBACK TO batch");
      return false;
    }
  }

  async #reasonAgainst(table: MovedTable, row: Cells): Promise<string | null> {
    try {
      await this.#connection.exec("SAVEPOINT single");
      await this.#write(table, [row]);
      return null;
    } catch (error) {
      if (error instanceof StorageError) throw error;
      await this.#connection.exec("ROLLBACK TO single");
      return messageOf(error);
    }
  }

  async #write(table: MovedTable, rows: readonly Cells[]): Promise<void> {
    const lists = table.columns.map((_, at) => arrayOf(rows.map((row) => row[at] ?? null)));
    await this.#connection.run(insertMany(table, this.#types), ...lists);
    if (table.name !== "log_records") return;
    const topics = rows.flatMap((row) => topicsOf(table, row));
    await this.#connection.run(
      INSERT_TOPICS,
      arrayOf(topics.map(({ topic }) => topic)),
      arrayOf(topics.map(({ offset }) => offset)),
    );
  }
}
