import { rm } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { CursorExpired } from "../../src/log/event-log.ts";
import { Connection } from "../../src/storage/sqlite/connection.ts";
import { callToWire } from "../../src/storage/sqlite/wire.ts";
import { commit, type Job, type StoredCall } from "../../src/storage/sqlite/writing/commit.ts";
import { writes } from "../../src/storage/sqlite/writing/writes.ts";
import { openSqlite, storesOn, temporaryDir } from "../../testkit/sqlite-home.ts";
import { creation, samplePayment } from "../../testkit/storing/samples.ts";

let dataDir: string;
let file: string;
beforeEach(async () => {
  dataDir = await temporaryDir();
  file = join(dataDir, "paybell.db");
});
afterEach(() => rm(dataDir, { recursive: true }));

const job = (metadata: Record<string, unknown> | null): Job => ({
  kind: "append",
  calls: [callToWire({ commands: [creation(samplePayment({ metadata }))], progress: null })],
});

/** Of each job, or of the only call of an append: was it stored? */
function stored(outcomes: ReturnType<typeof commit>): boolean[] {
  return outcomes.map((outcome) => {
    if (!outcome.ok || !Array.isArray(outcome.value)) return outcome.ok;
    return (outcome.value as StoredCall[]).every((call) => call.ok);
  });
}

const answer = (body: string): Job => ({
  kind: "write",
  name: "storeIdempotentAnswer",
  args: [{ merchantId: "m", key: "k", requestHash: "h", httpStatus: 200, body, atMs: 1 }],
});

/** SQLite takes back the statement that did not fit, or the whole transaction: here the former, because of a trigger. */
test("on a full disk the payment that does not fit fails, and the others of its commit are stored", async () => {
  await (await openSqlite(dataDir)).close();
  const connection = Connection.openWriter(file);
  const write = (...jobs: Job[]) => commit(connection, "epoch", writes, jobs);
  connection.exec(`PRAGMA max_page_count = ${Number(connection.pragma("page_count")) + 20}`);
  const outcomes = write(job(null), job({ text: "x".repeat(1_000_000) }), job(null));
  expect(stored(outcomes)).toEqual([true, false, true]);
  expect(connection.get("SELECT head FROM meta")).toEqual({ head: 2 });
  expect(connection.get("SELECT payments FROM payment_counts")).toEqual({ payments: 2 });
  expect(connection.pragma("integrity_check")).toBe("ok");
  connection.close();
});

test("on a full disk a commit fails as a whole, what was answered before stays, and the next one succeeds", async () => {
  await (await openSqlite(dataDir)).close();
  const connection = Connection.openWriter(file);
  const write = (...jobs: Job[]) => commit(connection, "epoch", writes, jobs);
  const head = () => connection.get<{ head: number }>("SELECT head FROM meta")?.head;
  expect(stored(write(job(null), job(null)))).toEqual([true, true]);
  const pages = Number(connection.pragma("page_count"));
  connection.exec(`PRAGMA max_page_count = ${pages + 20}`);
  const large = answer("x".repeat(1_000_000));
  expect(() => write(job(null), large, job(null))).toThrow("full");
  expect(connection.inTransaction).toBe(false);
  expect(head()).toBe(2);
  expect(connection.get("SELECT count(*) AS n FROM payments")).toEqual({ n: 2 });
  expect(stored(write(job(null)))).toEqual([true]);
  connection.exec(`PRAGMA max_page_count = ${pages + 10_000}`);
  expect(stored(write(large, job(null)))).toEqual([true, true]);
  expect(head()).toBe(4);
  expect(connection.pragma("integrity_check")).toBe("ok");
  connection.close();
});

test("a position behind which records were trimmed has expired; the first that is left can be read", async () => {
  const store = storesOn(await openSqlite(dataDir));
  for (let appended = 0; appended < 5; appended += 1) await store.log.append([creation(samplePayment())]);
  const trimming = new DatabaseSync(file);
  trimming.exec("DELETE FROM log_records WHERE offset <= 3; UPDATE meta SET trimmed_to = 3");
  trimming.close();
  await expect(store.log.readAfter(0, { limit: 5 })).rejects.toBeInstanceOf(CursorExpired);
  await expect(store.log.readAfter(2, { limit: 5 })).rejects.toBeInstanceOf(CursorExpired);
  expect((await store.log.readAfter(3, { limit: 5 })).records.map(({ offset }) => offset)).toEqual([4, 5]);
  await store.close();
});

test("a write under a lease is refused, since nothing here could check it", async () => {
  const store = storesOn(await openSqlite(dataDir));
  const fenced = store.log.append([creation(samplePayment())], null, { lease: "watch bitcoin", token: 1 });
  await expect(fenced).rejects.toThrow("SQLite has no leases");
  expect(await store.log.head()).toBe(0);
  await store.close();
});
