/**
 * What became of a commit whose answer was lost. Every transaction that writes signs: it raises the number of its writer in
 * a row that it alone writes. Whoever asks for that row waits until the transaction has ended, and then reads it there or not.
 */
import { randomUUID } from "node:crypto";
import { Backoff } from "../../kit/retry.ts";
import type { Connection } from "./connection.ts";
import { OutcomeUnknown, StorageError } from "./errors.ts";

/** Whose transaction it is, and his how-manieth. */
export interface Signature {
  writerId: string;
  number: number;
}

export interface Inquiry {
  open: () => Promise<Connection>;
  /** How long it is asked, milliseconds. */
  unknownMs: number;
}

const SIGN = `INSERT INTO writers AS w (id, commits) VALUES ($1, $2)
  ON CONFLICT (id) DO UPDATE SET commits = excluded.commits, touched_at = now()`;

/** An insert, since one that is not committed yet would not be found by a mere look. */
const NUMBER = `INSERT INTO writers AS w (id, commits) VALUES ($1, 0)
  ON CONFLICT (id) DO UPDATE SET touched_at = now() RETURNING commits`;

/** A server that did not notice the end of the connection would keep its locks until it does. What it has committed stays
 * committed, and what it has not will not be any more. */
const END = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1 AND backend_start = $2::timestamptz";

const PAUSES = { initialMs: 20, maxMs: 1_000 };

export async function sign(connection: Connection, { writerId, number }: Signature): Promise<void> {
  await connection.run(SIGN, writerId, number);
}

/** How many commits of the writer were stored; waits for what is still under way. */
export async function commitsOf(connection: Connection, writerId: string): Promise<number> {
  return (await connection.get<{ commits: number }>(NUMBER, writerId))?.commits ?? 0;
}

/**
 * Was the transaction stored that was under way on a connection when that was lost?
 * @throws OutcomeUnknown: the database could not be asked in time
 */
export async function wasStored(
  { open, unknownMs }: Inquiry,
  signature: Signature,
  lost: Connection,
): Promise<boolean> {
  const backoff = new Backoff(PAUSES);
  const giveUpAtMs = performance.now() + unknownMs;
  for (;;) {
    try {
      const connection = await open();
      try {
        await connection.run(END, lost.backend.pid, lost.backend.startedAt);
        return (await commitsOf(connection, signature.writerId)) === signature.number;
      } finally {
        await connection.close();
      }
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      if (performance.now() > giveUpAtMs) {
        const what = "The connection to PostgreSQL ended during a commit, and what became of it could not be asked";
        throw new OutcomeUnknown(`${what}: ${error.message}`, null, { cause: error });
      }
    }
    await new Promise((resolve) => setTimeout(resolve, backoff.nextDelayMs()));
  }
}

/** Writers that take turns: no more rows than transactions at once. */
export class Signatories {
  readonly #free: Signature[] = [];
  readonly #all: string[] = [];

  /** The next signature of one who is free. */
  take(): Signature {
    const free = this.#free.pop();
    if (free) return { ...free, number: free.number + 1 };
    const writerId = randomUUID();
    this.#all.push(writerId);
    return { writerId, number: 1 };
  }

  /** His transaction has ended; whether it was stored or not, its number is not given again. */
  giveBack(signature: Signature): void {
    this.#free.push(signature);
  }

  /** All that were made. */
  get ids(): readonly string[] {
    return this.#all;
  }
}
