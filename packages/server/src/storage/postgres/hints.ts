/**
 * Hints between the processes on one database: "the log has grown", after a commit. A lost one costs latency, never an
 * event: whoever follows the log asks it from time to time anyway.
 *
 * A hint is sent beside the commit and not in it: a notification in a transaction may refuse its commit when a listener has
 * stopped listening, and would be one more thing that commits wait for.
 */
import { randomUUID } from "node:crypto";
import { Backoff, pause } from "../../kit/retry.ts";
import type { Connection } from "./connection.ts";
import type { Pool } from "./pool.ts";

const CHANNEL = "paybell_appended";
const PAUSES = { initialMs: 100, maxMs: 5_000 };

export interface HintsOptions {
  pool: Pool;
  /** A connection of its own, on which is listened. */
  open: () => Promise<Connection>;
  /** Another process may have appended. */
  onHint: () => void;
  /** Listening or telling failed; it is tried again. */
  onError: (error: unknown) => void;
}

export class Hints {
  readonly #options: HintsOptions;
  /** This process: it does not listen to itself. */
  readonly #id = randomUUID();
  readonly #ending = new AbortController();
  #listening: Connection | null = null;
  #loop: Promise<void> = Promise.resolve();
  #telling: Promise<void> | null = null;
  #tellAgain = false;

  constructor(options: HintsOptions) {
    this.#options = options;
  }

  start(): void {
    this.#loop = this.#listen();
  }

  /** One at a time; those that come meanwhile are one more. */
  tell(): void {
    if (this.#ending.signal.aborted) return;
    if (this.#telling) {
      this.#tellAgain = true;
      return;
    }
    this.#telling = this.#options.pool
      .use((connection) => connection.run(`SELECT pg_notify('${CHANNEL}', $1)`, this.#id))
      .then(() => undefined, this.#options.onError)
      .finally(() => {
        this.#telling = null;
        if (!this.#tellAgain) return;
        this.#tellAgain = false;
        this.tell();
      });
  }

  /** Before the pool is closed. */
  async stop(): Promise<void> {
    this.#ending.abort();
    await this.#listening?.close();
    await this.#loop;
    await this.#telling;
  }

  async #listen(): Promise<void> {
    const { signal } = this.#ending;
    const backoff = new Backoff(PAUSES);
    while (!signal.aborted) {
      try {
        const connection = await this.#options.open();
        this.#listening = connection;
        connection.onNotification((from) => {
          if (from !== this.#id) this.#options.onHint();
        });
        await connection.exec(`LISTEN ${CHANNEL}`);
        backoff.reset();
        // What was told while nobody listened.
        this.#options.onHint();
        await (signal.aborted ? connection.close() : ended(connection));
      } catch (error) {
        if (!signal.aborted) this.#options.onError(error);
      }
      await pause(backoff.nextDelayMs(), signal);
    }
  }
}

function ended(connection: Connection): Promise<void> {
  return new Promise((resolve) => connection.onLost(() => resolve()));
}
