/** The data directory and the database in it; nothing is changed, and a running server goes on undisturbed. */
import { constants, existsSync, statSync } from "node:fs";
import { access, statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Config } from "../../config/config.ts";
import { messageOf } from "../../kit/errors.ts";
import { StartupError } from "../../kit/startup-error.ts";
import { commitTimeMs, type Inspection, inspectDatabase } from "../../storage/sqlite/inspect.ts";
import { broken, type Finding, ok, skipped, warning } from "./finding.ts";

const MIB = 1_024 * 1_024;
const SCARCE_MIB = 1_024;
const TOO_LITTLE_MIB = 100;
/** A commit that takes longer holds up every answer. */
const SLOW_COMMIT_MS = 50;
/** Below a running server a larger file is not read as a whole: its WAL could only grow meanwhile. */
const THOROUGH_WHILE_RUNNING_MIB = 256;

/** Can everything be written that the server writes, and is it durable? */
export async function directoryFindings({ dataDir }: Config): Promise<Finding[]> {
  const what = "data directory";
  const exists = existsSync(dataDir);
  const nearest = exists ? dataDir : nearestExisting(dataDir);
  try {
    await access(nearest, constants.W_OK | constants.X_OK);
  } catch {
    // Only whether it may is asked here; there is one reason.
    return [broken(what, `${nearest} cannot be written.`, `Give this user the right to, or set PAYBELL_DATA_DIR.`)];
  }
  const space = await spaceFinding(nearest);
  if (!exists) return [ok(what, `${dataDir} is not there yet; the first start makes it`), space];
  return [ok(what, dataDir), durabilityFinding(dataDir), space];
}

function nearestExisting(path: string): string {
  return existsSync(path) ? path : nearestExisting(dirname(path));
}

function durabilityFinding(dataDir: string): Finding {
  const what = "durability";
  try {
    const ms = commitTimeMs(dataDir);
    const found = `WAL and synchronous=FULL hold; a commit takes ${ms.toFixed(1)} ms`;
    if (ms < SLOW_COMMIT_MS) return ok(what, found);
    return warning(what, `${found}, which holds up every answer.`, "Put the data directory on a faster disk.");
  } catch (error) {
    if (error instanceof StartupError) return broken(what, error.message, error.hint);
    return broken(what, messageOf(error), "Is the disk full, or the file system read-only?");
  }
}

async function spaceFinding(path: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(path);
  const freeMib = Math.floor((bavail * bsize) / MIB);
  const found = `${(freeMib / 1_024).toFixed(1)} GiB free`;
  if (freeMib >= SCARCE_MIB) return ok("disk space", found);
  const grade = freeMib >= TOO_LITTLE_MIB ? warning : broken;
  return grade("disk space", `${found}: when it is full nothing can be stored.`, "Make room, or move the directory.");
}

/** @param running process id of the server on this directory, if there is one */
export async function databaseFindings(
  { dataDir, mode }: Config,
  running: string | null,
): Promise<{ findings: Finding[]; inspection: Inspection | null }> {
  const what = "database";
  const file = join(dataDir, "paybell.db");
  if (!existsSync(file)) {
    return { findings: [ok(what, "none yet; the first start makes it")], inspection: null };
  }
  const sizeMib = Math.ceil(statSync(file).size / MIB);
  const thoroughly = running === null || sizeMib <= THOROUGH_WHILE_RUNNING_MIB;
  try {
    const inspection = await inspectDatabase(dataDir, thoroughly);
    return { findings: judge(inspection, mode, running, sizeMib), inspection };
  } catch (error) {
    const finding =
      error instanceof StartupError
        ? broken(what, error.message, error.hint)
        : broken(what, `${file} cannot be read: ${messageOf(error)}.`, "Restore a backup, or move the file away.");
    return { findings: [finding], inspection: null };
  }
}

function judge(inspection: Inspection, mode: Config["mode"], running: string | null, sizeMib: number): Finding[] {
  const { damage, pending, journalMode } = inspection;
  const size = `${sizeMib} MiB, journal ${journalMode}`;
  const findings: Finding[] = [];
  if (damage === null) {
    findings.push(skipped("integrity", `${sizeMib} MiB are not read as a whole while a server runs on them`));
  } else if (damage.length > 0) {
    findings.push(broken("integrity", damage.join("; "), "Stop the server and restore a backup."));
  } else findings.push(ok("integrity", "quick_check found nothing"));
  if (journalMode !== "wal") {
    findings.push(warning("database", `${size}: not WAL, which the next start sets.`));
  }
  if (pending.length > 0) {
    const toDo = running === null ? "paybell migrate, or the next start, does it." : "Stop the running server first.";
    findings.push(warning("database", `${pending.length} migrations to apply (${pending.join(", ")}).`, toDo));
  } else if (inspection.mode !== null && inspection.mode !== mode) {
    const toDo = `Set PAYBELL_MODE=${inspection.mode}, or give the ${mode} server a PAYBELL_DATA_DIR of its own.`;
    findings.push(broken("database", `It was made in ${inspection.mode} mode, not in ${mode}.`, toDo));
  } else findings.push(ok("database", `${mode} mode, ${size}, up to date`));
  return findings;
}
