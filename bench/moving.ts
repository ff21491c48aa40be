/**
 * What an export and an import cost: `node --conditions=@paybell/source bench/moving.ts [records]`, 100,000 by default.
 *
 * A log of payments with five records and three transfers each is moved SQLite → PostgreSQL → SQLite, each step by
 * `paybell export` or `import` as a process of its own: seconds from its start to its end, peak memory of the process as the
 * operating system counts it, and the size of the file.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startPostgres } from "../packages/server/testkit/postgres.ts";
import { openSqlite, storesOn } from "../packages/server/testkit/sqlite-home.ts";
import {
  change,
  creation,
  recordsIn,
  samplePayment,
  sampleTransfer,
} from "../packages/server/testkit/storing/samples.ts";

const RECORDS = Number(process.argv[2] ?? 100_000);
const RECORDS_PER_PAYMENT = 5;
const PAYMENTS_AT_ONCE = 100;
const CLI = fileURLToPath(new URL("../packages/server/src/cli/paybell.ts", import.meta.url));
const POLL_MS = 20;

async function fillLog(dataDir: string): Promise<void> {
  const { log, merchants, close } = storesOn(await openSqlite(dataDir));
  await merchants.createMerchant({ id: "merchant", name: "Shop", createdAtMs: 1, xpubs: {} });
  const onePayment = async () => {
    let { payment } = creation(samplePayment({ metadata: { order: "A-1042", note: "as a shop would have it" } }));
    recordsIn(await log.append([creation(payment)]));
    for (let records = 1; records < RECORDS_PER_PAYMENT; records += 1) {
      const transfers = records < RECORDS_PER_PAYMENT - 1 ? [sampleTransfer(payment)] : [];
      const next = change(payment, {}, { transfers });
      recordsIn(await log.append([next]));
      payment = next.payment;
    }
  };
  for (let made = 0; made < RECORDS; made += RECORDS_PER_PAYMENT * PAYMENTS_AT_ONCE) {
    await Promise.all(Array.from({ length: PAYMENTS_AT_ONCE }, onePayment));
  }
  await close();
}

interface Figure {
  seconds: number;
  peakMib: number;
}

/** Peak resident memory so far, KiB; Linux alone says it. */
function peakKib(pid: number): number {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
  } catch {
    // It has just ended.
    return 0;
  }
}

async function run(environment: Record<string, string>, ...args: string[]): Promise<Figure> {
  const startedMs = performance.now();
  const child = spawn(process.execPath, ["--conditions=@paybell/source", CLI, ...args], {
    env: { ...process.env, ...environment },
    stdio: ["ignore", "ignore", "inherit"],
  });
  let peak = 0;
  const watch = setInterval(() => {
    peak = Math.max(peak, peakKib(child.pid ?? 0));
  }, POLL_MS);
  const [code] = (await once(child, "close")) as [number | null];
  clearInterval(watch);
  if (code !== 0) throw new Error(`paybell ${args.join(" ")} ended with ${code}.`);
  return { seconds: (performance.now() - startedMs) / 1_000, peakMib: peak / 1_024 };
}

const directory = await mkdtemp(join(tmpdir(), "paybell-bench-moving-"));
const postgres = await startPostgres();
try {
  const from = { PAYBELL_DATA_DIR: join(directory, "from") };
  const between = { PAYBELL_DATABASE_URL: await postgres.createDatabase() };
  const to = { PAYBELL_DATA_DIR: join(directory, "to") };
  await fillLog(from.PAYBELL_DATA_DIR);
  const files = ["first.jsonl", "second.jsonl", "third.jsonl.gz"].map((name) => join(directory, name));
  const [first, second, packed] = files as [string, string, string];
  const figures: [string, Figure][] = [
    ["export from SQLite", await run(from, "export", "--out", first)],
    ["import into PostgreSQL", await run(between, "import", "--in", first)],
    ["export from PostgreSQL", await run(between, "export", "--out", second)],
    ["import into SQLite", await run(to, "import", "--in", second)],
    ["export from SQLite, compressed", await run(from, "export", "--out", packed)],
  ];
  console.log(`\n${RECORDS} records, ${RECORDS / RECORDS_PER_PAYMENT} payments`);
  for (const [what, { seconds, peakMib }] of figures) {
    console.log(`${what.padEnd(32)} ${seconds.toFixed(1).padStart(7)} s ${peakMib.toFixed(0).padStart(6)} MiB at most`);
  }
  const mib = (file: string) => (statSync(file).size / 1_048_576).toFixed(1);
  console.log(`file ${mib(first)} MiB, compressed ${mib(packed)} MiB`);
} finally {
  await postgres.stop();
  await rm(directory, { recursive: true });
}
