/** The writer thread: the only one that changes the database. One commit at a time. */
import { serve } from "./rpc.ts";
import { type Opened, open, type Started, type StartRequest } from "./start.ts";
import { commit, type Job } from "./writing/commit.ts";
import { writes } from "./writing/writes.ts";

let opened: Opened | null = null;

function current(): Opened {
  if (!opened) throw new Error("The database is not open.");
  return opened;
}

const operations = {
  open(request: StartRequest): Started {
    opened = open(request);
    return opened.started;
  },
  commit(jobs: readonly Job[]) {
    const { connection, started } = current();
    return commit(connection, started.epoch, writes, jobs);
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
