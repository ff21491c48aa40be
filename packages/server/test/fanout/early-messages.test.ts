import { expect, test } from "vitest";
import { messageOfRecords } from "../../src/bus/bus.ts";
import { EarlyMessages } from "../../src/fanout/early-messages.ts";
import { record } from "../../testkit/bus.ts";

const messageAt = (...offsets: number[]) => messageOfRecords(offsets.map((offset) => record(offset)));

test("they are given back by offset, when it is their turn", () => {
  const early = new EarlyMessages();
  expect(early.firstOffset).toBeNull();
  for (const offset of [9, 5, 7, 5]) expect(early.keep(messageAt(offset), 0)).toBe(true);
  expect(early.keep(messageAt(1, 6), 1)).toBe(true);
  expect(early.firstOffset).toBe(5);
  expect(early.take(4)).toBeNull();
  const taken = [5, 5, 6, 9].map((offset) => early.take(offset)?.offset);
  expect(taken).toEqual([5, 5, 6, 7]);
  expect(early.take(9)).toMatchObject({ at: 0, offset: 9 });
  expect([early.firstOffset, early.take(100)]).toEqual([null, null]);
});

test("they are a bounded number; there is room again when one has gone", () => {
  const early = new EarlyMessages();
  let kept = 0;
  while (kept < 10_000 && early.keep(messageAt(10_000 - kept), 0)) kept += 1;
  expect(kept).toBe(256);
  expect(early.take(10_000)).not.toBeNull();
  expect(early.keep(messageAt(1), 0)).toBe(true);
  expect(early.keep(messageAt(1), 0)).toBe(false);
});

test("of a message that is through nothing is kept", () => {
  const early = new EarlyMessages();
  expect(early.keep(messageAt(3), 1)).toBe(true);
  expect(early.firstOffset).toBeNull();
});
