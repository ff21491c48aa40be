#!/usr/bin/env node
/** The entry: gives the program the real world. */
import { readFileSync } from "node:fs";
import { enableCompileCache, flushCompileCache } from "node:module";
import pc from "picocolors";

// Compiled once, not at every start: hence the program is imported only now.
enableCompileCache();
const { runProgram } = await import("./program.ts");

const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  version: string;
};

const exitCode = await runProgram(
  process.argv.slice(2),
  {
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
    environment: process.env,
    cwd: process.cwd(),
    colours: process.stdout.isTTY === true && pc.isColorSupported,
    get input() {
      return process.stdin.isTTY ? undefined : process.stdin;
    },
    get output() {
      return process.stdout.isTTY ? undefined : process.stdout;
    },
  },
  manifest.version,
);
// Not left to the end of the process: a server may be killed.
flushCompileCache();
// A running server keeps the process alive; everything else is done.
process.exitCode = exitCode;
