/**
 * One server per data directory. The lock is SQLite's own lock on a file of its own: the operating system drops it with
 * the process, so a kill -9 leaves nothing behind that has to be cleaned up. (Not by `flock` or a pid file: Node has no
 * flock, and a pid file survives its process.)
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { StartupError } from "../../kit/startup-error.ts";

/** SQLITE_BUSY: somebody else holds the lock. */
const SQLITE_BUSY = 5;
/** A CLI command may hold the lock for a moment while it migrates. */
const WAIT_MS = 300;

export interface ExclusiveLock {
  release(): void;
}

/** Returns `null` when another process (or another opening in this process) holds it. */
export function tryLock(dataDir: string): ExclusiveLock | null {
  const database = new DatabaseSync(join(dataDir, "paybell.lock"));
  try {
    database.exec(`PRAGMA busy_timeout = ${WAIT_MS}; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE`);
  } catch (error) {
    database.close();
    if (error instanceof Error && "errcode" in error && error.errcode === SQLITE_BUSY) return null;
    throw error;
  }
  // In a file of its own: reading the lock file itself would drop this process's lock on it (POSIX).
  writeFileSync(join(dataDir, "paybell.pid"), `${process.pid}\n`);
  return { release: () => database.close() };
}

/** Does a server run on this directory? Asks without taking the lock or changing anything. */
export function isLocked(dataDir: string): boolean {
  const file = join(dataDir, "paybell.lock");
  if (!existsSync(file)) return false;
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    database.prepare("SELECT 1 FROM sqlite_schema").all();
    return false;
  } catch (error) {
    if (error instanceof Error && "errcode" in error && error.errcode === SQLITE_BUSY) return true;
    throw error;
  } finally {
    database.close();
  }
}

/** @throws StartupError naming the process that has it */
export function lock(dataDir: string): ExclusiveLock {
  const held = tryLock(dataDir);
  if (held) return held;
  throw new StartupError(
    `Another Paybell server (process ${lockHolder(dataDir)}) runs on ${dataDir}.`,
    "Stop it first, or start this one with another PAYBELL_DATA_DIR and PAYBELL_PORT.",
  );
}

/** The process id of the holder, for messages. */
export function lockHolder(dataDir: string): string {
  try {
    return readFileSync(join(dataDir, "paybell.pid"), "utf8").trim() || "unknown";
  } catch {
    // The holder has the lock but has not written its number yet: the message does without.
    return "unknown";
  }
}
