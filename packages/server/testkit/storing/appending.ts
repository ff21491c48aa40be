/** What one append does, and does not do. */
import { randomUUID } from "node:crypto";
import type { EventData } from "@paybell/protocol";
import { describe, expect, test } from "vitest";
import type { WatcherProgress } from "../../src/log/event-log.ts";
import { topics } from "../../src/log/topic.ts";
import { type MakeHome, type OpenStore, openForAll } from "./home.ts";
import {
  change,
  creation,
  outcomes,
  recordsIn,
  samplePayment,
  sampleTransfer,
  unattributedTransfer,
} from "./samples.ts";

export function testAppending(make: MakeHome): void {
  describe("appending", () => {
    const store = openForAll(make);
    testGroups(store);
    testProgress(store);
    testTransfers(store);
    testFaults(store);
  });
  describe("after a restart", () => testRestart(make));
}

function testGroups(store: () => OpenStore): void {
  test("records get the offsets behind the head, in the order of the commands", async () => {
    const { log } = store();
    const before = await log.head();
    const payments = [samplePayment(), samplePayment(), samplePayment()];
    const records = recordsIn(await log.append(payments.map((payment) => creation(payment))));
    expect(records.map(({ offset }) => offset)).toEqual([before + 1, before + 2, before + 3]);
    expect(records.map(({ paymentId }) => paymentId)).toEqual(payments.map(({ id }) => id));
    expect(new Set(records.map(({ id }) => id)).size).toBe(3);
    expect(records.every(({ id }) => /^evt_[0-9a-zA-Z_-]+$/.test(id))).toBe(true);
    expect(await log.head()).toBe(before + 3);
    expect((await log.readAfter(before, { limit: 10 })).records).toEqual(records);
  });

  test("one that fails undoes nothing of its group and leaves no gap in the offsets", async () => {
    const { log, payments } = store();
    const waiting = samplePayment();
    await log.append([creation(waiting)]);
    const before = await log.head();
    const good = [samplePayment(), samplePayment(), samplePayment()] as const;
    const onSameAddress = samplePayment({ recipient: waiting.recipient });
    const results = await log.append([
      creation(good[0]),
      creation(waiting),
      creation(good[1]),
      creation(onSameAddress),
      change(samplePayment()),
      creation(good[2]),
    ]);
    expect(outcomes(results)).toEqual(["ok", "conflict", "ok", "address_in_use", "conflict", "ok"]);
    const { records } = await log.readAfter(before, { limit: 10 });
    expect(records.map(({ offset }) => offset)).toEqual([before + 1, before + 2, before + 3]);
    expect(records.map(({ paymentId }) => paymentId)).toEqual(good.map(({ id }) => id));
    expect(await payments.snapshot(onSameAddress.id)).toBeNull();
  });

  test("a decision on an old sequence is refused", async () => {
    const { log, payments } = store();
    const payment = samplePayment();
    await log.append([creation(payment)]);
    expect(outcomes(await log.append([change(payment, { delivery: "processing" })]))).toEqual(["ok"]);
    expect(outcomes(await log.append([change(payment, { delivery: "on_hold" })]))).toEqual(["conflict"]);
    expect((await payments.snapshot(payment.id))?.state.payment).toMatchObject({ sequence: 2, delivery: "processing" });
  });

  test("an append of nothing gives nothing", async () => {
    const before = await store().log.head();
    expect(await store().log.append([])).toEqual([]);
    expect(await store().log.head()).toBe(before);
  });
}

function testProgress(store: () => OpenStore): void {
  const at = (chain: string, headHeight: number): WatcherProgress => ({
    chain,
    cursor: { hash: `block-${headHeight}`, height: headHeight },
    headHeight,
    watchedUntilMs: headHeight * 1_000,
  });

  test("progress is stored with its commands, also without any", async () => {
    const { log, payments } = store();
    expect(await payments.progress("moon")).toBeNull();
    await log.append([creation(samplePayment())], at("moon", 1));
    expect(await payments.progress("moon")).toEqual(at("moon", 1));
    await log.append([], at("moon", 2));
    expect(await payments.progress("moon")).toEqual(at("moon", 2));
  });

  test("progress is not stored when a command of its call failed; the other commands are", async () => {
    const { log, payments } = store();
    const payment = samplePayment();
    await log.append([], at("mars", 1));
    const results = await log.append([creation(payment), creation(payment)], at("mars", 2));
    expect(outcomes(results)).toEqual(["ok", "conflict"]);
    expect(await payments.progress("mars")).toEqual(at("mars", 1));
    expect(await payments.snapshot(payment.id)).not.toBeNull();
  });

  test("another call's failure does not hold up this call's progress", async () => {
    const { log, payments } = store();
    const payment = samplePayment();
    await log.append([creation(payment)]);
    await Promise.all([log.append([creation(payment)], at("venus", 1)), log.append([], at("saturn", 1))]);
    expect(await payments.progress("venus")).toBeNull();
    expect(await payments.progress("saturn")).toEqual(at("saturn", 1));
  });
}

