/** One commit for the jobs of many callers. Each job is all or nothing and cannot undo another. */
import type { AppendCommand, AppendResult, WatcherProgress } from "../../../log/event-log.ts";
import type { Connection } from "../connection.ts";
import { attempt, fromWire, type Operations, type Outcome } from "../rpc.ts";
import { appendCommand } from "./append.ts";

/** What one caller wants in the next commit. */
export type Job =
  | { kind: "append"; commands: readonly AppendCommand[]; progress: WatcherProgress | null }
  | { kind: "write"; name: string; args: readonly unknown[] };

/** For each command of an append: where its records are, or why there are none. */
export type Stored = { ok: true; firstOffset: number; count: number } | Exclude<AppendResult, { ok: true }>;

export interface Transaction {
  connection: Connection;
  epoch: string;
  /** The offset of the newest record, as of now in this transaction. */
  head: number;
}

/** Results in the order of the jobs; throws when nothing at all was written. */
export function commit(
  connection: Connection,
  epoch: string,
  writes: Operations,
  jobs: readonly Job[],
): readonly Outcome<unknown>[] {
  connection.run("BEGIN IMMEDIATE");
  try {
    const before = connection.get<{ head: number }>("SELECT head FROM meta")?.head ?? 0;
    const transaction: Transaction = { connection, epoch, head: before };
    const outcomes = jobs.map((job) => attemptJob(transaction, writes, job));
    if (transaction.head !== before) connection.run("UPDATE meta SET head = ?", transaction.head);
    connection.run("COMMIT");
    return outcomes;
  } catch (error) {
    if (connection.inTransaction) connection.run("ROLLBACK");
    throw error;
  }
}

function attemptJob(transaction: Transaction, writes: Operations, job: Job): Outcome<unknown> {
  // A command has a savepoint of its own; where it is all that the job wants, that one is enough.
  const isOneCommand = job.kind === "append" && job.commands.length === 1 && job.progress === null;
  const outcome = attempt(() =>
    isOneCommand
      ? perform(transaction, writes, job)
      : inSavepoint(transaction, () => ({ keep: true, value: perform(transaction, writes, job) })),
  );
  // A full disk or an I/O error may have rolled back everything: then no job of this commit was written.
  if (!outcome.ok && !transaction.connection.inTransaction) throw fromWire(outcome.error);
  return outcome;
}

function perform(transaction: Transaction, writes: Operations, job: Job): unknown {
  if (job.kind === "append") return append(transaction, job.commands, job.progress);
  const write = writes[job.name];
  if (!write) throw new Error(`There is no write operation "${job.name}".`);
  return write(transaction.connection, ...job.args);
}

function append(
  transaction: Transaction,
  commands: readonly AppendCommand[],
  progress: WatcherProgress | null,
): readonly Stored[] {
  const results = commands.map((command) =>
    inSavepoint(transaction, () => {
      const value = appendCommand(transaction, command);
      return { keep: value.ok, value };
    }),
  );
  if (progress && results.every((result) => result.ok)) storeProgress(transaction.connection, progress);
  return results;
}

/** Keeps what `work` wrote only if it says so; undoes it when it throws. */
function inSavepoint<T>(transaction: Transaction, work: () => { keep: boolean; value: T }): T {
  const { connection, head } = transaction;
  connection.run("SAVEPOINT step");
  let keep = false;
  try {
    const result = work();
    keep = result.keep;
    return result.value;
  } finally {
    if (connection.inTransaction) {
      if (!keep) {
        connection.run("ROLLBACK TO step");
        transaction.head = head;
      }
      connection.run("RELEASE step");
    }
  }
}

function storeProgress(connection: Connection, progress: WatcherProgress): void {
  connection.run(
    `INSERT INTO watcher_progress (chain, cursor, head_height, watched_until_ms) VALUES (?, ?, ?, ?)
     ON CONFLICT (chain) DO UPDATE SET cursor = excluded.cursor, head_height = excluded.head_height,
       watched_until_ms = excluded.watched_until_ms`,
    progress.chain,
    JSON.stringify(progress.cursor ?? null),
    progress.headHeight,
    progress.watchedUntilMs,
  );
}
