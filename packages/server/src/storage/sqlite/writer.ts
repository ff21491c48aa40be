/** The writer thread: the only one that changes the database. One commit at a time. */
import { attempt, serve } from "./rpc.ts";
import { type Opened, open, type Started, type StartRequest } from "./start.ts";
import { commit, type Job, sizeOf } from "./writing/commit.ts";
import { writes } from "./writing/writes.ts";

/** Changes (payments, single writes) after which the WAL is moved into the database. Bounds the WAL and the time that a
 * checkpoint takes; a page that changes many times in between is moved once. */
const CHANGES_PER_CHECKPOINT = 2_000;

let opened: Opened | null = null;
let changesInWal = 0;

function current(): Opened {
  if (!opened) throw new Error("The database is not open.");
  return opened;
}

/** One that fails (a full disk) loses nothing: all of it is still in the WAL, and the next one takes it along. A disk that
 * stays full refuses the commits themselves, whose callers hear it. */
function checkpoint(): void {
  changesInWal = 0;
  const failed = attempt(() => opened?.connection.checkpoint());
  if (!failed.ok) changesInWal = CHANGES_PER_CHECKPOINT;
}

const operations = {
  open(request: StartRequest): Started {
    opened = open(request);
    return opened.started;
  },
  commit(jobs: readonly Job[]) {
    const { connection, started } = current();
    const outcomes = commit(connection, started.epoch, writes, jobs);
    for (const job of jobs) changesInWal += sizeOf(job);
    // After the answer has left: nobody waits for it but the next commit.
    if (changesInWal >= CHANGES_PER_CHECKPOINT) queueMicrotask(checkpoint);
    return outcomes;
  },
  close(): void {
    const { connection, held } = current();
    connection.close();
    held?.release();
    opened = null;
  },
};
export type WriterOperations = typeof operations;

serve(operations);
