/**
 * Why SQLite runs in two worker threads: `node --conditions=@paybell/source bench/sqlite-worker.ts`, about 15 s.
 * Compares the store as it is with the same statements on the main thread. Figures: docs/decisions/0001.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import type { EventLog } from "../packages/server/src/log/event-log.ts";
import { Connection } from "../packages/server/src/storage/sqlite/connection.ts";
import { SqliteDatabase } from "../packages/server/src/storage/sqlite/database.ts";
import { SqliteEventLog } from "../packages/server/src/storage/sqlite/event-log.ts";
import { callToWire } from "../packages/server/src/storage/sqlite/wire.ts";
import { commit } from "../packages/server/src/storage/sqlite/writing/commit.ts";
import { writes } from "../packages/server/src/storage/sqlite/writing/writes.ts";
import { creation, samplePayment } from "../packages/server/testkit/storing/samples.ts";

const LOAD_MS = 3_000;
const CALLERS = 64;
const STALL_MS = 500;
const REPLAYS = 4;
const PAGE = 500;

const milliseconds = (nanoseconds: number) => (nanoseconds / 1e6).toFixed(1);
const fail = (error: unknown): never => {
  throw error;
};

/** Runs `work` and says how late the event loop was meanwhile. */
async function withLoopDelay(name: string, work: () => Promise<string>): Promise<void> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const said = await work();
  delay.disable();
  const [p50, p99, max] = [delay.percentile(50), delay.percentile(99), delay.max].map(milliseconds);
  console.log(`${name.padEnd(34)} ${said}; event loop late by p50 ${p50} ms, p99 ${p99} ms, at most ${max} ms`);
}

/** The store as it is, or the same commits where the sockets are. */
interface Store {
  append(): Promise<unknown>;
}

function onMainThread(file: string): Store {
  const connection = Connection.openWriter(file);
  let waiting: (() => void)[] = [];
  const run = () => {
    const calls = waiting;
    waiting = [];
    const jobs = calls.map(() => ({
      kind: "append" as const,
      calls: [callToWire({ commands: [creation(samplePayment())], progress: null })],
    }));
    commit(connection, "bench", writes, jobs);
    for (const call of calls) call();
  };
  return {
    append: () =>
      new Promise<void>((resolve) => {
        if (waiting.push(resolve) === 1) setImmediate(run);
      }),
  };
}

async function load(store: Store): Promise<string> {
  const until = performance.now() + LOAD_MS;
  const latencies: number[] = [];
  const caller = async () => {
    while (performance.now() < until) {
      const from = performance.now();
      await store.append();
      latencies.push(performance.now() - from);
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
  latencies.sort((a, b) => a - b);
  const [p50, p99] = [0.5, 0.99].map((part) => (latencies[Math.floor(latencies.length * part)] ?? 0).toFixed(1));
  return `${Math.round(latencies.length / (LOAD_MS / 1_000))} appends/s, answered after p50 ${p50} ms, p99 ${p99} ms`;
}

/** Another connection has the write lock, as while a disk does not answer. */
async function stalled(file: string, store: Store): Promise<string> {
  const code = `
    const { DatabaseSync } = require("node:sqlite");
    const { parentPort, workerData } = require("node:worker_threads");
    const database = new DatabaseSync(workerData);
    database.exec("BEGIN IMMEDIATE");
    parentPort.postMessage("held");
    setTimeout(() => { database.exec("ROLLBACK"); database.close(); }, ${STALL_MS});`;
  const holder = new Worker(code, { eval: true, workerData: file });
  await new Promise((resolve) => holder.once("message", resolve));
  await store.append();
  await sleep(10);
  return `one commit held up for ${STALL_MS} ms`;
}

/** Clients that catch up from the beginning, one page after the other, while the load runs. */
async function replaying(log: EventLog): Promise<string> {
  let pages = 0;
  let running = true;
  const replay = async () => {
    for (let offset = 0; running; pages += 1) {
      const page = await log.readAfter(offset, { limit: PAGE });
      offset = page.next === page.head ? 0 : page.next;
    }
  };
  const replays = Array.from({ length: REPLAYS }, replay);
  const said = await load({ append: () => log.append([creation(samplePayment())]) });
  running = false;
  await Promise.all(replays);
  return `${said}, beside ${Math.round(pages / (LOAD_MS / 1_000))} pages/s of ${PAGE} records`;
}

/** How long one page takes: what a commit would wait for it in the same thread. */
async function pageDuration(log: EventLog): Promise<string> {
  const from = performance.now();
  for (let read = 0; read < 50; read += 1) await log.readAfter((read % 10) * PAGE, { limit: PAGE });
  return `${((performance.now() - from) / 50).toFixed(1)} ms`;
}

const dataDir = mkdtempSync(join(tmpdir(), "paybell-bench-"));
const file = join(dataDir, "paybell.db");
const database = await SqliteDatabase.open({
  dataDir,
  mode: "sandbox",
  exclusive: false,
  pendingCommands: 10_000,
  onFatal: fail,
  onListenerError: fail,
});
const log = new SqliteEventLog(database);
const threads: Store = { append: () => log.append([creation(samplePayment())]) };
const main = onMainThread(file);
console.log(`Node ${process.version}, SQLite ${process.versions.sqlite}, ${CALLERS} callers, WAL, synchronous=FULL`);
await withLoopDelay("worker threads", () => load(threads));
await withLoopDelay("main thread", () => load(main));
await withLoopDelay("worker threads, stalled disk", () => stalled(file, threads));
await withLoopDelay("main thread, stalled disk", () => stalled(file, main));
await withLoopDelay(`worker threads, ${REPLAYS} replays`, () => replaying(log));
console.log(`one page of ${PAGE} records takes ${await pageDuration(log)} with its way between the threads`);
await database.close();
rmSync(dataDir, { recursive: true });
