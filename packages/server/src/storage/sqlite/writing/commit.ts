/** One commit for the jobs of many callers. Each job is all or nothing and cannot undo another. */
import type { WatcherProgress } from "../../../log/event-log.ts";
import type { Stored } from "../../records.ts";
import type { Connection } from "../connection.ts";
import { mapPacked } from "../packed.ts";
import { attempt, fromWire, type Operations, type Outcome } from "../rpc.ts";
import type { WireCall, WireCommand } from "../wire.ts";
import { appendCommand } from "./append.ts";

/** What one caller wants in the next commit. */
export type Job =
  | { kind: "append"; calls: readonly WireCall[] }
  | { kind: "write"; name: string; args: readonly unknown[] };

/** Commands in it; a write beside the log counts as one. */
export function sizeOf(job: Job): number {
  if (job.kind === "write") return 1;
  return Math.max(
    1,
    job.calls.reduce((sum, { commands }) => sum + commands.length, 0),
  );
}

/** What an append gives for each of its calls. */
export type StoredCall = Outcome<readonly Stored[]>;

export interface Transaction {
  connection: Connection;
  epoch: string;
  /** The offset of the newest record, as of now in this transaction. */
  head: number;
  /** Each step can be undone alone. To keep what undoes it costs a fifth of what is written, and hardly any step is ever
   * undone: a commit is tried without, and done again with savepoints where a step must be undone. */
  savepoints: boolean;
}

/** A step of a transaction without savepoints must be undone. */
class NeedsSavepoints extends Error {
  override readonly name = "NeedsSavepoints";
}

/** It could be stored, and was not, because another one of its call could not. */
const NOT_KEPT: Stored = { ok: false, reason: "conflict" };

/** Results in the order of the jobs; throws when nothing at all was written. */
export function commit(
  connection: Connection,
  epoch: string,
  writes: Operations,
  jobs: readonly Job[],
): readonly Outcome<unknown>[] {
  try {
    return commitJobs(connection, epoch, writes, jobs, false);
  } catch (error) {
    if (!(error instanceof NeedsSavepoints)) throw error;
    return commitJobs(connection, epoch, writes, jobs, true);
  }
}

function commitJobs(
  connection: Connection,
  epoch: string,
  writes: Operations,
  jobs: readonly Job[],
  savepoints: boolean,
): readonly Outcome<unknown>[] {
  connection.run("BEGIN IMMEDIATE");
  try {
    const before = connection.get<{ head: number }>("SELECT head FROM meta")?.head ?? 0;
    const transaction: Transaction = { connection, epoch, head: before, savepoints };
    const outcomes = mapPacked(jobs, (job) => attemptJob(transaction, writes, job));
    if (transaction.head !== before) connection.run("UPDATE meta SET head = ?", transaction.head);
    connection.run("COMMIT");
    return outcomes;
  } catch (error) {
    if (connection.inTransaction) connection.run("ROLLBACK");
    throw error;
  }
}

function attemptJob(transaction: Transaction, writes: Operations, job: Job): Outcome<unknown> {
  if (job.kind === "append") return { ok: true, value: appendCalls(transaction, job.calls) };
  return attemptWrite(transaction, () => {
    const write = writes[job.name];
    if (!write) throw new Error(`There is no write operation "${job.name}".`);
    return inSavepoint(transaction, () => ({ keep: true, value: write(transaction.connection, ...job.args) }));
  });
}

/** A full disk or an I/O error may have rolled back everything: then no job of this commit was written. */
function attemptWrite<T>(transaction: Transaction, work: () => T): Outcome<T> {
  const outcome = attempt(work);
  if (outcome.ok) return outcome;
  if (!transaction.savepoints) throw new NeedsSavepoints();
  if (!transaction.connection.inTransaction) throw fromWire(outcome.error);
  return outcome;
}

function appendCalls(transaction: Transaction, calls: readonly WireCall[]): readonly StoredCall[] {
  const undone = new Set<string>();
  return mapPacked(calls, (call) => {
    const outcome = attemptWrite(transaction, () => appendCall(transaction, call, undone));
    if (!outcome.ok) for (const command of call.commands) noteUndone(command, undone);
    return outcome;
  });
}

function appendCall(transaction: Transaction, call: WireCall, undone: Set<string>): readonly Stored[] {
  const { commands, progress, allOrNone } = call;
  // A command has a savepoint of its own; where it is all that the call wants, that one is enough.
  if (commands.length === 1 && !progress) return [tryCommand(transaction, commands[0] as WireCommand, undone)];
  return inSavepoint(transaction, () => {
    const value = mapPacked(commands, (command) => tryCommand(transaction, command, undone));
    const isWhole = value.every((result) => result.ok);
    if (progress && isWhole) storeProgress(transaction.connection, progress);
    if (isWhole || !allOrNone) return { keep: true, value };
    for (const command of commands) noteUndone(command, undone);
    return { keep: false, value: value.map((result) => (result.ok ? NOT_KEPT : result)) };
  });
}

function tryCommand(transaction: Transaction, command: WireCommand, undone: Set<string>): Stored {
  if (command.kind === "payment" && undone.has(command.id)) return { ok: false, reason: "conflict" };
  const stored = inSavepoint(transaction, () => {
    const value = appendCommand(transaction, command);
    return { keep: value.ok, value };
  });
  if (!stored.ok) noteUndone(command, undone);
  return stored;
}

/** What was decided after this command rests on what is not there. */
function noteUndone(command: WireCommand, undone: Set<string>): void {
  if (command.kind === "payment") undone.add(command.id);
}

/** Keeps what `work` wrote only if it says so; undoes it when it throws. */
function inSavepoint<T>(transaction: Transaction, work: () => { keep: boolean; value: T }): T {
  const { connection, head } = transaction;
  if (!transaction.savepoints) {
    const { keep, value } = work();
    if (!keep) throw new NeedsSavepoints();
    return value;
  }
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
