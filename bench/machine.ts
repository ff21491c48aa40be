/** Where and with what it was measured: a figure without these is a rumour. */
import { execFileSync } from "node:child_process";
import { closeSync, fdatasyncSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { createRequire } from "node:module";
import { cpus, loadavg, release, tmpdir, totalmem } from "node:os";
import { dirname, join } from "node:path";
import { compilerVersion } from "./compile.ts";
import { CORES } from "./cores.ts";
import { spread } from "./statistics.ts";

/** Load above which other work is likely to be in the figures. */
export const QUIET_LOAD_MAX = 0.5;

export const loadNow = (): number => loadavg()[0] ?? 0;

/** Lines `name: value`. */
export function machineFacts(): readonly string[] {
  const [processor] = cpus();
  const pinning =
    CORES === null ? "not pinned" : `server on core ${CORES.server}, generators on core ${CORES.generator}`;
  return [
    `Machine: ${processor?.model.trim()}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}; ${pinning}`,
    `Versions: Paybell ${commit()}, Node ${process.version}, SQLite ${process.versions.sqlite}, ws ${version("ws")}, Socket.IO ${version("socket.io")}, Express ${version("express")}, ${compilerVersion()} -O2`,
    `Disk: one 4 kB write with fdatasync takes ${Math.round(syncUs())} µs (median of 200) in the directory of the database`,
  ];
}

function commit(): string {
  const git = (...args: string[]) => execFileSync("git", args, { encoding: "utf8" }).trim();
  const changed = git("status", "--porcelain", "--", "packages") === "" ? "" : " with uncommitted changes";
  return `${git("rev-parse", "--short", "HEAD")}${changed}`;
}

function version(name: string): string {
  let directory = dirname(createRequire(import.meta.url).resolve(name));
  for (;;) {
    try {
      const found = JSON.parse(readFileSync(join(directory, "package.json"), "utf8")) as {
        name?: string;
        version?: string;
      };
      if (found.name === name && found.version) return found.version;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
    const parent = dirname(directory);
    if (parent === directory) throw new Error(`The version of ${name} was not found.`);
    directory = parent;
  }
}

function syncUs(): number {
  const directory = mkdtempSync(join(tmpdir(), "paybell-bench-sync-"));
  const file = openSync(join(directory, "file"), "w");
  try {
    const page = Buffer.alloc(4_096, 1);
    const times = Array.from({ length: 200 }, () => {
      const started = performance.now();
      writeSync(file, page);
      fdatasyncSync(file);
      return (performance.now() - started) * 1_000;
    });
    return spread(times).median;
  } finally {
    closeSync(file);
    rmSync(directory, { recursive: true });
  }
}
