/** The hub where several processes write: their records come in any order, several times, late or not at all. */
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type BusMessage, messageOfRecords } from "../../src/bus/bus.ts";
import { Hub } from "../../src/fanout/hub.ts";
import type { EventLog, LogRecord } from "../../src/log/event-log.ts";
import { type Topic, topics } from "../../src/log/topic.ts";
import { MixedBus } from "../../testkit/mixed-bus.ts";
import { ScratchLog } from "../../testkit/scratch-log.ts";
import { until } from "../../testkit/until.ts";

const NEVER_MS = 3_600_000;
const A = topics.payment("a");
const B = topics.payment("b");
const MERCHANT = topics.merchant("merchant");

/** Reads of the log: how many records each was asked for. */
class Read {
  readonly limits: number[] = [];
  answered = 0;
  readonly log: Pick<EventLog, "head" | "readAfter">;

  constructor(log: EventLog) {
    this.log = {
      head: () => log.head(),
      readAfter: async (offset, options) => {
        this.limits.push(options.limit);
        const page = await log.readAfter(offset, options);
        this.answered += 1;
        return page;
      },
    };
  }
}

let scratch: ScratchLog;
const ends: (() => Promise<void> | void)[] = [];
beforeAll(async () => {
  scratch = await ScratchLog.open();
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});
afterAll(() => scratch.dispose());

interface Given {
  pollIntervalMs?: number;
  gapPatienceMs?: number;
  onError?: (error: unknown) => void;
}

async function start({ pollIntervalMs = NEVER_MS, gapPatienceMs = NEVER_MS, onError }: Given = {}) {
  const bus = new MixedBus();
  const read = new Read(scratch.log);
  const fail = (error: unknown) => {
    throw error;
  };
  const log = read.log as EventLog;
  const hub = new Hub({ log, bus, pollIntervalMs, pageSize: 100, gapPatienceMs, onError: onError ?? fail });
  await hub.start();
  await until("its first look", () => read.answered === 1);
  read.limits.length = 0;
  ends.push(() => hub.stop());
  return { hub, bus, read };
}

/** Commits, and what was published of each. */
async function commits(...each: (readonly Topic[])[][]): Promise<LogRecord[][]> {
  const published: LogRecord[][] = [];
  const end = scratch.log.onAppended((records) => published.push([...records]));
  for (const topicsOfRecords of each) await scratch.append(...topicsOfRecords);
  end();
  return published;
}

function hear(hub: Hub, topic: Topic): number[] {
  const heard: number[] = [];
  hub.listen(topic, ({ record }) => heard.push(record.offset));
  return heard;
}

const offsetsOf = (published: readonly (readonly LogRecord[])[]) => published.flat().map(({ offset }) => offset);

