/** The C programs, compiled when they are first needed and after each change. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";

const SOURCES = fileURLToPath(new URL("./c/", import.meta.url));
/** Ignored by git, removed with `node_modules`. */
const BINARIES = fileURLToPath(new URL("../node_modules/.cache/paybell-bench/", import.meta.url));
const COMPILER = "cc";
const FLAGS = ["-O2", "-Wall", "-Wextra", "-D_GNU_SOURCE"];

export type Program = "wsload" | "writeloop" | "httpload";

/** The path of the program. Throws with the compiler's words when it cannot be made. */
export function compiled(program: Program): string {
  const binary = `${BINARIES}${program}`;
  if (isFresh(binary)) return binary;
  mkdirSync(BINARIES, { recursive: true });
  execFileSync(COMPILER, [...FLAGS, "-o", binary, `${SOURCES}${program}.c`], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  return binary;
}

/** First line of `cc --version`. */
export function compilerVersion(): string {
  return execFileSync(COMPILER, ["--version"], { encoding: "utf8" }).split("\n")[0] ?? COMPILER;
}

function isFresh(binary: string): boolean {
  const made = statSync(binary, { throwIfNoEntry: false })?.mtimeMs;
  if (made === undefined) return false;
  return readdirSync(SOURCES).every((name) => statSync(`${SOURCES}${name}`).mtimeMs < made);
}
