import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { defaultLimits, type Limits } from "../../src/kit/limits.ts";
import { Connections } from "../../src/transports/connections.ts";
import { longPoll } from "../../src/transports/polling/long-poll.ts";
import { ManualClock } from "../../testkit/manual-clock.ts";

const HOUR_MS = 3_600_000;
const nobodyLeaves = new AbortController().signal;

/** Things that come one by one. */
class Source {
  readonly items: string[] = [];
  readonly listeners = new Set<() => void>();
  reads = 0;
  beforeRead: () => void = () => {};

  add(item: string): void {
    this.items.push(item);
    for (const wake of this.listeners) wake();
  }

  read = async (): Promise<string[]> => {
    this.reads += 1;
    const found = [...this.items];
    this.beforeRead();
    return found;
  };

  listen = (wake: () => void): (() => void) => {
    this.listeners.add(wake);
    return () => this.listeners.delete(wake);
  };
}

describe("longPoll", () => {
  let connections: Connections;
  let source: Source;

  function make(limits: Partial<Limits> = {}): void {
    connections = new Connections({
      limits: { ...defaultLimits, ...limits },
      clock: new ManualClock(0),
      onError: (error) => {
        throw error;
      },
    });
  }

  beforeEach(() => {
    make();
    source = new Source();
  });
  afterEach(() => connections.drain({ withinMs: 0 }));

  const poll = (waitMs: number, signal = nobodyLeaves) =>
    longPoll({
      connections,
      protocol: "polling",
      remoteAddress: null,
      read: source.read,
      isEmpty: (page) => page.length === 0,
      listen: source.listen,
      waitMs,
      signal,
    });

  const nothingIsHeld = () => {
    expect(source.listeners.size).toBe(0);
    expect(connections.total).toBe(0);
  };

  it("answers at once with what is there", async () => {
    source.add("a");
    expect(await poll(HOUR_MS)).toEqual(["a"]);
    nothingIsHeld();
  });

  it("answers at once with nothing when it is not to wait, and takes no place", async () => {
    make({ connections: 0 });
    expect(await poll(0)).toEqual([]);
  });

  it("answers as soon as something comes", async () => {
    const polled = poll(HOUR_MS);
    await new Promise((resolve) => setImmediate(resolve));
    expect(connections.counters.open).toEqual({ polling: 1 });
    source.add("a");
    expect(await polled).toEqual(["a"]);
    nothingIsHeld();
  });

  it("misses nothing that comes while it reads", async () => {
    source.beforeRead = () => {
      source.beforeRead = () => {};
      source.add("a");
    };
    expect(await poll(HOUR_MS)).toEqual(["a"]);
    expect(source.reads).toBe(2);
  });

  it("goes on waiting when it was woken for nothing", async () => {
    const polled = poll(HOUR_MS);
    for (let woken = 0; woken < 3; woken += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      for (const wake of source.listeners) wake();
    }
    await new Promise((resolve) => setImmediate(resolve));
    source.add("a");
    expect(await polled).toEqual(["a"]);
  });

  it("answers with nothing when the time is over", async () => {
    expect(await poll(10)).toEqual([]);
    nothingIsHeld();
  });

  it("ends when the client has gone, also when it had gone before", async () => {
    const client = new AbortController();
    const polled = poll(HOUR_MS, client.signal);
    await new Promise((resolve) => setImmediate(resolve));
    client.abort();
    expect(await polled).toEqual([]);
    expect(await poll(HOUR_MS, client.signal)).toEqual([]);
    nothingIsHeld();
  });

  it("ends with an ordinary answer when the server is drained", async () => {
    const polled = poll(HOUR_MS);
    await new Promise((resolve) => setImmediate(resolve));
    await connections.drain({ withinMs: 0 });
    expect(await polled).toEqual([]);
    nothingIsHeld();
  });

  it("is refused when there is no place to wait", async () => {
    make({ connections: 0 });
    await expect(poll(HOUR_MS)).rejects.toMatchObject({ code: "too_many_connections" });
  });

  it("gives everything back when reading fails", async () => {
    source.beforeRead = () => {
      throw new Error("the log cannot be read");
    };
    await expect(poll(HOUR_MS)).rejects.toThrow("the log cannot be read");
    nothingIsHeld();
  });
});