describe("a hub that several processes write for", () => {
  it("puts in order what comes out of order, and reads nothing for it", async () => {
    const { hub, bus, read } = await start();
    const heard = hear(hub, A);
    const published = await commits([[A], [A]], [[A]], [[B], [A]], [[A]]);
    for (const nth of [3, 1, 2, 1, 0, 3]) bus.publish(published[nth] as LogRecord[]);
    expect(heard).toEqual(offsetsOf(published).toSpliced(3, 1));
    expect(read.limits).toEqual([]);
    expect(hub.gaps).toEqual({ seen: 1, read: 0 });
  });

  it("reads what does not come in time, and only that", async () => {
    const { hub, bus, read } = await start({ gapPatienceMs: 1 });
    const heard = hear(hub, A);
    const published = await commits([[A], [A], [A]], [[A]], [[A], [A]]);
    bus.publish(published[1] as LogRecord[]);
    bus.publish(published[2] as LogRecord[]);
    await until("all of it", () => heard.length === 6);
    expect(heard).toEqual(offsetsOf(published));
    expect(read.limits).toEqual([3]);
    expect(hub.gaps).toEqual({ seen: 1, read: 1 });
  });

  it("reads each gap of several", async () => {
    const { hub, bus, read } = await start({ gapPatienceMs: 1 });
    const heard = hear(hub, A);
    const published = await commits([[A]], [[A]], [[A]], [[A]], [[A]], [[A]]);
    for (const nth of [5, 3, 1]) bus.publish(published[nth] as LogRecord[]);
    await until("all of it", () => heard.length === 6);
    expect(heard).toEqual(offsetsOf(published));
    expect(read.limits).toEqual([1, 1, 1]);
  });

  it("reads at once where nothing more can come", async () => {
    const { hub, bus, read } = await start();
    bus.reachesOthers = false;
    const heard = hear(hub, A);
    const published = await commits([[A]], [[A]]);
    bus.publish(published[1] as LogRecord[]);
    await until("all of it", () => heard.length === 2);
    expect(heard).toEqual(offsetsOf(published));
    expect(read.limits).toEqual([1]);
  });

  it("opens no record that nobody listens to, and reads one that it cannot open", async () => {
    const { hub, bus, read } = await start();
    const heard = hear(hub, A);
    const [records = [], next = []] = await commits([[B], [A], [B], [A]], [[A]]);
    const asked: number[] = [];
    bus.bring({
      records,
      read: (at) => {
        asked.push(at);
        return at === 3 ? null : (records[at] ?? null);
      },
    });
    expect(asked).toEqual([1, 3]);
    bus.publish(next);
    await until("what could not be opened, and what is behind it", () => heard.length === 3);
    expect(heard).toEqual([records[1], records[3], next[0]].map((record) => record?.offset));
    expect(read.limits).toHaveLength(1);
  });

  it("keeps a bounded number of messages that come early, and loses none", async () => {
    const { hub, bus } = await start({ gapPatienceMs: 1, pollIntervalMs: 20 });
    const heard = hear(hub, A);
    const published = await commits(...Array.from({ length: 400 }, () => [[A]]));
    for (const records of published.slice(1)) bus.publish(records);
    await until("all of it", () => heard.length === published.length);
    expect(heard).toEqual(offsetsOf(published));
  });

  it("forgets what the log does not have, says so, and goes on", async () => {
    const errors: unknown[] = [];
    const { hub, bus } = await start({ gapPatienceMs: 1, onError: (error) => errors.push(error) });
    const heard = hear(hub, A);
    const [mine = []] = await commits([[A]]);
    const strange = { ...(mine[0] as LogRecord), offset: (mine[0]?.offset ?? 0) + 1_000 };
    bus.publish([strange]);
    await until("it was said", () => errors.length === 1);
    expect(String(errors[0])).toMatch(/the log does not have/);
    expect(heard).toEqual(offsetsOf([mine]));
    const [next = []] = await commits([[A]]);
    bus.publish(next);
    expect(heard).toEqual(offsetsOf([mine, next]));
    await sleep(20);
    expect(errors).toHaveLength(1);
  });

  it("does nothing more once it has stopped", async () => {
    const { hub, bus, read } = await start({ gapPatienceMs: 1 });
    const published = await commits([[A]], [[A]]);
    bus.publish(published[1] as LogRecord[]);
    await hub.stop();
    await sleep(20);
    expect(read.limits).toEqual([]);
  });
});

/** What becomes of one message. */
interface Fate {
  records: number;
  topics: readonly Topic[];
  /** So many messages overtake it; once for each time that it comes. */
  delays: readonly number[];
  isOpened: boolean;
  /** Then the network rests. */
  restMs: number;
}

const anyFate: fc.Arbitrary<Fate> = fc.record({
  records: fc.integer({ min: 1, max: 4 }),
  topics: fc.constantFrom([A], [B], [A, MERCHANT], [B, MERCHANT], [MERCHANT]),
  delays: fc.oneof(
    { weight: 5, arbitrary: fc.tuple(fc.nat(4)) },
    { weight: 1, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.tuple(fc.nat(4), fc.nat(9)) },
  ),
  isOpened: fc.oneof({ weight: 9, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
  restMs: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.integer({ min: 1, max: 6 }) }),
});

function messageOf(records: readonly LogRecord[], { isOpened }: Fate): BusMessage {
  return isOpened ? messageOfRecords(records) : { records, read: () => null };
}

it("whatever three writers' messages meet on their way, every listener hears every record once, in order", async () => {
  const anyRun = fc.record({ fates: fc.array(anyFate, { minLength: 1, maxLength: 40 }), reaches: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(anyRun, async ({ fates, reaches }) => {
      const { hub, bus } = await start({ gapPatienceMs: 2, pollIntervalMs: 15 });
      bus.reachesOthers = reaches;
      const heard = new Map([A, B, MERCHANT].map((topic) => [topic, hear(hub, topic)]));
      // Which of the three wrote it is told by nothing but its time of arrival.
      const published = await commits(...fates.map((fate) => Array(fate.records).fill(fate.topics)));
      const arrivals = fates.flatMap((fate, nth) => fate.delays.map((delay) => ({ nth, fate, at: nth + delay + 0.5 })));
      for (const { nth, fate } of arrivals.toSorted((one, other) => one.at - other.at)) {
        bus.bring(messageOf(published[nth] ?? [], fate));
        if (fate.restMs > 0) await sleep(fate.restMs);
      }
      const last = published.flat().at(-1)?.offset ?? 0;
      await until("the hub is at the end", () => hub.offset === last);
      for (const [topic, offsets] of heard) {
        expect(offsets).toEqual(offsetsOf([published.flat().filter((record) => record.topics.includes(topic))]));
      }
      await hub.stop();
    }),
    { numRuns: 150 },
  );
});
