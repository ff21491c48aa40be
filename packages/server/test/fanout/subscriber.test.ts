import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Hub } from "../../src/fanout/hub.ts";
import type { Published } from "../../src/fanout/published.ts";
import { Subscriber, type SubscriberSink } from "../../src/fanout/subscriber.ts";
import { CursorExpired, type EventLog } from "../../src/log/event-log.ts";
import { type Topic, topics } from "../../src/log/topic.ts";
import { type Fate, LossyBus } from "../../testkit/lossy-bus.ts";
import { ScratchLog } from "../../testkit/scratch-log.ts";
import { until } from "../../testkit/until.ts";

const A = topics.payment("a");
const B = topics.payment("b");

/** Notes what it is told; takes no more while it is shut. */
class Client implements SubscriberSink {
  readonly told: number[] = [];
  readonly failures: unknown[] = [];
  throwAt: number | null = null;
  #gate: Promise<void> = Promise.resolve();
  #open: () => void = () => {};

  shut(): void {
    this.#gate = new Promise((resolve) => (this.#open = resolve));
  }

  open(): void {
    this.#open();
  }

  deliver(published: Published): void {
    if (published.record.offset === this.throwAt) throw new Error("no frame for this");
    this.told.push(published.record.offset);
  }

  writable(): Promise<void> {
    return this.#gate;
  }

  failed(error: unknown): void {
    this.failures.push(error);
  }
}

