/**
 * One server at a time on a database, as long as servers do not share their watchers and timers. The lock belongs to a
 * connection of its own: it is free as soon as its server is gone, however that ended.
 */

import { Backoff, pause } from "../../kit/retry.ts";
import { StartupError } from "../../kit/startup-error.ts";
import type { Connection } from "./connection.ts";

/** Held by a server; also by who changes the schema while none runs. */
export const SERVING = 0x70_61_79_62_65_03;
/** The connection of a server that was killed ends a moment after it. */
const PATIENCE_MS = 3_000;
const PAUSES = { initialMs: 100, maxMs: 2_000 };

export interface LockOptions {
  open: () => Promise<Connection>;
  /** Another server took the lock while the connection to the database was lost: this one must end. */
  onFatal: (error: Error) => void;
  /** The connection was lost, or could not be had again yet. */
  onError: (error: unknown) => void;
}

export class ExclusiveLock {
  readonly #options: LockOptions;
  readonly #ending = new AbortController();
  #connection: Connection;
  readonly #kept: Promise<void>;

  private constructor(options: LockOptions, connection: Connection) {
    this.#options = options;
    this.#connection = connection;
    this.#kept = this.#keep();
  }

  /** @throws StartupError: another server has it */
  static async take(options: LockOptions): Promise<ExclusiveLock> {
    const connection = await options.open();
    try {
      if (await tryLock(connection)) return new ExclusiveLock(options, connection);
    } catch (error) {
      await connection.close();
      throw error;
    }
    await connection.close();
    throw new StartupError(
      "Another server runs on the database.",
      "Stop that one first, or give this one a PAYBELL_DATABASE_URL of its own.",
    );
  }

  async release(): Promise<void> {
    this.#ending.abort();
    await this.#connection.close();
    await this.#kept;
  }

  /** Takes it again whenever the connection is lost. */
  async #keep(): Promise<void> {
    const { open, onError, onFatal } = this.#options;
    const { signal } = this.#ending;
    const backoff = new Backoff(PAUSES);
    for (;;) {
      const lost = await new Promise<Error>((resolve) => this.#connection.onLost(resolve));
      if (signal.aborted) return;
      onError(lost);
      while (this.#connection.lost) {
        await pause(backoff.nextDelayMs(), signal);
        if (signal.aborted) return;
        try {
          const connection = await open();
          this.#connection = connection;
          const isOurs = await tryLock(connection);
          if (signal.aborted) return await connection.close();
          if (!isOurs) {
            onFatal(new Error("Another server has taken the database over."));
            return;
          }
          backoff.reset();
        } catch (error) {
          onError(error);
        }
      }
    }
  }
}

/** Is it free, or soon? */
export async function tryLock(connection: Connection): Promise<boolean> {
  const giveUpAtMs = performance.now() + PATIENCE_MS;
  for (;;) {
    const row = await connection.get<{ got: boolean }>(`SELECT pg_try_advisory_lock(${SERVING}) AS got`);
    if (row?.got) return true;
    if (performance.now() > giveUpAtMs) return false;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
