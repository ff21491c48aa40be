/** Stored answers: once per key, for 24 hours. */
import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { IdempotentAnswer } from "../../src/log/event-log.ts";
import { type MakeHome, openForAll } from "./home.ts";
import { change, creation, outcomes, samplePayment, T0_MS } from "./samples.ts";

const DAY_MS = 86_400_000;

export function testIdempotency(make: MakeHome): void {
  describe("idempotent answers", () => {
    const store = openForAll(make);
    const answer = (given: Partial<IdempotentAnswer> = {}): IdempotentAnswer => ({
      merchantId: "merchant",
      key: randomUUID(),
      requestHash: "hash",
      httpStatus: 201,
      body: '{"id":"1"}',
      atMs: T0_MS,
      ...given,
    });

    test("an answer is stored with its decision, and a second decision under the key is refused whole", async () => {
      const { log, payments, idempotency } = store();
      const payment = samplePayment();
      const first = answer();
      await log.append([creation(payment, { idempotency: first })]);
      expect(await idempotency.idempotentAnswer("merchant", first.key, T0_MS)).toEqual(first);
      const before = await log.head();
      const again = change(payment, { delivery: "processing" }, { idempotency: { ...first, body: "second" } });
      expect(outcomes(await log.append([again]))).toEqual(["idempotency"]);
      expect(await log.head()).toBe(before);
      expect((await payments.snapshot(payment.id))?.state.payment).toEqual(payment);
      expect(await idempotency.idempotentAnswer("merchant", first.key, T0_MS)).toEqual(first);
    });

    test("an answer of a decision that was refused is not stored", async () => {
      const { log, idempotency } = store();
      const payment = samplePayment();
      const late = answer();
      await log.append([creation(payment)]);
      expect(outcomes(await log.append([creation(payment, { idempotency: late })]))).toEqual(["conflict"]);
      expect(await idempotency.idempotentAnswer("merchant", late.key, T0_MS)).toBeNull();
    });

    test("without a payment: stored once; another merchant's key is another key", async () => {
      const { idempotency } = store();
      const first = answer();
      expect(await idempotency.storeIdempotentAnswer(first)).toBe(true);
      expect(await idempotency.storeIdempotentAnswer({ ...first, body: "second" })).toBe(false);
      expect(await idempotency.storeIdempotentAnswer({ ...first, merchantId: "another" })).toBe(true);
      expect(await idempotency.idempotentAnswer("merchant", first.key, T0_MS)).toEqual(first);
    });

    test("answers that have expired are deleted, the oldest first, at most so many; no other is", async () => {
      const { idempotency } = store();
      // Long ago, so that the other tests' answers are no part of it.
      const [long, nowMs] = [T0_MS - 900 * DAY_MS, T0_MS - 800 * DAY_MS];
      const [second, first, third] = [long + 2, long + 1, long + 3].map((atMs) => answer({ atMs }));
      const valid = answer({ atMs: nowMs - DAY_MS });
      for (const given of [second, first, third, valid]) await idempotency.storeIdempotentAnswer(given ?? answer());
      expect(await idempotency.deleteExpired(nowMs, 2)).toBe(2);
      const left = async (given = answer()) =>
        (await idempotency.idempotentAnswer("merchant", given.key, given.atMs)) !== null;
      expect(await Promise.all([first, second, third, valid].map((given) => left(given)))).toEqual([
        false,
        false,
        true,
        true,
      ]);
      expect([await idempotency.deleteExpired(nowMs, 2), await idempotency.deleteExpired(nowMs, 2)]).toEqual([1, 0]);
      expect(await left(valid)).toBe(true);
    });

    test("after 24 hours the key is free again, not a moment before", async () => {
      const { idempotency } = store();
      const first = answer();
      await idempotency.storeIdempotentAnswer(first);
      const second = { ...first, body: "second", atMs: T0_MS + DAY_MS };
      expect(await idempotency.idempotentAnswer("merchant", first.key, second.atMs)).toEqual(first);
      expect(await idempotency.storeIdempotentAnswer(second)).toBe(false);
      const third = { ...first, body: "third", atMs: T0_MS + DAY_MS + 1 };
      expect(await idempotency.idempotentAnswer("merchant", first.key, third.atMs)).toBeNull();
      expect(await idempotency.storeIdempotentAnswer(third)).toBe(true);
      expect(await idempotency.idempotentAnswer("merchant", first.key, third.atMs)).toEqual(third);
    });
  });
}
