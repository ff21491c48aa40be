/** `npm run check`: format, lint, types and tidy. All are run even when one fails; exit code 1 if any did. */
import { runStep, type Step } from "./step.ts";

const CHECKS: readonly Step[] = [
  { name: "format and lint (biome)", command: "biome", args: ["ci"] },
  { name: "types (tsc)", command: "tsc", args: ["--noEmit", "-p", "."] },
  { name: "tidy", command: "node", args: ["tools/tidy/run.ts"] },
];

/** The names of the checks that failed. */
export function check(): string[] {
  return CHECKS.filter((step) => !runStep(step)).map((step) => step.name);
}

if (import.meta.main) {
  const failed = check();
  console.log(failed.length === 0 ? "check: all good" : `check: failed: ${failed.join(", ")}`);
  process.exitCode = failed.length === 0 ? 0 : 1;
}
