/** Addresses: who waits there, where a transfer belongs, what is watched. */
import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { RouteQuery } from "../../src/log/store.ts";
import type { Payment } from "../../src/payments/payment.ts";
import { type MakeHome, type OpenStore, openForAll } from "./home.ts";
import {
  change,
  creation,
  outcomes,
  recordsIn,
  samplePayment,
  sampleTransfer,
  T0_MS,
  unattributedTransfer,
} from "./samples.ts";

export function testAddresses(make: MakeHome): void {
  describe("addresses", () => {
    const store = openForAll(make);
    testAddressInUse(store);
    testRoutes(store);
    testLatest(store);
    testWatched(store);
  });
}

const create = async ({ log }: OpenStore, ...payments: Payment[]) =>
  recordsIn(await log.append(payments.map((payment) => creation(payment))));

function testAddressInUse(store: () => OpenStore): void {
  test("a second open payment on an address is refused until the first is closed", async () => {
    const { log } = store();
    const first = samplePayment();
    const second = samplePayment({ recipient: first.recipient });
    await create(store(), first);
    expect(outcomes(await log.append([creation(second)]))).toEqual(["address_in_use"]);
    for (const status of ["confirming", "paid", "reversed"] as const) {
      const other = samplePayment({ status });
      await create(store(), other);
      const next = creation(samplePayment({ recipient: other.recipient }));
      expect(outcomes(await log.append([next]))).toEqual(["address_in_use"]);
    }
    recordsIn(await log.append([change(first, { status: "expired" })]));
    expect(outcomes(await log.append([creation(second)]))).toEqual(["ok"]);
  });

  test("another merchant, another chain, and a payment without an address are not in the way", async () => {
    const first = samplePayment({ recipient: "shared" });
    await create(
      store(),
      first,
      samplePayment({ recipient: "shared", merchantId: randomUUID() }),
      samplePayment({ recipient: "shared", chain: "bitcoin" }),
      samplePayment({ recipient: null, address: null }),
      samplePayment({ recipient: null, address: null }),
    );
  });

  test("a closed payment may open again while a newer one waits; the newer one gets what comes", async () => {
    const { log, payments } = store();
    const older = samplePayment({ status: "final" });
    const newer = samplePayment({ recipient: older.recipient, createdAtMs: T0_MS + 10 });
    await create(store(), older, newer);
    expect(outcomes(await log.append([change(older, { status: "reversed" })]))).toEqual(["ok"]);
    const third = creation(samplePayment({ recipient: older.recipient }));
    expect(outcomes(await log.append([third]))).toEqual(["address_in_use"]);
    expect(await payments.route([query(older, { timeMs: T0_MS + 20 })])).toEqual([route([newer])]);
  });
}

function query(payment: Payment, given: Partial<RouteQuery> = {}): RouteQuery {
  const { chain, recipient } = payment;
  return { chain, txId: randomUUID(), index: "0", recipient: recipient ?? "", timeMs: T0_MS, ...given };
}

const route = (payments: readonly Payment[], lost: readonly Payment[] = []) => ({
  paymentIds: payments.map(({ id }) => id),
  unattributed: lost.map(({ merchantId, address }) => ({ merchantId, address, why: "older_than_payment" })),
});

