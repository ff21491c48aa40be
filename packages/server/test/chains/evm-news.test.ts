/** Pushes of a busy node, passed on one at a time. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { atMostEvery } from "../../src/chains/evm/at-most-every.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it("the first at once, the rest of a crowd as one when the pause is over", () => {
  let passed = 0;
  const { news, end } = atMostEvery(250, () => {
    passed += 1;
  });
  for (let push = 0; push < 100; push += 1) news();
  expect(passed).toBe(1);
  vi.advanceTimersByTime(249);
  expect(passed).toBe(1);
  vi.advanceTimersByTime(1);
  expect(passed).toBe(2);
  vi.advanceTimersByTime(250);
  expect(passed, "nothing came meanwhile").toBe(2);
  news();
  news();
  expect(passed).toBe(3);
  end();
  vi.advanceTimersByTime(1_000);
  expect(passed, "ended").toBe(3);
});
