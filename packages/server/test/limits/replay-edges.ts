/** Limits that no client sees: how much is read and kept at once while it catches up. Beyond them it takes another step. */
import { expect } from "vitest";
import { Hub } from "../../src/fanout/hub.ts";
import { Subscriber } from "../../src/fanout/subscriber.ts";
import type { EventLog } from "../../src/log/event-log.ts";
import { topics } from "../../src/log/topic.ts";
import { LossyBus } from "../../testkit/lossy-bus.ts";
import { ScratchLog } from "../../testkit/scratch-log.ts";
import { until } from "../../testkit/until.ts";
import type { Edges, EdgeTable } from "./edge.ts";

const TOPIC = topics.payment("a");

class Reading {
  readonly scratch: ScratchLog;
  readonly hub: Hub;
  readonly told: number[] = [];
  /** How many records each read of the subscriber gave. */
  readonly pages: number[] = [];

  static async open(at: Edges): Promise<Reading> {
    const scratch = await ScratchLog.open();
    at.onEnd(() => scratch.dispose());
    const bus = new LossyBus();
    scratch.log.onAppended((records) => bus.publish(records));
    const fail = (error: unknown) => {
      throw error;
    };
    const hub = new Hub({ log: scratch.log, bus, pollIntervalMs: 1_000, pageSize: 100, onError: fail });
    await hub.start();
    at.onEnd(() => hub.stop());
    return new Reading(scratch, hub);
  }

  private constructor(scratch: ScratchLog, hub: Hub) {
    this.scratch = scratch;
    this.hub = hub;
  }

  append(count: number): Promise<number[]> {
    return this.scratch.append(...Array.from({ length: count }, () => [TOPIC]));
  }

  subscribe(limits: { replayPage: number; liveBuffer: number }, writable: () => Promise<void>): Subscriber {
    return Subscriber.open({
      log: this.#counted(),
      hub: this.hub,
      topic: TOPIC,
      sink: {
        deliver: ({ record }) => this.told.push(record.offset),
        writable,
        failed: (error) => {
          throw error;
        },
      },
      ...limits,
    });
  }

  #counted(): EventLog {
    const { log } = this.scratch;
    return new Proxy(log, {
      get: (target, name) => {
        if (name !== "readAfter") return Reflect.get(target, name, target);
        return async (...args: Parameters<EventLog["readAfter"]>) => {
          const page = await target.readAfter(...args);
          this.pages.push(page.records.length);
          return page;
        };
      },
    });
  }
}

const ready = () => Promise.resolve();

export const replayEdges: EdgeTable<"replayPage" | "liveBuffer"> = {
  replayPage: async (at) => {
    const limits = { replayPage: 5, liveBuffer: 100 };
    const [whole, more] = [await Reading.open(at), await Reading.open(at)];
    const five = await whole.append(5);
    await whole.subscribe(limits, ready).from(0);
    expect([whole.told, whole.pages]).toEqual([five, [5]]);
    const six = await more.append(6);
    await more.subscribe(limits, ready).from(0);
    expect([more.told, more.pages]).toEqual([six, [5, 1]]);
  },

  liveBuffer: async (at) => {
    const meanwhile = async (count: number) => {
      const reading = await Reading.open(at);
      const gate = Promise.withResolvers<void>();
      const following = reading.subscribe({ replayPage: 100, liveBuffer: 5 }, () => gate.promise);
      const caughtUp = following.from(0);
      const offsets = await reading.append(count);
      await until("the hub to be there", () => reading.hub.offset === offsets.at(-1));
      gate.resolve();
      await caughtUp;
      expect(reading.told).toEqual(offsets);
      return reading.pages;
    };
    expect(await meanwhile(5)).toEqual([]);
    expect(await meanwhile(6)).toEqual([6]);
  },
};