function testRoutes(store: () => OpenStore): void {
  test("to the open payment, not to one that is younger than the transfer", async () => {
    const payment = samplePayment();
    await create(store(), payment);
    const queries = [query(payment), query(payment, { timeMs: T0_MS - 1 }), query(samplePayment())];
    expect(await store().payments.route(queries)).toEqual([route([payment]), route([], [payment]), route([])]);
  });

  test("to the newest closed payment of its time when none is open", async () => {
    const { log, payments } = store();
    const [first, second, third] = [0, 10, 20].map((later) =>
      samplePayment({ recipient: "reused", createdAtMs: T0_MS + later, status: "expired" }),
    ) as [Payment, Payment, Payment];
    await create(store(), first, second, third);
    const at = (later: number) => query(first, { timeMs: T0_MS + later });
    const wanted = [route([first]), route([second]), route([third]), route([third])];
    expect(await payments.route([at(9), at(10), at(20), at(99)])).toEqual(wanted);
    recordsIn(await log.append([change(first, { status: "confirming" })]));
    expect(await payments.route([at(99)])).toEqual([route([first])]);
  });

  test("a transfer that was credited stays with its payment, whatever waits on the address now", async () => {
    const { log, payments } = store();
    const first = samplePayment({ recipient: "moved-on" });
    const transfer = sampleTransfer(first);
    await log.append([creation(first, { transfers: [transfer] })]);
    await log.append([change(first, { status: "expired" })]);
    const second = samplePayment({ recipient: "moved-on" });
    await create(store(), second);
    const again = query(first, { txId: transfer.txId, timeMs: T0_MS - 1 });
    expect(await payments.route([again, query(first)])).toEqual([route([first]), route([second])]);
  });

  test("the payment that a transfer credits is told to its merchant, erased or not", async () => {
    const { log, payments } = store();
    const [kept, erased] = [samplePayment(), samplePayment()];
    const transfers = [sampleTransfer(kept), sampleTransfer(erased)];
    await log.append([
      creation(kept, { transfers: transfers.slice(0, 1) }),
      creation(erased, { transfers: transfers.slice(1) }),
    ]);
    recordsIn(await log.append([change(erased, { erasedAtMs: T0_MS + 1 })]));
    const { merchantId } = kept;
    const owners = [
      { paymentId: kept.id, erased: false },
      { paymentId: erased.id, erased: true },
    ];
    const unknown = { ...sampleTransfer(kept), txId: "unknown" };
    expect(await payments.creditedPayments(merchantId, [...transfers, unknown])).toEqual([...owners, null]);
    expect(await payments.creditedPayments("another", transfers)).toEqual([null, null]);
  });

  test("what is said of another recipient's transfer goes to no payment that is credited with this one", async () => {
    const { log, payments } = store();
    const [mine, theirs] = [randomUUID(), randomUUID()].map((merchantId) => samplePayment({ merchantId })) as [
      Payment,
      Payment,
    ];
    const transfer = sampleTransfer(mine);
    // The other merchant's backend said that the same transfer had paid its own address.
    const invented = { ...transfer, recipient: theirs.recipient as string };
    await log.append([creation(mine, { transfers: [transfer] }), creation(theirs, { transfers: [invented] })]);
    const { txId } = transfer;
    expect(await payments.route([query(mine, { txId }), query(theirs, { txId })])).toEqual([
      route([mine]),
      route([theirs]),
    ]);
  });

  test("a transfer that was refused as too old stays refused, however late it seems to have been sent", async () => {
    const { log, payments } = store();
    const [payment, other] = [randomUUID(), randomUUID()].map((merchantId) =>
      samplePayment({ merchantId, recipient: "too-late" }),
    ) as [Payment, Payment];
    await create(store(), payment, other);
    const txId = randomUUID();
    const refused = (creditTimeMs: number) => unattributedTransfer(payment.merchantId, txId, creditTimeMs);
    const lost = [route([other], [payment])];
    expect(recordsIn(await log.append([refused(T0_MS - 5)]))).toHaveLength(1);
    expect(await payments.route([query(payment, { txId, timeMs: T0_MS + 60_000 })])).toEqual(lost);
    // Said again with another time: the earlier one counts.
    expect(recordsIn(await log.append([refused(T0_MS + 9)]))).toEqual([]);
    expect(await payments.route([query(payment, { txId, timeMs: T0_MS + 60_000 })])).toEqual(lost);
    const later = unattributedTransfer(other.merchantId, txId, T0_MS + 9);
    recordsIn(await log.append([later, { ...later, creditTimeMs: T0_MS - 1 }]));
    const [routed] = await payments.route([query(payment, { txId, timeMs: T0_MS + 60_000 })]);
    expect(routed?.paymentIds).toEqual([]);
  });

  test("to one payment of each merchant who knows the address", async () => {
    const { log, payments } = store();
    const merchants = ["1", "2", "3"].map((nth) => `${randomUUID()}-${nth}`).sort();
    const [credited, open, young] = merchants.map((merchantId, nth) =>
      samplePayment({ merchantId, recipient: "well-known", createdAtMs: T0_MS + nth * 10 }),
    ) as [Payment, Payment, Payment];
    const transfer = sampleTransfer(credited);
    await log.append([creation(credited, { transfers: [transfer] }), creation(open), creation(young)]);
    const asked = query(credited, { txId: transfer.txId, timeMs: T0_MS + 10 });
    expect(await payments.route([asked])).toEqual([route([credited, open], [young])]);
    expect(await payments.merchantsOnAddress("sandbox", "well-known")).toEqual(merchants);
    expect(await payments.merchantsOnAddress("bitcoin", "well-known")).toEqual([]);
  });
}

function testLatest(store: () => OpenStore): void {
  test("the latest payment on an address is the one created last, with its newest transfer", async () => {
    const { log, payments } = store();
    const older = samplePayment({ recipient: "latest", status: "pending" });
    const newer = samplePayment({ recipient: "latest", status: "expired", createdAtMs: T0_MS + 1 });
    const transfers = [sampleTransfer(newer), sampleTransfer(newer)];
    await log.append([creation(newer, { transfers }), creation(older)]);
    expect(await payments.latestOnAddress("merchant", "sandbox", "latest")).toEqual({
      state: { payment: newer, transfers: [transfers[1]] },
      offset: await log.head(),
    });
    expect(await payments.latestOnAddress("another", "sandbox", "latest")).toBeNull();
    expect(await payments.latestOnAddress("merchant", "sandbox", "never")).toBeNull();
  });
}

function testWatched(store: () => OpenStore): void {
  test("every match key of a chain is named once, whatever became of its payments", async () => {
    const { log, payments } = store();
    const keys = Array.from({ length: 25 }, (_, nth) => `key-${String(nth).padStart(2, "0")}`);
    const chain = "mercury";
    const made = keys.flatMap((recipient, nth) => [
      samplePayment({ chain, recipient, status: nth % 2 ? "expired" : "final" }),
      samplePayment({ chain, recipient }),
    ]);
    await log.append(made.map((payment) => creation(payment)));
    const read: string[] = [];
    for (let after: string | null = null; ; ) {
      const page: readonly string[] = await payments.watchedRecipients(chain, after, 4);
      if (page.length === 0) break;
      read.push(...page);
      after = page.at(-1) ?? null;
    }
    expect(read).toEqual(keys);
  });
}
