/** One connection to the database file, with its statements prepared once. Used in the worker threads only. */
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { StartupError } from "../../kit/startup-error.ts";

export type Row = Record<string, SQLInputValue>;

/** How long a writer waits for another process (the CLI) to finish its transaction. */
const BUSY_TIMEOUT_MS = 5_000;
/** Pages that a connection keeps in memory, KiB; taken as they are needed. Payments are touched in no order, so that with
 * SQLite's own 2 MiB most of them would be read from the file again. */
const PAGE_CACHE_KIB = 32 * 1_024;

export class Connection {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /**
   * Opens for writing; the file is created if there is none.
   * @throws StartupError when SQLite does not give the durability that is promised
   */
  static openWriter(file: string): Connection {
    const connection = new Connection(new DatabaseSync(file));
    connection.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
    connection.#require("journal_mode", "WAL", "wal");
    connection.#require("synchronous", "FULL", 2);
    connection.#require("foreign_keys", "ON", 1);
    // The writer moves the WAL into the database itself, when its callers have their answers: see `checkpoint`.
    connection.#require("wal_autocheckpoint", "0", 0);
    connection.exec(`PRAGMA cache_size = -${PAGE_CACHE_KIB}`);
    return connection;
  }

  /** Opens an existing file for reading. */
  static openReader(file: string): Connection {
    const connection = new Connection(new DatabaseSync(file, { readOnly: true }));
    connection.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
    connection.exec(`PRAGMA cache_size = -${PAGE_CACHE_KIB}`);
    return connection;
  }

  get inTransaction(): boolean {
    return this.#database.isTransaction;
  }

  exec(sql: string): void {
    this.#database.exec(sql);
  }

  /** Returns the number of rows that were changed. */
  run(sql: string, ...parameters: SQLInputValue[]): number {
    return Number(this.#prepare(sql).run(...parameters).changes);
  }

  /** Parameters by name (`:name`). */
  runNamed(sql: string, parameters: Record<string, SQLInputValue>): number {
    return Number(this.#prepare(sql).run(parameters).changes);
  }

  get<R = Row>(sql: string, ...parameters: SQLInputValue[]): R | undefined {
    return this.#prepare(sql).get(...parameters) as R | undefined;
  }

  all<R = Row>(sql: string, ...parameters: SQLInputValue[]): R[] {
    return this.#prepare(sql).all(...parameters) as R[];
  }

  /** Moves what the WAL holds into the database, as far as no reader needs it where it is. */
  checkpoint(): void {
    this.get("PRAGMA wal_checkpoint(PASSIVE)");
  }

  pragma(name: string): SQLInputValue | undefined {
    const row = this.#database.prepare(`PRAGMA ${name}`).get() as Row | undefined;
    return row && Object.values(row)[0];
  }

  /** Everything that `work` reads is of one moment. */
  read<T>(work: () => T): T {
    this.run("BEGIN");
    try {
      return work();
    } finally {
      this.run("COMMIT");
    }
  }

  close(): void {
    this.#statements.clear();
    this.#database.close();
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) {
      statement = this.#database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  /** Sets a pragma and reads it back: SQLite ignores silently what it cannot do. */
  #require(pragma: string, value: string, expected: SQLInputValue): void {
    this.exec(`PRAGMA ${pragma} = ${value}`);
    const actual = this.pragma(pragma);
    if (actual === expected) return;
    throw new StartupError(
      `SQLite does not do ${pragma} = ${value} on this file (it says ${String(actual)}): what is acknowledged could be lost.`,
      "Put the data directory on a local file system.",
    );
  }
}
