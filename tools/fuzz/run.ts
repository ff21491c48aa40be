/**
 * `npm run fuzz -- --seconds 20`: coverage-guided inputs on every parser that meets the outside, so long on each.
 * `--runs 2000` bounds by number, `--seed 7` repeats, `--only config` takes the parsers whose name contains it.
 * `--targets file.ts` brings other parsers. Exit code 1 with what was found, each with its input. An input on which a
 * parser hangs is found by the main thread, which looks on.
 */
import { setImmediate as turn } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { isMainThread, Worker, workerData } from "node:worker_threads";
import type { Target } from "../../packages/server/testkit/fuzz/target.ts";
import { Coverage } from "./coverage.ts";
import { type Attempt, type Figures, fuzz } from "./fuzz.ts";

/** A parser that takes so long over one input hangs. */
const HANG_MS = 10_000;
const TARGETS_FILE = fileURLToPath(new URL("../../packages/server/testkit/fuzz/targets.ts", import.meta.url));
const LENGTH_AT = 4;
const INPUT_AT = 8;

interface Work {
  seconds: number;
  runs: number;
  seed: number;
  only: string;
  /** URL of the module with the parsers. */
  targets: string;
  /** Number of the input, its length, its bytes: what the main thread shows of an input that hangs. */
  shared: SharedArrayBuffer;
}

async function work({ seconds, runs, seed, only, targets, shared }: Work): Promise<void> {
  const coverage = await Coverage.connect();
  const { TARGETS } = (await import(targets)) as { TARGETS: readonly Target[] };
  const { attempt } = await import("../../packages/server/testkit/fuzz/target.ts");
  const { seededRandom } = await import("../../packages/server/testkit/seeded-random.ts");
  const sources = await coverage.take();
  const now = Buffer.from(shared);
  const watched: Attempt = (target, input) => {
    input.copy(now, INPUT_AT);
    now.writeUInt32LE(input.length, LENGTH_AT);
    Atomics.add(new Int32Array(shared), 0, 1);
    return attempt(target, input);
  };
  console.log(`seed ${seed}`);
  for (const target of TARGETS.filter(({ name }) => name.includes(only))) {
    const bounds = { random: seededRandom(seed), runs, untilMs: performance.now() + seconds * 1_000 };
    report(await fuzz(target, { attempt: watched, coverage, sources }, bounds));
    // What was printed goes its way through the main thread now.
    await turn();
  }
}

function report({ name, runs, read, corpus, executed, of, findings }: Figures): void {
  const kept = `corpus ${corpus}, ${((executed / of) * 100).toFixed(1)} % executed`;
  console.log(`${name}: ${runs} inputs, ${read} read, ${kept}, ${findings.length} findings`);
  for (const finding of findings) console.log(finding);
  if (findings.length > 0) process.exitCode = 1;
}

/** Ends the process when the worker does not come to its next input. */
function lookOn(shared: SharedArrayBuffer): NodeJS.Timeout {
  let seen = -1;
  return setInterval(() => {
    const [trial = 0] = new Int32Array(shared);
    const now = Buffer.from(shared);
    const input = now.subarray(INPUT_AT, INPUT_AT + now.readUInt32LE(LENGTH_AT));
    if (trial === seen && trial > 0) {
      console.log(`hangs at input ${trial}: base64 ${input.toString("base64")}`);
      process.exit(1);
    }
    seen = trial;
  }, HANG_MS);
}

if (isMainThread) {
  const text = { type: "string" } as const;
  const { values } = parseArgs({ options: { seconds: text, runs: text, seed: text, only: text, targets: text } });
  const shared = new SharedArrayBuffer(INPUT_AT + 1_048_576);
  const timer = lookOn(shared);
  const workerData: Work = {
    seconds: Number(values.seconds ?? (values.runs ? Infinity : 20)),
    runs: Number(values.runs ?? Infinity),
    seed: Number(values.seed ?? Date.now() % 1_000_000),
    only: values.only ?? "",
    targets: pathToFileURL(values.targets ?? TARGETS_FILE).href,
    shared,
  };
  const worker = new Worker(new URL(import.meta.url), { workerData });
  worker.once("exit", (code) => {
    clearInterval(timer);
    process.exitCode = code;
  });
} else {
  await work(workerData as Work);
}
