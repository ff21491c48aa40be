import { expect, test } from "vitest";
import { SharedRun } from "../../src/kit/shared-run.ts";

/** Work that ends when the test says so. */
function work() {
  const ends: PromiseWithResolvers<void>[] = [];
  const run = new SharedRun(() => {
    const end = Promise.withResolvers<void>();
    ends.push(end);
    return end.promise;
  });
  return { run, ends };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test("who asks during a run waits for the next one, which all of them share", async () => {
  const { run, ends } = work();
  const first = run.run();
  const later = [run.run(), run.run()];
  let isDone = false;
  const done = Promise.all(later).then(() => {
    isDone = true;
  });
  ends[0]?.resolve();
  await first;
  await turn();
  expect(ends).toHaveLength(2);
  expect(isDone).toBe(false);
  ends[1]?.resolve();
  await done;
  expect(ends).toHaveLength(2);
});

test("a run that fails is told to those who waited for it, and to nobody else", async () => {
  const { run, ends } = work();
  const first = run.run();
  const second = run.run();
  ends[0]?.reject(new Error("the first"));
  await expect(first).rejects.toThrow("the first");
  await turn();
  ends[1]?.resolve();
  await second;
  const third = run.run();
  ends[2]?.reject(new Error("the third"));
  await expect(third).rejects.toThrow("the third");
});
