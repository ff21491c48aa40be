import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { Hub } from "../../src/fanout/hub.ts";
import type { EventLog } from "../../src/log/event-log.ts";
import { topics } from "../../src/log/topic.ts";
import { LossyBus } from "../../testkit/lossy-bus.ts";
import { ScratchLog } from "../../testkit/scratch-log.ts";
import { until } from "../../testkit/until.ts";

const A = topics.payment("a");
const B = topics.payment("b");
const NEVER_MS = 3_600_000;

describe("Hub", () => {
  let scratch: ScratchLog;
  const open: Hub[] = [];

  beforeAll(async () => {
    scratch = await ScratchLog.open();
  });
  afterEach(async () => {
    for (const hub of open.splice(0)) await hub.stop();
  });
  afterAll(() => scratch.dispose());

  async function start(options: { pollIntervalMs?: number; onError?: (error: unknown) => void } = {}) {
    const bus = new LossyBus();
    const end = scratch.log.onAppended((records) => bus.publish(records));
    const hub = new Hub({
      log: scratch.log,
      bus,
      pollIntervalMs: options.pollIntervalMs ?? NEVER_MS,
      pageSize: 3,
      onError: (error) => {
        if (!options.onError) throw error;
        options.onError(error);
      },
    });
    await hub.start();
    open.push(hub);
    return { hub, bus, end };
  }

  it("gives each listener the records of its topic, in order, and nothing else", async () => {
    const { hub } = await start();
    const heard: number[] = [];
    hub.listen(A, (published) => heard.push(published.record.offset));
    const [first, , third] = await scratch.append([A], [B], [A, B]);
    expect(heard).toEqual([first, third]);
  });

  it("reads from the log what the bus has lost, when the next hint shows the gap", async () => {
    const { hub, bus } = await start();
    const heard: number[] = [];
    hub.listen(A, (published) => heard.push(published.record.offset));
    bus.fates = ["lose", "lose", "deliver"];
    const appended = [
      ...(await scratch.append([A], [A])),
      ...(await scratch.append([A])),
      ...(await scratch.append([A])),
    ];
    await until("all four records", () => heard.length === 4);
    expect(heard).toEqual(appended);
  });

  it("finds what the bus has lost without any further hint", async () => {
    const { hub, bus } = await start({ pollIntervalMs: 5 });
    const heard: number[] = [];
    hub.listen(A, (published) => heard.push(published.record.offset));
    bus.fates = ["lose"];
    const appended = await scratch.append([A], [A], [A], [A], [A]);
    await until("all five records", () => heard.length === 5);
    expect(heard).toEqual(appended);
  });

  it("passes on nothing twice, whatever is repeated or comes late", async () => {
    const { hub, bus } = await start();
    const heard: number[] = [];
    hub.listen(A, (published) => heard.push(published.record.offset));
    bus.fates = ["repeat", "late", "deliver"];
    const appended = [...(await scratch.append([A])), ...(await scratch.append([A])), ...(await scratch.append([A]))];
    await until("all three records", () => heard.length === 3);
    expect(heard).toEqual(appended);
  });

  it("goes on when a listener throws, and reports it", async () => {
    const errors: unknown[] = [];
    const { hub } = await start({ onError: (error) => errors.push(error) });
    const heard: number[] = [];
    hub.listen(A, () => {
      throw new Error("a listener's own fault");
    });
    hub.listen(A, (published) => heard.push(published.record.offset));
    expect(await scratch.append([A])).toEqual(heard);
    expect(errors.map(String)).toEqual(["Error: a listener's own fault"]);
  });

  it("keeps nothing of a topic that nobody listens to any more", async () => {
    const { hub } = await start();
    const first = hub.listen(A, () => {});
    const second = hub.listen(A, () => {});
    expect(hub.topicCount).toBe(1);
    first.end();
    first.end();
    expect(hub.topicCount).toBe(1);
    second.end();
    expect(hub.topicCount).toBe(0);
  });

  it("gives a listener that comes during a delivery only what is behind the offset it was told", async () => {
    const { hub } = await start();
    const heard: number[] = [];
    let told = -1;
    hub.listen(A, () => {
      if (told === -1) told = hub.listen(A, (published) => heard.push(published.record.offset)).offset;
    });
    const [first, second] = await scratch.append([A], [A]);
    expect(told).toBe(first);
    expect(heard).toEqual([second]);
  });

  it("refuses a listener before it knows the end of the log", () => {
    const hub = new Hub({
      log: scratch.log,
      bus: new LossyBus(),
      pollIntervalMs: NEVER_MS,
      pageSize: 3,
      onError: () => {},
    });
    expect(() => hub.listen(A, () => {})).toThrow(/not been started/);
  });

  it("reads again when a hint shows another gap while it reads", async () => {
    const log = new HeldLog(scratch.log);
    const bus = new LossyBus();
    scratch.log.onAppended((records) => bus.publish(records));
    const hub = new Hub({ log, bus, pollIntervalMs: NEVER_MS, pageSize: 100, onError: () => {} });
    await hub.start();
    open.push(hub);
    await until("its first look", () => log.reads === 1);
    const heard: number[] = [];
    hub.listen(A, (published) => heard.push(published.record.offset));
    bus.fates = ["lose", "deliver", "lose", "deliver"];
    log.hold();
    const appended = [...(await scratch.append([A])), ...(await scratch.append([A]))];
    await until("it to have read the first two", () => log.held === 1);
    appended.push(...(await scratch.append([A])), ...(await scratch.append([A])));
    log.release();
    await until("all four records", () => heard.length === 4);
    expect(heard).toEqual(appended);
  });

  it("reads nothing more once it has stopped, also when hints arrived during its last read", async () => {
    const log = new HeldLog(scratch.log);
    const bus = new LossyBus();
    const hub = new Hub({ log, bus, pollIntervalMs: NEVER_MS, pageSize: 1, onError: () => {} });
    await hub.start();
    open.push(hub);
    await until("its first look", () => log.reads === 1);
    const [, second] = await scratch.append([A], [A]);
    const { records } = await scratch.log.readAfter((second as number) - 1, { limit: 1 });
    log.hold();
    bus.publish(records);
    bus.publish(records);
    await until("the second look", () => log.held === 1);
    const stopped = hub.stop();
    log.release();
    await stopped;
    await new Promise((resolve) => setImmediate(resolve));
    expect(log.reads).toBe(2);
  });
});

