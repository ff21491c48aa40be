/**
 * The programs that the tests need and npm does not bring: one row each. `npm test` finds them or, as root on Debian,
 * installs them; a test finds the same one through `findProgram`.
 */
import { spawnSync } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";

export interface Program {
  name: string;
  /** What cannot be tested without it. */
  neededFor: string;
  /** Names it, and then nothing else is looked for. */
  environmentVariable: string;
  /** Looked for in this order: names on PATH, or absolute paths. */
  candidates: readonly string[];
  /** Arguments that make it end at once with exit code 0 when it works at all. */
  probe: readonly string[];
  debianPackages: readonly string[];
  /** For a person whose machine is no Debian, or who is not root. */
  howToInstall: string;
}

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
} as const satisfies Record<string, Program>;

export type ProgramName = keyof typeof PROGRAMS;

export type Found = { path: string } | { path: null; reason: string };

const PROBE_TIMEOUT_MS = 30_000;

/** Where the program is, and that it runs; or why it was not found. */
export function findProgram(program: Program, env: NodeJS.ProcessEnv = process.env): Found {
  const named = env[program.environmentVariable];
  if (named) {
    if (answers(named, program.probe)) return { path: named };
    return { path: null, reason: `${program.environmentVariable} names ${named}, which does not run` };
  }
  const tried: string[] = [];
  for (const candidate of program.candidates) {
    const path = locate(candidate, env.PATH ?? "");
    if (path === null) continue;
    if (answers(path, program.probe)) return { path };
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
function answers(path: string, probe: readonly string[]): boolean {
  return spawnSync(path, probe, { stdio: "ignore", timeout: PROBE_TIMEOUT_MS }).status === 0;
}
