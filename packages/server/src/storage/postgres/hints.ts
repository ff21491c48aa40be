/**
 * Hints between the processes on one database, after a commit: something that others follow has moved. A lost one costs
 * latency, never an event: whoever follows it looks from time to time anyway.
 *
 * A hint is sent beside the commit and not in it: a notification in a transaction may refuse its commit when a listener has
 * stopped listening, and would be one more thing that commits wait for.
 */
import { randomUUID } from "node:crypto";
import { Backoff, pause } from "../../kit/retry.ts";
import { arrayOf } from "./arrays.ts";
import type { Connection } from "./connection.ts";
import type { Pool } from "./pool.ts";

/** What each says. */
const HINTS = {
  appended: "The log has grown.",
  left: "A node has gone.",
  released: "A lease was released.",
  sandbox: "The simulated chain has moved.",
} as const;
export type Hint = keyof typeof HINTS;

const NAMES = Object.keys(HINTS) as Hint[];
const channelOf = (hint: Hint) => `paybell_${hint}`;
const BY_CHANNEL = new Map(NAMES.map((hint) => [channelOf(hint), hint]));
const LISTEN = NAMES.map((hint) => `LISTEN ${channelOf(hint)}`).join("; ");
const TELL = "SELECT pg_notify(channel, $2) FROM unnest($1::text[]) AS channel";
/** How often it is asked whether the line on which is listened still leads anywhere: nothing else is ever said on it. */
const CHECK_MS = 5_000;
const PAUSES = { initialMs: 100, maxMs: 5_000 };

export interface HintsOptions {
  pool: Pool;
  /** A connection of its own, on which is listened. */
  open: () => Promise<Connection>;
  /** Another process has told it, or may have while nobody listened here. */
  onHint: (hint: Hint) => void;
  /** Listening or telling failed; listening is tried again. */
  onError: (error: unknown) => void;
}

export class Hints {
  readonly #options: HintsOptions;
  /** This process: it does not listen to itself. */
  readonly #id = randomUUID();
  readonly #ending = new AbortController();
  readonly #toTell = new Set<Hint>();
  #listening: Connection | null = null;
  #loop: Promise<void> = Promise.resolve();
  #telling: Promise<void> | null = null;

  constructor(options: HintsOptions) {
    this.#options = options;
  }

  start(): void {
    this.#loop = this.#listen();
  }

  /** One at a time; those that come meanwhile go together. */
  tell(hint: Hint): void {
    if (this.#ending.signal.aborted) return;
    this.#toTell.add(hint);
    this.#telling ??= this.#tellAll();
  }

  /** Before the pool is closed. */
  async stop(): Promise<void> {
    this.#ending.abort();
    await this.#listening?.close();
    await this.#loop;
    await this.#telling;
  }

  async #tellAll(): Promise<void> {
    const { pool, onError } = this.#options;
    while (this.#toTell.size > 0) {
      const channels = [...this.#toTell].map(channelOf);
      this.#toTell.clear();
      await pool.use((connection) => connection.run(TELL, arrayOf(channels), this.#id)).catch(onError);
    }
    this.#telling = null;
  }

  async #listen(): Promise<void> {
    const { signal } = this.#ending;
    const backoff = new Backoff(PAUSES);
    while (!signal.aborted) {
      try {
        const connection = await this.#options.open();
        this.#listening = connection;
        connection.onNotification((channel, from) => {
          const hint = BY_CHANNEL.get(channel);
          if (hint && from !== this.#id) this.#options.onHint(hint);
        });
        await connection.exec(LISTEN);
        backoff.reset();
        // What was told while nobody listened.
        for (const hint of NAMES) this.#options.onHint(hint);
        if (signal.aborted) await connection.close();
        else await untilLost(connection);
      } catch (error) {
        if (!signal.aborted) this.#options.onError(error);
      }
      await pause(backoff.nextDelayMs(), signal);
    }
  }
}

/** @throws ConnectionLost */
async function untilLost(connection: Connection): Promise<void> {
  const over = new AbortController();
  connection.onLost(() => over.abort());
  while (!connection.lost) {
    await pause(CHECK_MS, over.signal);
    // Harmless where it listens already.
    if (!connection.lost) await connection.exec(LISTEN);
  }
}
