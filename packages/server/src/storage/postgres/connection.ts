/**
 * One connection to PostgreSQL, with its statements prepared once. What is asked without waiting for an answer in between
 * is sent at once and answered in order (`pg`'s pipeline): a transaction costs as many round trips as it has questions
 * that rest on answers.
 */
import pg from "pg";
import { ConnectionLost, toStoreError } from "./errors.ts";

/** What a column holds. */
export type Value = string | number | null;
/** A parameter of a statement; lists as text, see `arrays.ts`. */
export type Parameter = Value;

export interface ConnectionOptions {
  /** `postgres://…`, as `PAYBELL_DATABASE_URL`. */
  url: string;
  /** After this time the server ends a statement, milliseconds; 0: never. */
  statementTimeoutMs: number;
  /** Time to connect, milliseconds. */
  connectTimeoutMs: number;
}

export interface Answer<R> {
  rows: R[];
  /** Rows that were changed, or read. */
  count: number;
}

/** How long an answer may be late beyond the statement's own time before the connection is taken for dead. */
const NETWORK_GRACE_MS = 5_000;
/** How long a server that is told of the end may take to agree. */
const CLOSING_MS = 2_000;
/** A transaction in which nothing happens for so long is ended by the server: its process is gone, or was stopped, and
 * all others wait for its locks. No longer than a lease, so that a hand-over does not wait for it. */
const IDLE_TRANSACTION_MS = 3_000;

/**
 * Of every session. Whatever the statistics say of a table that has grown since: every query has an index and uses it, row
 * by row. Compiling queries that take microseconds would cost milliseconds.
 *
 * The server looks after clients that say nothing: one whose machine or network is gone is given up after 10 s, one that
 * takes no answer after 5 s, one that ended while its statement waits for a lock within a second.
 */
export const SESSION = `SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET jit = off;
  SET tcp_keepalives_idle = 4; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3; SET tcp_user_timeout = 5000;
  DO $$ BEGIN SET client_connection_check_interval = 1000;
  EXCEPTION WHEN invalid_parameter_value THEN NULL; -- The server's system cannot tell.
  END $$`;

interface Backend {
  pid: number;
  startedAt: string;
}

const BACKEND = 'SELECT pid, backend_start::text AS "startedAt" FROM pg_stat_activity WHERE pid = pg_backend_pid()';

const INT8 = pg.types.builtins.INT8;

/** All that is stored of 64 bits is exact in a number: offsets, milliseconds, heights, units. */
const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: "text" | "binary") =>
    oid === INT8 ? Number : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
};

/** Names of prepared statements by their texts: the same in every connection. */
const names = new Map<string, string>();

function nameOf(sql: string): string {
  let name = names.get(sql);
  if (!name) {
    name = `s${names.size + 1}`;
    names.set(sql, name);
  }
  return name;
}

export class Connection {
  readonly #client: pg.Client;
  #lost: ConnectionLost | null = null;
  #backend = { pid: 0, startedAt: "" };
  readonly #onLost = new Set<(error: ConnectionLost) => void>();

  private constructor(client: pg.Client) {
    this.#client = client;
    client.on("error", (error) => this.#lose(error));
    client.on("end", () => this.#lose(new Error("the connection was closed")));
  }

  /** @throws ConnectionLost: nobody answers, or refuses */
  static async open(options: ConnectionOptions): Promise<Connection> {
    let client: pg.Client;
    try {
      client = new pg.Client({
        connectionString: options.url,
        application_name: "paybell",
        connectionTimeoutMillis: options.connectTimeoutMs,
        keepAlive: true,
        statement_timeout: options.statementTimeoutMs,
        query_timeout: options.statementTimeoutMs === 0 ? 0 : options.statementTimeoutMs + NETWORK_GRACE_MS,
        idle_in_transaction_session_timeout: IDLE_TRANSACTION_MS,
        pipeline: true,
        types,
      });
    } catch (error) {
      throw toStoreError(error);
    }
    const connection = new Connection(client);
    try {
      await client.connect();
      await client.query(SESSION);
      const { rows } = await client.query<Backend>(BACKEND);
      if (rows[0]) connection.#backend = rows[0];
      return connection;
    } catch (error) {
      await connection.close();
      throw toStoreError(error);
    }
  }

  /** How the server knows it: by its number, and since when it has it. */
  get backend(): Readonly<Backend> {
    return this.#backend;
  }

  /** Why it can no longer be used; `null`: it can. */
  get lost(): ConnectionLost | null {
    return this.#lost;
  }

  /** Called once, when the connection ends, for whatever reason. */
  onLost(listener: (error: ConnectionLost) => void): void {
    if (this.#lost) listener(this.#lost);
    else this.#onLost.add(listener);
  }

  /** Called with each notification of a channel that was listened to. */
  onNotification(listener: (channel: string, payload: string) => void): void {
    this.#client.on("notification", ({ channel, payload }) => listener(channel, payload ?? ""));
  }

  /** @throws one of `errors.ts`, or PostgreSQL's own error where what was asked is its reason */
  async ask<R>(sql: string, ...parameters: Parameter[]): Promise<Answer<R>> {
    if (this.#lost) throw this.#lost;
    try {
      const result = await this.#client.query({ name: nameOf(sql), text: sql, values: parameters });
      return { rows: result.rows as R[], count: result.rowCount ?? 0 };
    } catch (error) {
      const meant = toStoreError(error);
      if (meant instanceof ConnectionLost) this.#lose(meant);
      throw meant;
    }
  }

  /** Several statements without parameters, or one that cannot be prepared. */
  async exec(sql: string): Promise<void> {
    if (this.#lost) throw this.#lost;
    try {
      await this.#client.query(sql);
    } catch (error) {
      const meant = toStoreError(error);
      if (meant instanceof ConnectionLost) this.#lose(meant);
      throw meant;
    }
  }

  /** Returns the number of rows that were changed. */
  async run(sql: string, ...parameters: Parameter[]): Promise<number> {
    return (await this.ask(sql, ...parameters)).count;
  }

  async get<R>(sql: string, ...parameters: Parameter[]): Promise<R | undefined> {
    return (await this.ask<R>(sql, ...parameters)).rows[0];
  }

  async all<R>(sql: string, ...parameters: Parameter[]): Promise<R[]> {
    return (await this.ask<R>(sql, ...parameters)).rows;
  }

  /** Everything that `work` reads is of one moment. */
  async read<T>(work: () => Promise<T>): Promise<T> {
    try {
      const [, result] = await Promise.all([this.exec("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"), work()]);
      return result;
    } finally {
      if (!this.#lost) await this.exec("COMMIT");
    }
  }

  /** Cuts it, whatever is under way. */
  destroy(): void {
    this.#lose(new Error("the connection was given up"));
  }

  /** Answers what was asked, then ends. */
  async close(): Promise<void> {
    if (this.#lost) return;
    // One that hangs, or to which no network leads, would never say that it has heard.
    const timer = setTimeout(() => this.destroy(), CLOSING_MS);
    await this.#client.end().catch((error: unknown) => this.#lose(error));
    clearTimeout(timer);
  }

  #lose(error: unknown): void {
    if (this.#lost) return;
    const meant = toStoreError(error);
    const lost = meant instanceof ConnectionLost ? meant : new ConnectionLost(meant.message, null, { cause: meant });
    this.#lost = lost;
    // Nobody uses it any more. The server may see no reason to end it, and would keep a session for it for ever.
    const { connection } = this.#client as unknown as { connection: { stream: { destroy(): void } } };
    connection.stream.destroy();
    for (const listener of this.#onLost) listener(lost);
    this.#onLost.clear();
  }
}
