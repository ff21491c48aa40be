/** Payments come back as they were stored: one, for a decision, in lists. */
import { randomUUID } from "node:crypto";
import { AMOUNT_STATES, DELIVERY_STATES, PAYMENT_FLAGS, PAYMENT_STATUSES, TRANSFER_STATUSES } from "@paybell/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { PaymentQuery } from "../../src/log/store.ts";
import type { Payment } from "../../src/payments/payment.ts";
import type { Transfer } from "../../src/payments/transfer.ts";
import { type MakeHome, type OpenStore, openForAll } from "./home.ts";
import { change, creation, recordsIn, samplePayment, sampleTransfer, T0_MS } from "./samples.ts";

export function testPayments(make: MakeHome): void {
  describe("payments", () => {
    const store = openForAll(make);
    testRoundTrip(store);
    testDecisions(store);
    testLists(store);
    testCounts(store);
  });
}

const text = fc.string({ unit: "grapheme", maxLength: 12 });
const maybe = <T>(some: fc.Arbitrary<T>) => fc.option(some, { nil: null });
const time = fc.nat({ max: 2 ** 47 });
const atomic = fc.bigInt({ min: 0n, max: 2n ** 256n });

/** What a decision may change. */
const changing = {
  status: fc.constantFrom(...PAYMENT_STATUSES),
  amountState: fc.constantFrom(...AMOUNT_STATES),
  delivery: fc.constantFrom(...DELIVERY_STATES),
  flags: fc.subarray([...PAYMENT_FLAGS]),
  receivedAtomic: atomic,
  coveringTxId: maybe(text),
  confirmations: fc.nat(),
  claimedAtMs: maybe(time),
  updatedAtMs: time,
  deadlineMs: maybe(time),
} satisfies { [field in keyof Payment]?: fc.Arbitrary<Payment[field]> };

const anyChange = fc.record(changing);

const anyPayment = fc.record({
  amountAtomic: maybe(atomic),
  address: maybe(text),
  derivationIndex: maybe(fc.nat()),
  uri: maybe(text),
  reference: maybe(text),
  customer: maybe(text),
  items: maybe(fc.array(fc.record({ name: text, quantity: fc.nat() }), { maxLength: 3 })),
  metadata: maybe(
    fc.dictionary(
      text.filter((key) => key !== "__proto__"),
      fc.oneof(text, fc.integer(), fc.boolean()),
    ),
  ),
  createdAtMs: time,
  expiresAtMs: maybe(time),
  monitorUntilMs: maybe(time),
  ...changing,
}) satisfies fc.Arbitrary<Partial<Payment>>;

const anyTransfer = fc.record({
  txId: fc.uuid(),
  index: text,
  amountAtomic: atomic,
  status: fc.constantFrom(...TRANSFER_STATUSES),
  confirmations: fc.nat(),
  block: maybe(fc.record({ height: fc.nat(), hash: text, timeMs: time })),
  firstSeenAtMs: time,
  replaceable: fc.boolean(),
  replacedBy: maybe(text),
  spends: fc.array(text, { maxLength: 3 }),
  dueHeight: maybe(fc.nat()),
}) satisfies fc.Arbitrary<Partial<Transfer>>;

function testRoundTrip(store: () => OpenStore): void {
  test("any payment with any transfers comes back as it was stored, and as it was changed", async () => {
    const key = (transfer: Partial<Transfer>) => JSON.stringify([transfer.txId, transfer.index]);
    const transfers = fc.uniqueArray(anyTransfer, { maxLength: 4, selector: key });
    await fc.assert(
      fc.asyncProperty(anyPayment, anyChange, transfers, async (first, then, given) => {
        const { log, payments } = store();
        const payment = samplePayment(first);
        const stored = given.map((transfer) => sampleTransfer(payment, transfer));
        recordsIn(await log.append([creation(payment, { transfers: stored })]));
        expect((await payments.snapshot(payment.id))?.state).toEqual({ payment, transfers: stored });
        const command = change(payment, then);
        recordsIn(await log.append([command]));
        expect((await payments.snapshot(payment.id))?.state.payment).toEqual(command.payment);
      }),
      { numRuns: 60 },
    );
  });

  test("a snapshot has the newest 100 transfers, in the order in which they became known", async () => {
    const { log, payments } = store();
    const payment = samplePayment({ amountAtomic: null });
    const transfers = Array.from({ length: 103 }, () => sampleTransfer(payment));
    await log.append([creation(payment, { transfers })]);
    expect((await payments.snapshot(payment.id))?.state.transfers).toEqual(transfers.slice(3));
  });

  test("there is no snapshot of a payment that does not exist", async () => {
    expect(await store().payments.snapshot(randomUUID())).toBeNull();
  });
}

function testDecisions(store: () => OpenStore): void {
  test("for a decision: in the order asked, null where there is none, with all transfers", async () => {
    const { log, payments } = store();
    const [one, two] = [samplePayment(), samplePayment()];
    const transfers = Array.from({ length: 103 }, () => sampleTransfer(two));
    await log.append([creation(one), creation(two, { transfers })]);
    const ids = [two.id, randomUUID(), one.id, two.id];
    const loaded = await payments.loadForDecision(ids.map((paymentId) => ({ paymentId })));
    const second = { payment: two, transfers };
    expect(loaded).toEqual([second, null, { payment: one, transfers: [] }, second]);
  });

  test("of a standing payment only the transfers concerned are loaded, and never another payment's", async () => {
    const { log, payments } = store();
    const [standing, other] = [samplePayment({ amountAtomic: null }), samplePayment()];
    const transfers = Array.from({ length: 5 }, () => sampleTransfer(standing));
    const foreign = sampleTransfer(other);
    await log.append([creation(standing, { transfers }), creation(other, { transfers: [foreign] })]);
    const concerning = [transfers[3], transfers[1], transfers[3], foreign].map((transfer) => transfer as Transfer);
    const loaded = await payments.loadForDecision([
      { paymentId: standing.id, concerning: [...concerning, { txId: "unknown", index: "0" }] },
      { paymentId: standing.id },
    ]);
    expect(loaded.map((state) => state?.transfers)).toEqual([[transfers[1], transfers[3]], []]);
  });
}

