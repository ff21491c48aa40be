import { rm } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { StorageError } from "../../src/storage/sqlite/rpc.ts";
import { WorkerClient } from "../../src/storage/sqlite/worker-client.ts";
import { openSqlite, storesOn, temporaryDir } from "../../testkit/sqlite-home.ts";
import { creation, recordsIn, samplePayment } from "../../testkit/storing/samples.ts";

let dataDir: string;
beforeEach(async () => {
  dataDir = await temporaryDir();
});
afterEach(() => rm(dataDir, { recursive: true }));

test("what cannot be sent to the writer fails alone; what waited with it is stored", async () => {
  const store = storesOn(await openSqlite(dataDir));
  const commands = [samplePayment(), samplePayment({ metadata: { whole: 1n } }), samplePayment()].map((payment) =>
    creation(payment),
  );
  const settled = await Promise.allSettled(commands.map((command) => store.log.append([command])));
  expect(settled.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(await store.log.head()).toBe(2);
  await store.close();
});

test("closing stores what waits, and refuses what comes after", async () => {
  const database = await openSqlite(dataDir);
  const store = storesOn(database);
  const waiting = Array.from({ length: 50 }, () => store.log.append([creation(samplePayment())]));
  const closed = database.close();
  await expect(store.log.append([creation(samplePayment())])).rejects.toBeInstanceOf(StorageError);
  expect(recordsIn((await Promise.all(waiting)).flat())).toHaveLength(50);
  await closed;
  await expect(store.log.head()).rejects.toBeInstanceOf(StorageError);
  await database.close();
  const again = storesOn(await openSqlite(dataDir));
  expect(await again.log.head()).toBe(50);
  await again.close();
});

test("a listener that throws is reported; the others and the callers hear what they should", async () => {
  const reported: unknown[] = [];
  const store = storesOn(await openSqlite(dataDir, { onListenerError: (error) => reported.push(error) }));
  const mistake = new Error("a listener's mistake");
  const heard: number[] = [];
  store.log.onAppended(() => {
    throw mistake;
  });
  store.log.onAppended((records) => heard.push(...records.map(({ offset }) => offset)));
  expect(recordsIn(await store.log.append([creation(samplePayment())]))).toHaveLength(1);
  expect(heard).toEqual([1]);
  expect(reported).toEqual([mistake]);
  await store.close();
});

test("while a commit hangs, the event loop turns and reads are answered", async () => {
  const store = storesOn(await openSqlite(dataDir));
  const payment = samplePayment();
  await store.log.append([creation(payment)]);
  const slowDisk = new DatabaseSync(join(dataDir, "paybell.db"));
  slowDisk.exec("BEGIN IMMEDIATE");
  let stored = false;
  const hanging = store.log.append([creation(samplePayment())]).then(() => {
    stored = true;
  });
  for (let turn = 0; turn < 20; turn += 1) {
    expect((await store.payments.snapshot(payment.id))?.offset).toBe(1);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(stored).toBe(false);
  slowDisk.exec("ROLLBACK");
  slowDisk.close();
  await hanging;
  expect(await store.log.head()).toBe(2);
  await store.close();
});

test("however many pages are read, the event loop turns between a few of them", async () => {
  const store = storesOn(await openSqlite(dataDir));
  await store.log.append(Array.from({ length: 500 }, () => creation(samplePayment())));
  let pagesInTurn = 0;
  let mostInTurn = 0;
  let turns = 0;
  const count = () => {
    mostInTurn = Math.max(mostInTurn, pagesInTurn);
    pagesInTurn = 0;
    turns += 1;
  };
  let reading = true;
  const turning = (async () => {
    while (reading) {
      await new Promise((resolve) => setImmediate(resolve));
      count();
    }
  })();
  const replay = async () => {
    for (let page = 0; page < 12; page += 1) {
      await store.log.readAfter(0, { limit: 500 });
      pagesInTurn += 1;
    }
  };
  await Promise.all(Array.from({ length: 8 }, replay));
  reading = false;
  await turning;
  expect(mostInTurn).toBeLessThanOrEqual(4);
  expect(turns).toBeGreaterThanOrEqual(12);
  await store.close();
});

const worker = (code: string) => new URL(`data:text/javascript,${encodeURIComponent(code)}`);

test.each([
  ["throws", "throw new Error('the thread broke')", "the thread broke"],
  ["exits", "process.exit(3)", "ended with code 3"],
])("a thread that %s is reported once, and every call rejects, also later ones", async (_how, death, message) => {
  const fatal: Error[] = [];
  const code = `import { parentPort } from "node:worker_threads"; parentPort.on("message", () => { ${death} });`;
  const client = new WorkerClient<{ work: () => void }>("doomed", worker(code), (error) => fatal.push(error));
  const calls = await Promise.allSettled([client.call("work"), client.call("work")]);
  expect(calls.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  await expect(client.call("work")).rejects.toThrow(message);
  expect(fatal.map((error) => error.message)).toEqual([expect.stringContaining(message)]);
  await client.end();
});