describe("Subscriber", () => {
  let scratch: ScratchLog;
  let hub: Hub;
  let bus: LossyBus;

  beforeAll(async () => {
    scratch = await ScratchLog.open();
    bus = new LossyBus();
    scratch.log.onAppended((records) => bus.publish(records));
    hub = new Hub({ log: scratch.log, bus, pollIntervalMs: 3, pageSize: 4, onError: () => {} });
    await hub.start();
  });
  afterAll(async () => {
    await hub.stop();
    await scratch.dispose();
  });

  function subscriber(sink: SubscriberSink, options: { liveBuffer?: number; log?: EventLog; topic?: Topic } = {}) {
    return Subscriber.open({
      log: options.log ?? scratch.log,
      hub,
      topic: options.topic ?? A,
      sink,
      replayPage: 2,
      liveBuffer: options.liveBuffer ?? 3,
    });
  }

  it("gives the past, then the present, each record once", async () => {
    const start = await scratch.log.head();
    const past = await scratch.append([A], [B], [A], [A]);
    const client = new Client();
    const following = subscriber(client);
    await following.from(start);
    const present = await scratch.append([A], [B]);
    await until("the live record", () => client.told.length === 4);
    expect(client.told).toEqual([past[0], past[2], past[3], present[0]]);
    following.close();
  });

  it("gives nothing that a snapshot contains, although it was heard while the snapshot was read", async () => {
    const client = new Client();
    const following = subscriber(client);
    const [, inSnapshot] = await scratch.append([A], [A]);
    await until("the hub to be there", () => hub.offset >= (inSnapshot as number));
    await following.from(inSnapshot as number);
    const [after] = await scratch.append([A]);
    await until("the live record", () => client.told.length > 0);
    expect(client.told).toEqual([after]);
    following.close();
  });

  it("keeps no more than liveBuffer records of what happens meanwhile, and still leaves none out", async () => {
    const start = await scratch.log.head();
    const client = new Client();
    client.shut();
    const following = subscriber(client, { liveBuffer: 2 });
    const past = await scratch.append([A]);
    const caughtUp = following.from(start);
    const meanwhile = await scratch.append(...Array.from({ length: 25 }, () => [A]));
    await until("the hub to be there", () => hub.offset >= (meanwhile.at(-1) as number));
    client.open();
    await caughtUp;
    expect(client.told).toEqual([...past, ...meanwhile]);
    following.close();
  });

  it("gives a record of the past, or one that waited, only after the client said that it can take it", async () => {
    const start = await scratch.log.head();
    await scratch.append([A], [A], [A]);
    const client = new Client();
    const unasked: number[] = [];
    let asked = 0;
    const careful: SubscriberSink = {
      writable: async () => {
        asked = 1;
      },
      deliver: (published) => {
        if (asked === 0) unasked.push(published.record.offset);
        asked = 0;
        client.deliver(published);
      },
      failed: (error) => client.failed(error),
    };
    const following = subscriber(careful);
    const waiting = await scratch.append([A], [A]);
    await until("the hub to be there", () => hub.offset >= (waiting.at(-1) as number));
    await following.from(start);
    expect(client.told).toHaveLength(5);
    expect(unasked).toEqual([]);
    following.close();
  });

  it("lets a client that takes nothing wait for ever, and ends with it", async () => {
    const start = await scratch.log.head();
    await scratch.append([A]);
    const client = new Client();
    client.shut();
    const following = subscriber(client);
    const ended = following.from(start);
    following.close();
    client.open();
    await ended;
    expect(client.told).toEqual([]);
  });

  it("leaves no gap when a live record cannot be delivered: it closes and says so", async () => {
    const client = new Client();
    const following = subscriber(client);
    const head = await scratch.log.head();
    await following.from(head);
    client.throwAt = head + 1;
    const appended = await scratch.append([A], [A]);
    await until("the hub to be there", () => hub.offset >= (appended.at(-1) as number));
    expect(client.told).toEqual([]);
    expect(client.failures.map(String)).toEqual(["Error: no frame for this"]);
    following.close();
  });

  it("rejects, and is closed, when a record of the past cannot be delivered", async () => {
    const start = await scratch.log.head();
    await scratch.append([A]);
    const client = new Client();
    client.throwAt = start + 1;
    await expect(subscriber(client).from(start)).rejects.toThrow("no frame for this");
    expect(hub.topicCount).toBe(0);
  });

  it("rejects with CursorExpired when the log does not reach so far", async () => {
    const beyond = (await scratch.log.head()) + 1_000;
    const client = new Client();
    const following = subscriber(client, { log: new Unreachable(scratch.log, beyond) });
    await expect(following.from(0)).rejects.toThrow(CursorExpired);
    expect(hub.topicCount).toBe(0);
  });

  it("gives every subscriber exactly the records behind its position, whatever is lost and however slow it is", async () => {
    const step = fc.oneof(
      fc.record({
        append: fc.array(fc.constantFrom([A], [B], [A, B]), { minLength: 1, maxLength: 8 }),
        fate: fc.constantFrom<Fate>("deliver", "lose", "repeat", "late"),
        wait: fc.boolean(),
      }),
      fc.record({ subscribeBehind: fc.nat(12), liveBuffer: fc.integer({ min: 1, max: 4 }), shut: fc.boolean() }),
      fc.record({ turns: fc.nat(3) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), (steps) => run(steps)),
      { numRuns: 60 },
    );
  });

  type Step =
    | { append: (readonly Topic[])[]; fate: Fate; wait: boolean }
    | { subscribeBehind: number; liveBuffer: number; shut: boolean }
    | { turns: number };

  async function run(steps: readonly Step[]): Promise<void> {
    const followers: { client: Client; following: Subscriber; from: number; done: Promise<void> }[] = [];
    const appending: Promise<unknown>[] = [];
    for (const step of steps) {
      if ("append" in step) {
        bus.fates.push(step.fate);
        const appended = scratch.append(...step.append);
        appending.push(appended);
        if (step.wait) await appended;
      } else if ("turns" in step) {
        for (let turn = 0; turn < step.turns; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      } else {
        const client = new Client();
        if (step.shut) client.shut();
        const following = subscriber(client, { liveBuffer: step.liveBuffer });
        const from = Math.max(0, (await scratch.log.head()) - step.subscribeBehind);
        followers.push({ client, following, from, done: following.from(from) });
      }
    }
    await Promise.all(appending);
    for (const { client, done } of followers) {
      client.open();
      await done;
    }
    const head = await scratch.log.head();
    await until("the hub to have everything", () => hub.offset >= head);
    for (const { client, following, from } of followers) {
      following.close();
      const page = await scratch.log.readAfter(from, { topics: [A], limit: 10_000 });
      expect(client.told).toEqual(page.records.map((record) => record.offset));
    }
    expect(hub.topicCount).toBe(0);
  }
});

/** The real log, asked for a place that it never reached. */
class Unreachable implements EventLog {
  readonly #log: EventLog;
  readonly #offset: number;

  constructor(log: EventLog, offset: number) {
    this.#log = log;
    this.#offset = offset;
  }

  get epoch(): string {
    return this.#log.epoch;
  }

  append(...args: Parameters<EventLog["append"]>): ReturnType<EventLog["append"]> {
    return this.#log.append(...args);
  }

  appendTogether(...args: Parameters<EventLog["appendTogether"]>): ReturnType<EventLog["appendTogether"]> {
    return this.#log.appendTogether(...args);
  }

  readAfter(_offset: number, options: Parameters<EventLog["readAfter"]>[1]): ReturnType<EventLog["readAfter"]> {
    return this.#log.readAfter(this.#offset, options);
  }

  offsetSince(...args: Parameters<EventLog["offsetSince"]>): ReturnType<EventLog["offsetSince"]> {
    return this.#log.offsetSince(...args);
  }

  head(): Promise<number> {
    return this.#log.head();
  }

  onAppended(listener: Parameters<EventLog["onAppended"]>[0]): () => void {
    return this.#log.onAppended(listener);
  }
}
