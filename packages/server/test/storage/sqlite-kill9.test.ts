import { rm } from "node:fs/promises";
import { expect, test } from "vitest";
import type { LogRecord } from "../../src/log/event-log.ts";
import { topics } from "../../src/log/topic.ts";
import { seededRandom } from "../../testkit/seeded-random.ts";
import { openSqlite, storesOn, temporaryDir } from "../../testkit/sqlite-home.ts";
import { type Acknowledged, startSqliteProcess } from "../../testkit/sqlite-process.ts";
import type { OpenStore } from "../../testkit/storing/home.ts";

const ROUNDS = 5;
const SEED = 20_260_101;

async function wholeLog({ log }: OpenStore): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  for (let offset = 0; ; ) {
    const page = await log.readAfter(offset, { limit: 1_000 });
    records.push(...page.records);
    offset = page.next;
    if (page.next === page.head) return records;
  }
}

/** What is stored agrees with itself: log, rows and topics tell the same story. */
async function expectConsistent(store: OpenStore, records: readonly LogRecord[]): Promise<void> {
  expect(records.map(({ offset }) => offset)).toEqual(records.map((_, at) => at + 1));
  const byPayment = Map.groupBy(records, ({ paymentId }) => paymentId as string);
  for (const [paymentId, own] of byPayment) {
    expect(own.map(({ sequence }) => sequence)).toEqual(own.map((_, at) => at + 1));
    const snapshot = await store.payments.snapshot(paymentId);
    expect(snapshot?.state.payment.sequence).toBe(own.length);
    expect(snapshot?.state.transfers).toHaveLength(own.length - 1);
    const page = await store.log.readAfter(0, { topics: [topics.payment(paymentId)], limit: 100 });
    expect(page.records).toEqual(own);
  }
}

test("whenever the process is killed, everything that was answered is there, and nothing is half there", async () => {
  const dataDir = await temporaryDir();
  const random = seededRandom(SEED);
  const acknowledged: Acknowledged[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const writer = startSqliteProcess(dataDir, "append");
    await writer.printed(1 + Math.floor(random() * 400));
    await writer.kill9();
    acknowledged.push(...writer.lines.filter((line) => line.endsWith("}")).map((line) => JSON.parse(line)));

    const store = storesOn(await openSqlite(dataDir, { exclusive: true }));
    const records = await wholeLog(store);
    const stored = acknowledged.map(({ offset }) => records[offset - 1]);
    expect(stored.map((record) => [record?.paymentId, record?.sequence])).toEqual(
      acknowledged.map(({ paymentId, sequence }) => [paymentId, sequence]),
    );
    await expectConsistent(store, records);
    await store.close();
  }
  expect(acknowledged.length).toBeGreaterThan(ROUNDS);
  await rm(dataDir, { recursive: true });
}, 60_000);
