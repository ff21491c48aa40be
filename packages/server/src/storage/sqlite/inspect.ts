/** A look at a data directory from outside: does a server run on it, is its database whole, would a new one be durable? */
import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { Connection } from "./connection.ts";
import { isLocked, lockHolder } from "./exclusive-lock.ts";
import type { Inspection, InspectorOperations } from "./inspector.ts";
import { WorkerClient } from "./worker-client.ts";

export type { Inspection } from "./inspector.ts";

const inspector = new URL(`./inspector${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url);
const SCRATCH_COMMITS = 20;

/** The process id of the server that runs on this directory; `null`: none does. */
export function runningServer(dataDir: string): string | null {
  return isLocked(dataDir) ? lockHolder(dataDir) : null;
}

/**
 * In a thread of its own.
 * @param thoroughly reads the whole file; meanwhile a server's WAL can only grow
 * @throws StartupError; StorageError when it cannot be read, or is no database
 */
export async function inspectDatabase(dataDir: string, thoroughly: boolean): Promise<Inspection> {
  // What ends the thread rejects the call.
  const client = new WorkerClient<InspectorOperations>("sqlite-inspector", inspector, () => undefined);
  try {
    return await client.call("inspect", join(dataDir, "paybell.db"), thoroughly);
  } finally {
    await client.end();
  }
}

/**
 * Does SQLite keep what it acknowledges in this directory (WAL, `synchronous=FULL`), and how long does one commit take?
 * Tried on a file of its own, which is removed.
 * @returns milliseconds, the median
 * @throws StartupError when it does not; what SQLite throws where nothing can be written
 */
export function commitTimeMs(dataDir: string): number {
  const file = join(dataDir, `doctor-${randomBytes(6).toString("hex")}.db`);
  try {
    const connection = Connection.openWriter(file);
    try {
      connection.exec("CREATE TABLE tried (at REAL)");
      const times = Array.from({ length: SCRATCH_COMMITS }, () => {
        const beganAt = performance.now();
        connection.run("INSERT INTO tried VALUES (?)", beganAt);
        return performance.now() - beganAt;
      });
      return times.sort((one, other) => one - other)[SCRATCH_COMMITS / 2] as number;
    } finally {
      connection.close();
    }
  } finally {
    for (const suffix of ["", "-wal", "-shm", "-journal"]) rmSync(file + suffix, { force: true });
  }
}
