/** Connections for reads and for writes beside the log: so many at once, each with one user at a time. */
import { Backoff } from "../../kit/retry.ts";
import type { Connection } from "./connection.ts";
import { ConnectionLost, Outdated, StorageError } from "./errors.ts";

export interface PoolOptions {
  open: () => Promise<Connection>;
  /** Connections at most. */
  size: number;
  /** How long a call tries again while the database cannot be reached, milliseconds. */
  patienceMs: number;
}

interface Waiting {
  resolve: (connection: Connection) => void;
  reject: (error: Error) => void;
}

const PAUSES = { initialMs: 50, maxMs: 1_000 };

export class Pool {
  readonly #options: PoolOptions;
  readonly #idle: Connection[] = [];
  readonly #open = new Set<Connection>();
  readonly #waiting: Waiting[] = [];
  #opening = 0;
  #closed = false;
  #drained: (() => void) | null = null;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /**
   * Does the work on a connection. Where that is lost it is done again on another one: only for work that may be done
   * twice, or that throws something else than `ConnectionLost` when it may not.
   */
  async use<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    const backoff = new Backoff(PAUSES);
    const giveUpAtMs = performance.now() + this.#options.patienceMs;
    for (;;) {
      try {
        return await this.#once(work);
      } catch (error) {
        if (!(error instanceof ConnectionLost) || this.#closed || performance.now() > giveUpAtMs) throw error;
        // The others that were opened as early are so as well: one after the other goes.
        if (error instanceof Outdated) continue;
      }
      await new Promise((resolve) => setTimeout(resolve, backoff.nextDelayMs()));
    }
  }

  /** Ends when nobody uses a connection any more; nobody gets one from now on. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const { reject } of this.#waiting.splice(0)) reject(closed());
    if (this.#idle.length < this.#open.size + this.#opening) {
      await new Promise<void>((resolve) => {
        this.#drained = resolve;
      });
    }
    await Promise.all([...this.#open].map((connection) => connection.close()));
  }

  async #once<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    const connection = await this.#take();
    try {
      return await work(connection);
    } finally {
      this.#release(connection);
    }
  }

  async #take(): Promise<Connection> {
    if (this.#closed) throw closed();
    const idle = this.#idle.pop();
    if (idle) return idle;
    if (this.#open.size + this.#opening >= this.#options.size) {
      return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
    }
    this.#opening += 1;
    try {
      const connection = await this.#options.open();
      this.#open.add(connection);
      connection.onLost(() => this.#forget(connection));
      return connection;
    } catch (error) {
      // Whoever waits for a free one would wait for ever where none can be opened: each tries himself, as long as he likes.
      for (const { reject } of this.#waiting.splice(0)) reject(error as Error);
      throw error;
    } finally {
      this.#opening -= 1;
      this.#noteDrained();
    }
  }

  #release(connection: Connection): void {
    if (!connection.lost) {
      const next = this.#waiting.shift();
      if (next) {
        next.resolve(connection);
        return;
      }
      this.#idle.push(connection);
    } else {
      this.#replace();
    }
    this.#noteDrained();
  }

  /** A place has become free without a connection: the next one who waits opens his own. */
  #replace(): void {
    const next = this.#waiting.shift();
    if (next) this.#take().then(next.resolve, next.reject);
  }

  #forget(connection: Connection): void {
    this.#open.delete(connection);
    const at = this.#idle.indexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
    this.#noteDrained();
  }

  #noteDrained(): void {
    if (this.#closed && this.#idle.length >= this.#open.size + this.#opening) this.#drained?.();
  }
}

const closed = () => new StorageError("The database was closed.");