function testTransfers(store: () => OpenStore): void {
  test("a transfer credits one payment of a merchant; nothing of the command that takes it again is kept", async () => {
    const { log, payments } = store();
    const [first, second] = [samplePayment(), samplePayment()];
    const shared = sampleTransfer(first);
    const fresh = sampleTransfer(second);
    await log.append([creation(first), creation(second)]);
    await log.append([change(first, {}, { transfers: [shared] })]);
    const before = await log.head();
    const results = await log.append([
      change(second, { delivery: "processing" }, { transfers: [fresh, { ...shared, amountAtomic: 1n }] }),
    ]);
    expect(outcomes(results)).toEqual(["transfer_credited"]);
    expect(await log.head()).toBe(before);
    expect((await payments.snapshot(second.id))?.state).toEqual({ payment: second, transfers: [] });
    expect((await payments.snapshot(first.id))?.state.transfers).toEqual([shared]);
  });

  test("a transfer may credit a payment of another merchant too", async () => {
    const { log, payments } = store();
    const first = samplePayment();
    const second = samplePayment({ merchantId: randomUUID() });
    const shared = sampleTransfer(first);
    const commands = [first, second].map((payment) => creation(payment, { transfers: [shared] }));
    expect(outcomes(await log.append(commands))).toEqual(["ok", "ok"]);
    for (const { id } of [first, second]) {
      expect((await payments.snapshot(id))?.state.transfers).toEqual([shared]);
    }
  });

  test("a transfer that comes again replaces what was known of it, and keeps its place", async () => {
    const { log, payments } = store();
    const payment = samplePayment();
    const [older, newer] = [sampleTransfer(payment), sampleTransfer(payment)];
    const block = { height: 7, hash: "block-7", timeMs: 7_000 };
    const included = { ...older, status: "included" as const, confirmations: 1, block, spends: ["a:0"], dueHeight: 8 };
    const created = creation(payment, { transfers: [older, newer] });
    await log.append([created]);
    await log.append([change(created.payment, {}, { transfers: [included] })]);
    expect((await payments.snapshot(payment.id))?.state.transfers).toEqual([included, newer]);
  });

  test("a transfer that fits no payment is recorded once per merchant", async () => {
    const { log } = store();
    const [one, other, txId] = [randomUUID(), randomUUID(), randomUUID()];
    const first = recordsIn(await log.append([unattributedTransfer(one, txId)]));
    expect(first).toMatchObject([{ type: "transfer.unattributed", paymentId: null, sequence: null, merchantId: one }]);
    expect(recordsIn(await log.append([unattributedTransfer(one, txId)]))).toEqual([]);
    expect(recordsIn(await log.append([unattributedTransfer(other, txId)]))).toHaveLength(1);
    const page = await log.readAfter(0, { topics: [topics.merchant(one)], limit: 10 });
    expect(page.records).toEqual(first);
  });
}

function testFaults(store: () => OpenStore): void {
  test("a gap in a payment's sequence never reaches the log", async () => {
    const { log } = store();
    const payment = samplePayment();
    await log.append([creation(payment)]);
    const before = await log.head();
    const skipping = change({ ...payment, sequence: 2 });
    await expect(log.append([{ ...skipping, expectedSequence: 1 }])).rejects.toThrow(payment.id);
    expect(await log.head()).toBe(before);
  });

  test("a call that cannot be stored leaves nothing, and its neighbours in the commit untouched", async () => {
    const { log, payments } = store();
    const [first, part, last] = [samplePayment(), samplePayment(), samplePayment()] as const;
    const badRow = creation(samplePayment({ metadata: { amount: 1n } }));
    const unnamed = creation(samplePayment());
    const badRecord = { ...unnamed, events: unnamed.events.map((event) => ({ ...event, data: cyclic() })) };
    const calls = [[creation(first)], [creation(part), badRow], [creation(part), badRecord], [creation(last)]];
    const settled = await Promise.allSettled(calls.map((commands) => log.append(commands)));
    expect(settled.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "rejected", "fulfilled"]);
    for (const { payment } of [creation(part), badRow, badRecord]) {
      expect(await payments.snapshot(payment.id)).toBeNull();
    }
    const head = await log.head();
    const { records } = await log.readAfter(head - 2, { limit: 10 });
    expect(records.map(({ paymentId, offset }) => [paymentId, offset])).toEqual([
      [first.id, head - 1],
      [last.id, head],
    ]);
  });
}

/** No store can write it down. */
function cyclic(): EventData {
  const data: EventData & { self?: unknown } = { payment: null, transfers: [] };
  data.self = data;
  return data;
}

function testRestart(make: MakeHome): void {
  test("everything that was answered is there, under the same epoch", async () => {
    const home = await make();
    let store = await home.open();
    const payment = samplePayment();
    const transfer = sampleTransfer(payment);
    const answered = recordsIn(await store.log.append([creation(payment, { transfers: [transfer] })]));
    const { epoch } = store.log;
    await store.close();
    store = await home.open();
    expect(store.log.epoch).toBe(epoch);
    expect(epoch).toMatch(/^[0-9a-z]{1,16}$/);
    expect((await store.log.readAfter(0, { limit: 10 })).records).toEqual(answered);
    expect(await store.payments.snapshot(payment.id)).toEqual({ state: { payment, transfers: [transfer] }, offset: 1 });
    const next = recordsIn(await store.log.append([change(payment)]));
    expect(next.map(({ offset, sequence }) => [offset, sequence])).toEqual([[2, 2]]);
    await store.close();
    await home.remove();
  });

  test("two stores have two epochs", async () => {
    const homes = [await make(), await make()];
    const stores = await Promise.all(homes.map((home) => home.open()));
    expect(stores[0]?.log.epoch).not.toBe(stores[1]?.log.epoch);
    await Promise.all(stores.map((store) => store.close()));
    await Promise.all(homes.map((home) => home.remove()));
  });
}
