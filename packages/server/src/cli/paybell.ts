#!/usr/bin/env node
/** The entry: gives the program the real world. */
import { readFileSync } from "node:fs";
import pc from "picocolors";
import { runProgram } from "./program.ts";

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
  },
  manifest.version,
);
// A running server keeps the process alive; everything else is done.
process.exitCode = exitCode;
