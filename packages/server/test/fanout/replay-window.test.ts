import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { windowStart } from "../../src/fanout/replay-window.ts";
import { topics } from "../../src/log/topic.ts";
import { ScratchLog } from "../../testkit/scratch-log.ts";

const TOPIC = topics.payment("a");

describe("The replay window", () => {
  let scratch: ScratchLog;
  let offsets: number[];

  /** The n-th record bears the time n. */
  beforeAll(async () => {
    scratch = await ScratchLog.open();
    offsets = await scratch.append([TOPIC], [TOPIC], [TOPIC], [TOPIC]);
  });
  afterAll(() => scratch.dispose());

  function startAt({ nowMs = 4, windowMs = 10, openedAt = offsets[3] as number, records = 10 }) {
    const window = { log: scratch.log, clock: { nowMs: () => nowMs }, replayWindowMs: windowMs };
    return windowStart(window, { topic: TOPIC, openedAt, records });
  }

  it("begins before its first record", async () => {
    expect(await startAt({ windowMs: 1 })).toBe(offsets[1]);
  });

  it("begins before the newest ones where it has more than are wanted", async () => {
    expect(await startAt({ records: 1 })).toBe(offsets[2]);
  });

  it("has all that came since somebody listens, also where it has no length", async () => {
    expect(await startAt({ nowMs: 100, windowMs: 0, openedAt: offsets[1] as number })).toBe(offsets[1]);
  });
});
