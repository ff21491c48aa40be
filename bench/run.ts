/**
 * `npm run bench [-- name …]`: runs the scenarios of that name, or all, and prints ratios.
 *
 *   --list             what there is
 *   --small            tiny sizes, to see that everything works; never recorded
 *   --set name=value   another size, e.g. --set clients=5000 --set rounds=9
 *   --record           puts the results into RESULTS.md (on a quiet machine)
 *   --label text       records beside the plain results instead of in their place, e.g. `before`
 */
import { parseArgs } from "node:util";
import { pinProcess } from "./cores.ts";
import { loadNow, machineFacts, QUIET_LOAD_MAX } from "./machine.ts";
import { type Report, recordReport, table } from "./report.ts";
import { runRounds } from "./rounds.ts";
import type { Scenario, Size } from "./scenario.ts";
import { SCENARIOS } from "./scenarios/all.ts";

const { values: options, positionals: names } = parseArgs({
  allowPositionals: true,
  options: {
    list: { type: "boolean", default: false },
    small: { type: "boolean", default: false },
    record: { type: "boolean", default: false },
    set: { type: "string", multiple: true, default: [] },
    label: { type: "string" },
  },
});

if (options.list) {
  for (const { name, title } of SCENARIOS) console.log(`${name.padEnd(24)} ${title}`);
} else {
  process.exitCode = await main();
}

async function main(): Promise<number> {
  const chosen = choose(names);
  pinProcess("generator", process.pid);
  const facts = machineFacts();
  console.log(facts.join("\n"));
  const failed: string[] = [];
  for (const scenario of chosen) {
    try {
      await measure(scenario, facts);
    } catch (error) {
      failed.push(scenario.name);
      console.error(`${scenario.name} gave no figure: ${error instanceof Error ? error.stack : String(error)}`);
    }
  }
  if (failed.length > 0) console.error(`\nFailed: ${failed.join(", ")}`);
  return failed.length === 0 ? 0 : 1;
}

async function measure(scenario: Scenario, facts: readonly string[]): Promise<void> {
  const size = sizeOf(scenario);
  const loadBefore = loadNow();
  console.log(`\n── ${scenario.name}: ${scenario.title} (${JSON.stringify(size)})`);
  if (loadBefore > QUIET_LOAD_MAX)
    console.log(`The machine is not quiet (load ${loadBefore.toFixed(2)}): compare nothing.`);
  const plan = await scenario.plan(size);
  try {
    const results = await runRounds(plan, size.rounds, (line) => console.log(line));
    const report: Report = {
      scenario,
      label: options.label ?? null,
      command: ["npm run bench --", scenario.name, ...options.set.flatMap((setting) => ["--set", setting])].join(" "),
      at: new Date(),
      facts,
      loadBefore,
      results,
    };
    console.log(`\n${table(report)}`);
    if (options.record && !options.small) recordReport(report);
  } finally {
    await plan.dispose?.();
  }
}

function choose(wanted: readonly string[]): readonly Scenario[] {
  if (wanted.length === 0) return SCENARIOS;
  return wanted.map((name) => {
    const found = SCENARIOS.find((scenario) => scenario.name === name);
    if (!found) throw new Error(`There is no scenario ${name}; see npm run bench -- --list`);
    return found;
  });
}

function sizeOf(scenario: Scenario): Size {
  const size: Record<string, number> & { rounds: number } = { ...(options.small ? scenario.small : scenario.size) };
  for (const setting of options.set) {
    const [name = "", text = ""] = setting.split("=");
    const value = Number(text);
    if (!(name in size)) throw new Error(`${scenario.name} has no size ${name}, only ${Object.keys(size).join(", ")}`);
    if (!Number.isInteger(value) || value < 0) throw new Error(`--set ${setting}: not a whole number`);
    size[name] = value;
  }
  return size;
}
