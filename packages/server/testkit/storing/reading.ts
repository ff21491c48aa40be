/** Reading the log: pages, topics, cursors; and snapshots that fit them. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CursorExpired, type LogRecord } from "../../src/log/event-log.ts";
import { type Topic, topics } from "../../src/log/topic.ts";
import type { Payment } from "../../src/payments/payment.ts";
import { type MakeHome, type OpenStore, openForAll } from "./home.ts";
import { change, creation, recordsIn, samplePayment } from "./samples.ts";

const NAMES = ["a", "b", "c", "d"].map((name) => topics.stock(name));

export function testReading(make: MakeHome): void {
  describe("reading", () => {
    const store = openForAll(make);
    testModel(store);
    testCursors(store);
    testWindows(store);
    testSnapshots(store);
  });
}

/** What a page must be, said in the plainest way. */
function expectedPage(all: readonly LogRecord[], offset: number, of: readonly Topic[] | undefined, limit: number) {
  const head = all.length;
  const behind = all.filter((record) => record.offset > offset && (!of || record.topics.some((at) => of.includes(at))));
  const records = behind.slice(0, limit);
  return { records, next: records.length < limit ? head : (records.at(-1)?.offset ?? head), head };
}

function testModel(store: () => OpenStore): void {
  test("any page of any topics is what a list of all records would give", async () => {
    const all: LogRecord[] = [];
    const some = fc.array(fc.subarray(NAMES), { minLength: 1, maxLength: 5 });
    const asked = fc.record({
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      of: fc.option(fc.subarray(NAMES), { nil: undefined }),
      limit: fc.integer({ min: 1, max: 12 }),
    });
    await fc.assert(
      fc.asyncProperty(some, fc.array(asked, { minLength: 1, maxLength: 8 }), async (appended, questions) => {
        const { log } = store();
        const commands = appended.map((named) => creation(samplePayment(), { topics: named }));
        all.push(...recordsIn(await log.append(commands)));
        for (const { at, of, limit } of questions) {
          const offset = Math.round(at * all.length);
          const page = await log.readAfter(offset, of ? { topics: of, limit } : { limit });
          expect(page).toEqual(expectedPage(all, offset, of, limit));
        }
      }),
      { numRuns: 40 },
    );
  });

  test("following `next` gives every record of the topics once, in order", async () => {
    const { log } = store();
    const wanted: LogRecord[] = [];
    for (let round = 0; round < 25; round += 1) {
      const named = [[NAMES[0]], [NAMES[1]], [NAMES[2]], [NAMES[0], NAMES[1]]][round % 4] as Topic[];
      const records = recordsIn(await log.append([creation(samplePayment(), { topics: named })]));
      if (round % 4 !== 2) wanted.push(...records);
    }
    const from = (wanted[0] as LogRecord).offset - 1;
    const read: LogRecord[] = [];
    for (let offset = from; ; ) {
      const page = await log.readAfter(offset, { topics: NAMES.slice(0, 2), limit: 4 });
      read.push(...page.records);
      offset = page.next;
      if (page.next === page.head) break;
    }
    expect(read).toEqual(wanted);
  });

  test("a topic that is named twice at append or at reading gives no record twice", async () => {
    const { log } = store();
    const topic = topics.stock("twice");
    const records = recordsIn(await log.append([creation(samplePayment(), { topics: [topic, topic] })]));
    expect(records[0]?.topics).toEqual([topic]);
    expect((await log.readAfter(0, { topics: [topic, topic], limit: 5 })).records).toEqual(records);
  });
}

function testCursors(store: () => OpenStore): void {
  test("at the end of the log there is nothing to read, and behind it no such place", async () => {
    const { log } = store();
    await log.append([creation(samplePayment())]);
    const head = await log.head();
    expect(await log.readAfter(head, { limit: 5 })).toEqual({ records: [], next: head, head });
    expect(await log.readAfter(0, { topics: [], limit: 5 })).toEqual({ records: [], next: head, head });
    await expect(log.readAfter(head + 1, { limit: 5 })).rejects.toBeInstanceOf(CursorExpired);
    await expect(log.readAfter(head + 1, { topics: NAMES, limit: 5 })).rejects.toBeInstanceOf(CursorExpired);
  });
}

function testWindows(store: () => OpenStore): void {
  test("a window of time begins before its first record of the topic, and holds the newest ones at most", async () => {
    const { log } = store();
    const topic = topics.stock("window");
    const written: LogRecord[] = [];
    for (const atMs of [1_000, 2_000, 3_000, 4_000]) {
      const payment = { ...samplePayment(), createdAtMs: atMs, updatedAtMs: atMs };
      written.push(...recordsIn(await log.append([creation(payment, { topics: [topic] }), creation(samplePayment())])));
    }
    const mine = written.filter((record) => record.topics.includes(topic));
    const inWindow = async (sinceMs: number, limit: number) => {
      const from = await log.offsetSince(topic, sinceMs, limit);
      return (await log.readAfter(from, { topics: [topic], limit: 10 })).records;
    };
    const head = await log.head();
    expect(mine.map(({ atMs }) => atMs)).toEqual([1_000, 2_000, 3_000, 4_000]);
    expect(await inWindow(0, 10)).toEqual(mine);
    expect(await inWindow(2_500, 10)).toEqual(mine.slice(2));
    expect(await inWindow(3_000, 10)).toEqual(mine.slice(2));
    expect(await inWindow(0, 3)).toEqual(mine.slice(1));
    expect(await log.offsetSince(topic, 4_001, 10)).toBe(head);
    expect(await log.offsetSince(topics.stock("nobody"), 0, 10)).toBe(head);
  });
}

function testSnapshots(store: () => OpenStore): void {
  test("a snapshot contains exactly the events up to its offset, also while others write", async () => {
    const { log, payments } = store();
    let payment: Payment = samplePayment();
    await log.append([creation(payment)]);
    let writing = true;
    const writer = (async () => {
      for (let round = 0; round < 150; round += 1) {
        const command = change(payment);
        recordsIn((await Promise.all([log.append([command]), log.append([creation(samplePayment())])])).flat());
        payment = command.payment;
      }
      writing = false;
    })();
    const taken: { sequence: number; offset: number }[] = [];
    while (writing) {
      const snapshot = await payments.snapshot(payment.id);
      if (snapshot) taken.push({ sequence: snapshot.state.payment.sequence, offset: snapshot.offset });
    }
    await writer;
    const { records } = await log.readAfter(0, { topics: [topics.payment(payment.id)], limit: 1_000 });
    expect(new Set(taken.map(({ sequence }) => sequence)).size).toBeGreaterThan(5);
    for (const { sequence, offset } of taken) {
      expect(records.filter((record) => record.offset <= offset)).toHaveLength(sequence);
    }
  });
}
