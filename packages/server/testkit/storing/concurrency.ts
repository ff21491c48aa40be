/** Many writers at once: every success counts, every failure changes nothing, nothing has a gap. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { topics } from "../../src/log/topic.ts";
import type { Payment } from "../../src/payments/payment.ts";
import type { MakeHome, OpenStore, StoreCapabilities, StoreHome } from "./home.ts";
import { change, creation, outcomes, recordsIn, samplePayment, sampleTransfer } from "./samples.ts";

export function testConcurrency(make: MakeHome, capabilities: StoreCapabilities): void {
  const instances = capabilities.twoInstances ? [1, 2] : [1];
  describe.each(instances)("concurrency with %i opened", (count) => {
    let home: StoreHome;
    const stores: OpenStore[] = [];
    beforeAll(async () => {
      home = await make();
      for (let opened = 0; opened < count; opened += 1) stores.push(await home.open());
    });
    afterAll(async () => {
      await Promise.all(stores.map((store) => store.close()));
      await home.remove();
    });
    testIncrements(stores);
    testRaces(stores);
  });
}

const store = (stores: readonly OpenStore[], nth: number): OpenStore => stores[nth % stores.length] as OpenStore;

/** Decides on what it reads, as often as it is told; returns how often it succeeded. */
async function increment({ log, payments }: OpenStore, ids: readonly string[], times: number): Promise<number> {
  let successes = 0;
  for (let round = 0; round < times; round += 1) {
    const states = await payments.loadForDecision(ids.map((paymentId) => ({ paymentId })));
    const commands = states.map((state) => change((state as { payment: Payment }).payment));
    successes += (await log.append(commands)).filter((result) => result.ok).length;
  }
  return successes;
}

function testIncrements(stores: readonly OpenStore[]): void {
  test("the final sequence is the number of successes, and the log tells each of them once", async () => {
    const shape = fc.record({
      payments: fc.integer({ min: 1, max: 4 }),
      writers: fc.integer({ min: 2, max: 6 }),
      times: fc.integer({ min: 1, max: 6 }),
    });
    await fc.assert(
      fc.asyncProperty(shape, async ({ payments: many, writers, times }) => {
        const first = store(stores, 0);
        const created = Array.from({ length: many }, () => samplePayment());
        const ids = created.map(({ id }) => id);
        const before = await first.log.head();
        recordsIn(await first.log.append(created.map((payment) => creation(payment))));
        const successes = await Promise.all(
          Array.from({ length: writers }, (_, nth) => increment(store(stores, nth), ids, times)),
        );
        const after = await first.payments.loadForDecision(ids.map((paymentId) => ({ paymentId })));
        const sequences = after.map((state) => state?.payment.sequence ?? 0);
        const total = successes.reduce((sum, one) => sum + one, 0);
        expect(sequences.reduce((sum, one) => sum + one - 1, 0)).toBe(total);
        expect(await first.log.head()).toBe(before + many + total);
        for (const [at, id] of ids.entries()) {
          const { records } = await first.log.readAfter(before, { topics: [topics.payment(id)], limit: 1_000 });
          const upTo = Array.from({ length: sequences[at] as number }, (_, index) => index + 1);
          expect(records.map(({ sequence }) => sequence)).toEqual(upTo);
        }
        const all = await first.log.readAfter(before, { limit: 10_000 });
        expect(all.records.map(({ offset }) => offset - before)).toEqual(all.records.map((_, index) => index + 1));
      }),
      { numRuns: 12 },
    );
  });
}

function testRaces(stores: readonly OpenStore[]): void {
  const race = (commands: readonly Parameters<OpenStore["log"]["append"]>[0][number][]) =>
    Promise.all(commands.map((command, nth) => store(stores, nth).log.append([command])));

  test("of many that create a payment on one address, one wins", async () => {
    const payments = Array.from({ length: 10 }, () => samplePayment({ recipient: "contested" }));
    const results = outcomes((await race(payments.map((payment) => creation(payment)))).flat());
    expect(results.filter((outcome) => outcome === "ok")).toHaveLength(1);
    expect(results.filter((outcome) => outcome === "address_in_use")).toHaveLength(9);
  });

  test("of many payments that claim one transfer, one is credited", async () => {
    const payments = Array.from({ length: 10 }, () => samplePayment());
    recordsIn((await race(payments.map((payment) => creation(payment)))).flat());
    const shared = sampleTransfer(payments[0] as Payment);
    const claims = payments.map((payment) => change(payment, {}, { transfers: [shared] }));
    const results = outcomes((await race(claims)).flat());
    expect(results.filter((outcome) => outcome === "ok")).toHaveLength(1);
    expect(results.filter((outcome) => outcome === "transfer_credited")).toHaveLength(9);
  });

  test("of many that answer under one Idempotency-Key, one is stored", async () => {
    const commands = Array.from({ length: 10 }, (_, nth) => {
      const idempotency = {
        merchantId: "merchant",
        key: "contested",
        requestHash: "h",
        httpStatus: 201,
        body: `${nth}`,
        atMs: 1,
      };
      return creation(samplePayment(), { idempotency });
    });
    const results = outcomes((await race(commands)).flat());
    const winner = results.indexOf("ok");
    expect(results.filter((outcome) => outcome === "idempotency")).toHaveLength(9);
    const answer = await store(stores, 1).idempotency.idempotentAnswer("merchant", "contested", 1);
    expect(answer?.body).toBe(`${winner}`);
  });

  test("an index of an extended public key is given once", async () => {
    const taken = await Promise.all(
      Array.from({ length: 20 }, (_, nth) => store(stores, nth).merchants.takeDerivationIndex("bitcoin", "key", 100)),
    );
    expect(taken.sort((a, b) => Number(a) - Number(b))).toEqual(taken.map((_, index) => index));
  });
}
