/** One step of a longer command: said before it runs, with its own output, and the time it took. */
import { spawnSync } from "node:child_process";

export interface Step {
  name: string;
  /** Found in `node_modules/.bin` first: npm puts it in front of PATH. */
  command: string;
  args: readonly string[];
}

/** True when it ended with exit code 0. */
export function runStep(step: Step): boolean {
  console.log(`\n── ${step.name}`);
  const startedMs = performance.now();
  const ended = spawnSync(step.command, step.args, { stdio: ["ignore", "inherit", "inherit"] });
  if (ended.error) console.log(`${step.command}: ${ended.error.message}`);
  const tookS = ((performance.now() - startedMs) / 1000).toFixed(1);
  const good = ended.status === 0;
  console.log(`── ${step.name}: ${good ? "good" : "FAILED"} (${tookS} s)`);
  return good;
}
