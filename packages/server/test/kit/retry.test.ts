import { describe, expect, it } from "vitest";
import { Backoff, pause, retryUntilDone } from "../../src/kit/retry.ts";

describe("back-off", () => {
  it("doubles the pause up to its limit, and begins anew after a success", () => {
    const backoff = new Backoff({ initialMs: 100, maxMs: 500, jitter: 0 });
    const delays = Array.from({ length: 5 }, () => backoff.nextDelayMs());
    expect(delays).toEqual([100, 200, 400, 500, 500]);
    backoff.reset();
    expect(backoff.nextDelayMs()).toBe(100);
  });

  it("leaves the given share of each pause to chance", () => {
    const delayOf = (random: number) =>
      new Backoff({ initialMs: 100, maxMs: 100, jitter: 0.4, random: () => random }).nextDelayMs();
    expect(delayOf(0)).toBeCloseTo(60);
    expect(delayOf(0.5)).toBeCloseTo(80);
    expect(delayOf(1)).toBeCloseTo(100);
  });

  it("stays at its limit after a great many failures", () => {
    const backoff = new Backoff({ initialMs: 100, maxMs: 60_000, jitter: 0 });
    for (let failure = 0; failure < 2_000; failure += 1) backoff.nextDelayMs();
    expect(backoff.nextDelayMs()).toBe(60_000);
  });
});

describe("a pause", () => {
  it("ends when it is aborted, and does not begin when it was", async () => {
    const stopping = new AbortController();
    const paused = pause(3_600_000, stopping.signal);
    stopping.abort();
    await paused;
    await pause(3_600_000, stopping.signal);
    expect(stopping.signal.aborted).toBe(true);
  });
});

describe("retryUntilDone", () => {
  const quick = { initialMs: 1, maxMs: 1 };

  it("calls until it succeeds, and tells every failure", async () => {
    const failures: unknown[] = [];
    let calls = 0;
    const result = await retryUntilDone(
      async () => {
        calls += 1;
        if (calls < 3) throw new Error(`failure ${calls}`);
        return "done";
      },
      { ...quick, signal: new AbortController().signal, onFailure: (error) => failures.push(error) },
    );
    expect(result).toBe("done");
    expect(failures.map(String)).toEqual(["Error: failure 1", "Error: failure 2"]);
  });

  it("ends with the signal's reason, not with the failure", async () => {
    const stopping = new AbortController();
    const retried = retryUntilDone(() => Promise.reject(new Error("broken")), {
      ...quick,
      signal: stopping.signal,
      onFailure: () => stopping.abort(new Error("stopped")),
    });
    await expect(retried).rejects.toThrow("stopped");
  });
});
