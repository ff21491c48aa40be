/**
 * The one connection on which this process appends to the log. Reconnects; finds out what became of a commit whose answer
 * was lost; tries again what is known not to be stored.
 */
import { randomUUID } from "node:crypto";
import { Backoff } from "../../kit/retry.ts";
import { arrayOf } from "./arrays.ts";
import type { Connection } from "./connection.ts";
import { ConnectionLost, Raced, StorageError } from "./errors.ts";
import { commitsOf, type Inquiry, wasStored } from "./signature.ts";
import type { StoredCall } from "./writing/calls.ts";
import { type Committed, commit, Interrupted, type Job, type Manner } from "./writing/commit.ts";

export interface WriterOptions extends Inquiry {
  /** Opens a connection that keeps what it acknowledges. @throws ConnectionLost, StorageError */
  open: () => Promise<Connection>;
  /** How long a commit is tried again while the database cannot be reached, milliseconds. */
  patienceMs: number;
}

const FORGET = "DELETE FROM writers WHERE id = ANY($1::text[])";
const PAUSES = { initialMs: 20, maxMs: 1_000 };
/** More often nobody loses a race: after the first one no other commit is let in. What can still be faster are single
 * writes beside the log. */
const RACES = 5;

export class Writer {
  readonly #options: WriterOptions;
  /** This process, as its row in `writers` is called. */
  readonly #id = randomUUID();
  #connection: Connection | null = null;
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

  /** While nothing is under way. @param others of this process, whose rows go too */
  async close(others: readonly string[]): Promise<void> {
    const connection = this.#connection;
    this.#connection = null;
    if (!connection) return;
    // Rows that stay where this fails are deleted by a later start.
    if (!connection.lost) await connection.run(FORGET, arrayOf([this.#id, ...others])).catch(() => undefined);
    await connection.close();
  }

  async #attempt(jobs: readonly Job[], manner: Manner): Promise<Committed["outcomes"]> {
    const connection = await this.#connected();
    const signature = { writerId: this.#id, number: this.#number + 1 };
    let committed: Committed;
    try {
      committed = await commit(connection, jobs, manner, signature);
    } catch (error) {
      if (!(error instanceof Interrupted)) throw error;
      const isStored = await wasStored(this.#options, signature, connection);
      if (!isStored) throw new ConnectionLost(error.message, null, { cause: error });
      committed = error.committed;
    }
    if (committed.isSigned) this.#number = signature.number;
    this.#downSinceMs = null;
    return committed.outcomes;
  }

  async #connected(): Promise<Connection> {
    if (this.#connection && !this.#connection.lost) return this.#connection;
    const connection = await this.#options.open();
    try {
      this.#number = await commitsOf(connection, this.#id);
      this.#connection = connection;
      return connection;
    } catch (error) {
      await connection.close();
      throw error;
    }
  }
}

function pause(backoff: Backoff): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, backoff.nextDelayMs()));
}
