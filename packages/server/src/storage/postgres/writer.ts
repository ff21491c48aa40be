/**
 * The one connection on which this process appends to the log. Reconnects; finds out what became of a commit whose answer
 * was lost; tries again what is known not to be stored.
 */
import { randomUUID } from "node:crypto";
import { Backoff } from "../../kit/retry.ts";
import type { Connection } from "./connection.ts";
import { ConnectionLost, OutcomeUnknown, Raced, StorageError } from "./errors.ts";
import type { StoredCall } from "./writing/calls.ts";
import { type Committed, commit, Interrupted, type Job, type Manner } from "./writing/commit.ts";

export interface WriterOptions {
  /** Opens a connection that keeps what it acknowledges. @throws ConnectionLost, StorageError */
  open: () => Promise<Connection>;
  /** How long a commit is tried again while the database cannot be reached, milliseconds. */
  patienceMs: number;
  /** How long it is asked what became of a commit, milliseconds. */
  unknownMs: number;
}

interface Session {
  connection: Connection;
  /** How the server knows it: by its number, and since when it has it. */
  backend: { pid: number; started: string };
}

const PAUSES = { initialMs: 20, maxMs: 1_000 };
/** More often nobody loses a race: after the first one no other commit is let in. What can still be faster are single
 * writes beside the log. */
const RACES = 5;

export class Writer {
  readonly #options: WriterOptions;
  /** This process, as its row in `writers` is called. */
  readonly #id = randomUUID();
  #session: Session | null = null;
  /** Commits that were stored. */
  #number = 0;
  /** Since when the database cannot be reached; `null`: it can. */
  #downSinceMs: number | null = null;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /** One at a time. Results in the order of the jobs and their calls.
   * @throws StorageError: nothing was stored; OutcomeUnknown: nobody knows */
  async commit(jobs: readonly Job[]): Promise<readonly (readonly StoredCall[])[]> {
    const backoff = new Backoff(PAUSES);
    let manner: Manner = "shared";
    for (let races = 0; ; ) {
      try {
        return await this.#attempt(jobs, manner);
      } catch (error) {
        if (error instanceof Raced && races < RACES) {
          races += 1;
          if (manner === "shared") manner = "alone";
        } else if (error instanceof ConnectionLost) {
          this.#downSinceMs ??= performance.now();
          if (performance.now() - this.#downSinceMs > this.#options.patienceMs) throw error;
          await pause(backoff);
        } else if (error instanceof StorageError || manner === "each") {
          throw error;
        } else {
          manner = "each";
        }
      }
    }
  }

  /** Connects, so that the first commit does not have to. */
  async start(): Promise<void> {
    await this.#connected();
  }

  /** While nothing is under way. */
  async close(): Promise<void> {
    const session = this.#session;
    this.#session = null;
    if (!session) return;
    // A row that stays where this fails is deleted by a later start.
    if (!session.connection.lost) {
      await session.connection.run("DELETE FROM writers WHERE id = $1", this.#id).catch(() => undefined);
    }
    await session.connection.close();
  }

  async #attempt(jobs: readonly Job[], manner: Manner): Promise<Committed["outcomes"]> {
    const session = await this.#connected();
    const number = this.#number + 1;
    let committed: Committed;
    try {
      committed = await commit(session.connection, jobs, manner, { writerId: this.#id, number });
    } catch (error) {
      if (!(error instanceof Interrupted)) throw error;
      if (!(await this.#wasStored(number, session))) {
        throw new ConnectionLost(error.message, null, { cause: error });
      }
      committed = error.committed;
    }
    if (committed.isSigned) this.#number = number;
    this.#downSinceMs = null;
    return committed.outcomes;
  }

  async #connected(): Promise<Session> {
    if (this.#session && !this.#session.connection.lost) return this.#session;
    const connection = await this.#options.open();
    try {
      const backend = await connection.get<Session["backend"]>(
        "SELECT pid, backend_start::text AS started FROM pg_stat_activity WHERE pid = pg_backend_pid()",
      );
      // Waits for what may still be under way on the connection before.
      const row = await connection.get<{ commits: number }>(
        `INSERT INTO writers AS w (id, commits) VALUES ($1, 0)
         ON CONFLICT (id) DO UPDATE SET touched_at = now() RETURNING commits`,
        this.#id,
      );
      this.#number = row?.commits ?? 0;
      this.#session = { connection, backend: backend ?? { pid: 0, started: "" } };
      return this.#session;
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  /** @throws OutcomeUnknown: the database could not be asked */
  async #wasStored(number: number, before: Session): Promise<boolean> {
    const backoff = new Backoff(PAUSES);
    const giveUpAtMs = performance.now() + this.#options.unknownMs;
    let ended = false;
    for (;;) {
      try {
        if (!ended) ended = await this.#end(before);
        await this.#connected();
        return this.#number === number;
      } catch (error) {
        if (!(error instanceof StorageError)) throw error;
        if (performance.now() > giveUpAtMs) {
          throw new OutcomeUnknown(
            `The connection to PostgreSQL ended during a commit, and what became of it could not be asked: ${error.message}`,
            null,
            { cause: error },
          );
        }
      }
      await pause(backoff);
    }
  }

  /** A server that did not notice the end of the connection would keep its locks until it does. What it has committed stays
   * committed, and what it has not will not be any more. */
  async #end({ backend }: Session): Promise<boolean> {
    const connection = await this.#options.open();
    try {
      await connection.run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1 AND backend_start = $2::timestamptz",
        backend.pid,
        backend.started,
      );
      return true;
    } finally {
      await connection.close();
    }
  }
}

function pause(backoff: Backoff): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, backoff.nextDelayMs()));
}