function testLists(store: () => OpenStore): void {
  test("pages of any filter give what a sorted list of all would give, each payment once", async () => {
    const { log, payments } = store();
    const merchantId = randomUUID();
    const pick = <T>(values: readonly T[], nth: number): T => values[nth % values.length] as T;
    const all = Array.from({ length: 40 }, (_, nth) =>
      samplePayment({
        merchantId,
        reference: pick(["r1", "r2", null], nth),
        customer: pick(["c1", null], nth),
        status: pick(["pending", "paid", "expired"] as const, nth >> 1),
        createdAtMs: T0_MS + (nth >> 2),
      }),
    );
    recordsIn(await log.append(all.map((payment) => creation(payment))));
    const filters: Partial<PaymentQuery>[] = [{}, { reference: "r1" }, { customer: "c1" }, { status: "paid" }];
    filters.push({ reference: "r2", customer: "c1", status: "pending" }, { reference: "nobody" });
    for (const filter of filters) {
      const wanted = all
        .filter((payment) => Object.entries(filter).every(([name, value]) => payment[name as keyof Payment] === value))
        .sort((a, b) => b.createdAtMs - a.createdAtMs || (a.id < b.id ? 1 : -1));
      const read: Payment[] = [];
      for (let after: string | null | undefined; after !== null; ) {
        const page = await payments.list({ merchantId, ...filter, limit: 7, ...(after ? { after } : {}) });
        expect(page.payments.length).toBeLessThanOrEqual(7);
        read.push(...page.payments.map(({ payment }) => payment));
        after = page.next;
      }
      expect(read).toEqual(wanted);
    }
  });

  test("a page that ends exactly at the last payment is the last page", async () => {
    const { log, payments } = store();
    const merchantId = randomUUID();
    await log.append([1, 2].map(() => creation(samplePayment({ merchantId }))));
    expect((await payments.list({ merchantId, limit: 2 })).next).toBeNull();
    expect((await payments.list({ merchantId, limit: 1 })).next).not.toBeNull();
  });

  test("a page with more than 5,000 transfers ends there, and the next one goes on", async () => {
    const { log, payments } = store();
    const merchantId = randomUUID();
    const made = Array.from({ length: 503 }, () => samplePayment({ merchantId }));
    recordsIn(
      await log.append(
        made.map((payment) =>
          creation(payment, { transfers: Array.from({ length: 10 }, () => sampleTransfer(payment)) }),
        ),
      ),
    );
    const first = await payments.list({ merchantId, limit: 1_000 });
    expect(first.payments).toHaveLength(501);
    const second = await payments.list({ merchantId, limit: 1_000, after: first.next as string });
    expect([second.payments.length, second.next]).toEqual([2, null]);
    const ids = [...first.payments, ...second.payments].map(({ payment }) => payment.id);
    expect(ids.sort()).toEqual(made.map(({ id }) => id).sort());
  });

  test("a list shows the newest transfers of each payment", async () => {
    const { log, payments } = store();
    const payment = samplePayment({ merchantId: randomUUID() });
    const transfers = Array.from({ length: 13 }, () => sampleTransfer(payment));
    await log.append([creation(payment, { transfers })]);
    const { merchantId } = payment;
    expect((await payments.list({ merchantId, limit: 5 })).payments).toEqual([
      { payment, transfers: transfers.slice(3) },
    ]);
  });

  test("an `after` that is no page's `next` is refused", async () => {
    for (const after of ["", "nonsense", "MTIz"]) {
      await expect(store().payments.list({ merchantId: "m", limit: 1, after })).rejects.toMatchObject({
        code: "invalid_cursor",
      });
    }
  });
}

function testCounts(store: () => OpenStore): void {
  test("are counted by status: each change once, a refused one not, an erased payment no longer", async () => {
    const { log, payments } = store();
    const before = await payments.countByStatus();
    const [first, second, third] = [samplePayment(), samplePayment(), samplePayment()];
    recordsIn(await log.append([first, second, third].map((payment) => creation(payment))));
    const paid = change(first, { status: "paid" });
    recordsIn(await log.append([paid]));
    // Decided on what has changed meanwhile, and a second change that leaves the status as it is.
    expect((await log.append([change(first, { status: "failed" })]))[0]).toMatchObject({ reason: "conflict" });
    recordsIn(await log.append([change(paid.payment, { confirmations: 3 })]));
    const cancelled = change(second, { status: "cancelled" });
    recordsIn(await log.append([cancelled]));
    recordsIn(await log.append([change(cancelled.payment, { erasedAtMs: T0_MS })]));
    const after = await payments.countByStatus();
    const added = PAYMENT_STATUSES.map((status) => [status, after[status] - before[status]] as const);
    expect(added.filter(([, count]) => count !== 0)).toEqual([
      ["pending", 1],
      ["paid", 1],
    ]);
  });
}