/** The real log; what it has read can be held back for a while. */
class HeldLog implements EventLog {
  reads = 0;
  held = 0;
  readonly #log: EventLog;
  #gate: Promise<void> = Promise.resolve();
  #open: () => void = () => {};
  #holding = false;

  constructor(log: EventLog) {
    this.#log = log;
  }

  hold(): void {
    this.#holding = true;
    this.#gate = new Promise((resolve) => (this.#open = resolve));
  }

  release(): void {
    this.#holding = false;
    this.#open();
  }

  get epoch(): string {
    return this.#log.epoch;
  }

  offsetSince(...args: Parameters<EventLog["offsetSince"]>): ReturnType<EventLog["offsetSince"]> {
    return this.#log.offsetSince(...args);
  }

  append(...args: Parameters<EventLog["append"]>): ReturnType<EventLog["append"]> {
    return this.#log.append(...args);
  }

  appendTogether(...args: Parameters<EventLog["appendTogether"]>): ReturnType<EventLog["appendTogether"]> {
    return this.#log.appendTogether(...args);
  }

  async readAfter(...args: Parameters<EventLog["readAfter"]>): ReturnType<EventLog["readAfter"]> {
    const page = await this.#log.readAfter(...args);
    this.reads += 1;
    if (this.#holding) this.held += 1;
    await this.#gate;
    return page;
  }

  head(): Promise<number> {
    return this.#log.head();
  }

  onAppended(listener: Parameters<EventLog["onAppended"]>[0]): () => void {
    return this.#log.onAppended(listener);
  }
}
