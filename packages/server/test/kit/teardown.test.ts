import { describe, expect, it } from "vitest";
import { endAll } from "../../src/kit/teardown.ts";

describe("ending", () => {
  it("runs every step, the last one first and one at a time, whatever becomes of the others", async () => {
    const [drain, hub] = [new Error("the drain failed"), new Error("the hub failed")];
    const done: string[] = [];
    const reported: unknown[] = [];
    const steps = [
      async () => {
        await Promise.resolve();
        done.push("database");
      },
      () => {
        done.push("hub");
        throw hub;
      },
      async () => {
        await Promise.resolve();
        done.push("drain");
        throw drain;
      },
    ];
    await expect(endAll(steps, (error) => reported.push(error))).rejects.toBe(drain);
    expect(done).toEqual(["drain", "hub", "database"]);
    expect(reported).toEqual([drain, hub]);
  });

  it("runs nothing twice", async () => {
    let runs = 0;
    const steps = [
      () => {
        runs += 1;
      },
    ];
    const fail = (error: unknown) => expect.unreachable(String(error));
    await Promise.all([endAll(steps, fail), endAll(steps, fail)]);
    expect(runs).toBe(1);
  });
});
