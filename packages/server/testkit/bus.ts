/** The contract of the bus (`src/bus/bus.ts`): every implementation passes. */
import { EVENT_TYPES, type EventData } from "@paybell/protocol";
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import type { Bus, BusMessage } from "../src/bus/bus.ts";
import type { LogRecord } from "../src/log/event-log.ts";
import type { Topic } from "../src/log/topic.ts";
import { until } from "./until.ts";

export interface BusUnderTest {
  /** The bus of one more process; those of one test reach each other, if they can at all. Resolves when it does. */
  open(onError: (error: unknown) => void): Promise<Bus>;
  /** There may be several processes. */
  hasOthers: boolean;
}

export const record = (offset: number, given: Partial<LogRecord> = {}): LogRecord => ({
  offset,
  id: `evt_${offset}`,
  type: "payment.paid",
  merchantId: "shop",
  paymentId: `payment-${offset}`,
  sequence: 3,
  atMs: 1_700_000_000_000 + offset,
  data: { payment: null, transfers: [] },
  topics: [`payment:payment-${offset}`, "merchant:shop"] as Topic[],
  ...given,
});

/** What a listener was handed, opened. */
export class Heard {
  readonly messages: BusMessage[] = [];
  readonly end: () => void;

  constructor(bus: Bus) {
    this.end = bus.subscribe((message) => this.messages.push(message));
  }

  get records(): (LogRecord | null)[] {
    return this.messages.flatMap((message) => message.records.map((_, at) => message.read(at)));
  }

  get offsets(): number[] {
    return this.messages.flatMap(({ records }) => records.map(({ offset }) => offset));
  }
}

const anyText = fc.string({ unit: "grapheme", maxLength: 40 });
/** As JSON has it: whatever the log keeps of an event is stored so. */
const anyData = fc.jsonValue().map((json) => ({ payment: null, transfers: [], anything: json }) as EventData);
const anyRecord = fc.record({
  id: anyText,
  type: fc.constantFrom(...EVENT_TYPES),
  merchantId: anyText,
  paymentId: fc.option(fc.uuid(), { nil: null }),
  sequence: fc.option(fc.nat(), { nil: null }),
  atMs: fc.nat({ max: 2 ** 47 }),
  data: anyData,
  topics: fc.array(anyText as fc.Arbitrary<Topic>, { maxLength: 5 }),
});
const anyCommit = fc
  .tuple(fc.integer({ min: 1, max: 2 ** 50 }), fc.array(anyRecord, { minLength: 1, maxLength: 8 }))
  .map(([first, records]) => records.map((one, nth): LogRecord => ({ ...one, offset: first + nth })));

/** -0 is 0 in JSON, in the log as well. */
const asStored = (records: readonly LogRecord[]) => JSON.parse(JSON.stringify(records)) as LogRecord[];

export function testBus(name: string, { open, hasOthers }: BusUnderTest): void {
  const opened: Bus[] = [];
  const errors: unknown[] = [];
  const openOne = async () => {
    const bus = await open((error) => errors.push(error));
    opened.push(bus);
    return bus;
  };
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((bus) => bus.close()));
    expect(errors.splice(0)).toEqual([]);
  });

  describe(`${name}, as a bus`, () => {
    test("listeners of the process that publishes have everything at once, in order and once", async () => {
      const bus = await openOne();
      const all = [new Heard(bus), new Heard(bus)];
      const records = [1, 2, 3].map((offset) => record(offset));
      bus.publish(records.slice(0, 2));
      bus.publish(records.slice(2));
      for (const heard of all) expect(heard.records).toEqual(records);
      // Nor does anything come back later.
      bus.publish([record(4)]);
      await new Promise((resolve) => setTimeout(resolve, 50));
      for (const heard of all) expect(heard.offsets).toEqual([1, 2, 3, 4]);
    });

    test("who has ended his subscription hears no more", async () => {
      const bus = await openOne();
      const heard = new Heard(bus);
      heard.end();
      bus.publish([record(1)]);
      expect(heard.messages).toEqual([]);
    });

    test("a listener that fails is reported, and the others hear all the same", async () => {
      const bus = await openOne();
      bus.subscribe(() => {
        throw new Error("a listener's own fault");
      });
      const heard = new Heard(bus);
      bus.publish([record(1)]);
      expect(heard.offsets).toEqual([1]);
      expect(errors.splice(0).map(String)).toEqual(["Error: a listener's own fault"]);
    });

    test("after its end nothing is heard, and publishing does no harm", async () => {
      const bus = await openOne();
      const heard = new Heard(bus);
      await bus.close();
      bus.publish([record(1)]);
      expect(heard.messages).toEqual([]);
    });

    if (hasOthers) testOthers(openOne);
    else {
      test("there are no others to be reached", async () => {
        expect((await openOne()).reachesOthers).toBe(false);
      });
    }
  });
}

function testOthers(openOne: () => Promise<Bus>): void {
  test("the other processes have it too, whatever it is", async () => {
    const [one, two, three] = [await openOne(), await openOne(), await openOne()];
    const heard = [two, three].map((bus) => new Heard(bus));
    await fc.assert(
      fc.asyncProperty(anyCommit, async (commit) => {
        one.publish(commit);
        for (const { messages } of heard) {
          await until("it is there", () => messages.flatMap(({ records }) => records).length >= commit.length);
        }
        for (const other of heard) {
          expect(other.records).toEqual(asStored(commit));
          expect(other.messages.flatMap(({ records }) => records.map(({ topics }) => topics))).toEqual(
            commit.map(({ topics }) => topics),
          );
          other.messages.length = 0;
        }
      }),
      { numRuns: 200 },
    );
  });

  test("all reach all", async () => {
    const buses = [await openOne(), await openOne(), await openOne()];
    const heard = buses.map((bus) => new Heard(bus));
    for (const [nth, bus] of buses.entries()) bus.publish([record(nth + 1)]);
    for (const one of heard) await until("it has heard all", () => one.offsets.length === 3);
    for (const one of heard) expect(one.offsets.toSorted((a, b) => a - b)).toEqual([1, 2, 3]);
    expect(buses.map(({ reachesOthers }) => reachesOthers)).toEqual([true, true, true]);
  });

  test("a commit of any size comes", async () => {
    const [one, two] = [await openOne(), await openOne()];
    const heard = new Heard(two);
    const records = Array.from({ length: 3_000 }, (_, nth) => record(nth + 1, { merchantId: "m".repeat(nth % 700) }));
    one.publish(records);
    await until("all of it is there", () => heard.offsets.length === records.length);
    expect(heard.records).toEqual(records);
  });
}
