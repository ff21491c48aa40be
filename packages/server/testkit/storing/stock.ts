/** What orders move: with the payment or not at all, never below nothing. */
import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { Payment } from "../../src/payments/payment.ts";
import { stockLines } from "../../src/payments/stock.ts";
import { type MakeHome, type OpenStore, openForAll, type StoreCapabilities } from "./home.ts";
import { creation, outcomes, recordsIn, samplePayment, T0_MS } from "./samples.ts";
import { changing, itemsOf, level, moving, numbers, ordering, stocked } from "./stock-samples.ts";

export function testStock(make: MakeHome, { twoInstances }: StoreCapabilities): void {
  describe("orders", () => {
    const store = openForAll(make);
    testMovements(store);
    testNewOrders(store);
    testOrderLists(store);
  });
  if (twoInstances) describe("orders through two openings", () => testTwo(make));
}

function testMovements(store: () => OpenStore): void {
  test("an order's records come first, then the numbers of its products; both or neither", async () => {
    const { log, payments } = store();
    const product = await stocked(store());
    const command = ordering(product, 2);
    const records = recordsIn(await log.append([command]));
    expect(records.map(({ type }) => type)).toEqual(["payment.created", "stock.changed"]);
    expect(records[1]?.data.stock).toEqual(level(product, 5, 2));
    expect((await payments.snapshot(command.payment.id))?.state.payment).toEqual(command.payment);

    const before = await log.head();
    const tooMuch = ordering(product, 4);
    const [refused] = await log.append([tooMuch]);
    const shortages = [{ productId: product.id, wanted: 4, available: 3 }];
    expect(refused).toEqual({ ok: false, reason: "out_of_stock", shortages });
    expect(await payments.snapshot(tooMuch.payment.id)).toBeNull();
    expect(await numbers(store(), product)).toEqual([5, 2]);
    expect(await log.head()).toBe(before);
  });

  test("what is short is named product by product, and none of the others is kept back", async () => {
    const { log } = store();
    const [plenty, few] = [await stocked(store(), { stock: 50 }), await stocked(store(), { stock: 1 })];
    const command = ordering(plenty, 10);
    const items = [...itemsOf(plenty, 10), ...itemsOf(few, 2)];
    const lines = stockLines(items, null, "reserved");
    const prices = [plenty, few].map(({ id, priceAtomic }) => ({ productId: id, priceAtomic }));
    const both = { ...command, stock: { lines, order: { customer: "", prices } } };
    const [refused] = await log.append([both]);
    expect(refused).toMatchObject({ shortages: [{ productId: few.id, wanted: 2, available: 1 }] });
    expect([await numbers(store(), plenty), await numbers(store(), few)]).toEqual([
      [50, 0],
      [1, 0],
    ]);
  });

  test("taken, returned, taken again, and never more than there is", async () => {
    const { log } = store();
    const product = await stocked(store(), { stock: 2 });
    const { payment: ordered } = ordering(product, 2);
    const first = ordering(product, 2, ordered);
    recordsIn(await log.append([first]));
    const take = moving(first.payment, { status: "paid", stock: "taken" });
    recordsIn(await log.append([take]));
    expect(await numbers(store(), product)).toEqual([0, 0]);
    const back = moving(take.payment, { status: "reversed", stock: "returned" });
    recordsIn(await log.append([back]));
    expect(await numbers(store(), product)).toEqual([2, 0]);
    recordsIn(await log.append([ordering(product, 1)]));
    const again = moving(back.payment, { status: "paid", stock: "taken" });
    expect(outcomes(await log.append([again]))).toEqual(["out_of_stock"]);
    const short = moving(back.payment, { status: "paid", stock: "short" });
    expect(recordsIn(await log.append([short])).map(({ type }) => type)).toEqual(["payment.delivery_changed"]);
    expect(await numbers(store(), product)).toEqual([2, 1]);
  });

  test("a decision on an old sequence moves nothing", async () => {
    const { log } = store();
    const product = await stocked(store());
    const { payment, ...command } = ordering(product, 2);
    recordsIn(await log.append([{ payment, ...command }]));
    const release = moving(payment, { status: "expired", stock: "released" });
    const results = await log.append([release, release, moving(payment, { status: "paid", stock: "taken" })]);
    expect(outcomes(results)).toEqual(["ok", "conflict", "conflict"]);
    expect(await numbers(store(), product)).toEqual([5, 0]);
  });

  test("units that would come from nowhere are an error, and nothing is stored", async () => {
    const { log, payments } = store();
    const product = await stocked(store());
    const payment = samplePayment({ items: itemsOf(product, 1), stock: "reserved" });
    recordsIn(await log.append([creation(payment)]));
    // Nothing was reserved for it.
    const release = moving(payment, { status: "expired", stock: "released" });
    await expect(log.append([release])).rejects.toThrow("do not fit the stock");
    expect((await payments.snapshot(payment.id))?.state.payment).toEqual(payment);
    expect(await numbers(store(), product)).toEqual([5, 0]);
  });
}

function testNewOrders(store: () => OpenStore): void {
  test("one pending order per customer of a merchant; the other one is named", async () => {
    const { log, products } = store();
    const product = await stocked(store(), { stock: 100 });
    const customer = randomUUID();
    const first = ordering(product, 1, { customer });
    const results = await log.append([first, ordering(product, 1, { customer }), ordering(product, 1)]);
    expect(outcomes(results)).toEqual(["ok", "pending_order_exists", "ok"]);
    expect(results[1]).toMatchObject({ pendingOrderId: first.payment.id });
    expect(await products.pendingOrder("merchant", customer)).toBe(first.payment.id);
    expect(await products.pendingOrder("another", customer)).toBeNull();

    const paid = moving(first.payment, { status: "paid", stock: "taken" });
    recordsIn(await log.append([paid]));
    expect(await products.pendingOrder("merchant", customer)).toBeNull();
    const second = ordering(product, 1, { customer });
    recordsIn(await log.append([second]));
    // The first one comes back: that is not refused.
    recordsIn(await log.append([moving(paid.payment, { status: "reversed", stock: "returned" })]));
    expect(outcomes(await log.append([ordering(product, 1, { customer })]))).toEqual(["pending_order_exists"]);
    recordsIn(await log.append([moving(second.payment, { status: "cancelled", stock: "released" })]));
    expect(await products.pendingOrder("merchant", customer)).toBe(first.payment.id);
    expect(await products.countOrders("merchant", customer)).toEqual({ pending: 1, completed: 0, cancelled: 1 });
  });

  test("an order that was priced before the price changed, or the product left, is composed anew", async () => {
    const { log } = store();
    const product = await stocked(store());
    recordsIn(await log.append([changing(product, { type: "edit", priceAtomic: 8n })]));
    expect(outcomes(await log.append([ordering(product, 1)]))).toEqual(["product_changed"]);
    recordsIn(await log.append([changing(product, { type: "archive" })]));
    const repriced = ordering({ ...product, priceAtomic: 8n }, 1);
    const stranger = ordering({ ...product, merchantId: "another" }, 1);
    expect(outcomes(await log.append([repriced, stranger]))).toEqual(["product_changed", "product_changed"]);
    expect(await numbers(store(), product)).toEqual([5, 0]);
  });

  test("a request that was carried out already is told so, and not that it stands in its own way", async () => {
    const { log } = store();
    const product = await stocked(store());
    const customer = randomUUID();
    const answer = {
      merchantId: "merchant",
      key: randomUUID(),
      requestHash: "hash",
      httpStatus: 201,
      body: "{}",
      atMs: T0_MS,
    };
    const once = () => ({ ...ordering(product, 4, { customer }), idempotency: answer });
    expect(outcomes(await log.append([once(), once()]))).toEqual(["ok", "idempotency"]);
    const other = { ...ordering(product, 4), idempotency: answer };
    expect(outcomes(await log.append([other]))).toEqual(["idempotency"]);
    expect(await numbers(store(), product)).toEqual([5, 4]);
  });

  test("an erased order stands in nobody's way and is nobody's any more", async () => {
    const { log, products } = store();
    const product = await stocked(store());
    const customer = randomUUID();
    const first = ordering(product, 1, { customer });
    recordsIn(await log.append([first]));
    const erased = { stock: "released", customer: null, items: null, erasedAtMs: T0_MS + 1 } as const;
    recordsIn(await log.append([moving(first.payment, erased)]));
    expect(await numbers(store(), product)).toEqual([5, 0]);
    expect(outcomes(await log.append([ordering(product, 1, { customer })]))).toEqual(["ok"]);
    expect(await products.countOrders("merchant", customer)).toEqual({ pending: 1, completed: 0, cancelled: 0 });
  });
}

function testOrderLists(store: () => OpenStore): void {
  test("orders are listed apart from payments, by status and by customer", async () => {
    const { log, payments } = store();
    const merchantId = randomUUID();
    const product = await stocked(store(), { merchantId, stock: 100 });
    const made = ["ann", "bob", "eve"].map((customer, nth) =>
      ordering(product, 1, { customer, createdAtMs: T0_MS + nth }),
    );
    recordsIn(await log.append([...made, creation(samplePayment({ merchantId, customer: "ann" }))]));
    const [ann, bob, eve] = made.map(({ payment }) => payment) as [Payment, Payment, Payment];
    recordsIn(await log.append([moving(bob, { status: "paid", stock: "taken" })]));
    const list = async (filter: Partial<Parameters<typeof payments.list>[0]>) =>
      (await payments.list({ merchantId, limit: 10, ...filter })).payments.map(({ payment }) => payment.id);
    expect(await list({ order: "any" })).toEqual([eve.id, bob.id, ann.id]);
    expect(await list({ order: "pending" })).toEqual([eve.id, ann.id]);
    expect(await list({ order: "completed" })).toEqual([bob.id]);
    expect(await list({ order: "any", customer: "ann" })).toEqual([ann.id]);
    expect(await list({ order: "cancelled", customer: "ann" })).toEqual([]);
    expect(await list({ customer: "ann" })).toHaveLength(2);
  });
}

function testTwo(make: MakeHome): void {
  test("the last units go to as many as there are, and one customer gets one order, whoever asks where", async () => {
    const home = await make();
    const [one, two] = [await home.open(), await home.open()];
    const product = await stocked(one, { stock: 10 });
    const openings = [one, two] as const;
    const attempts = Array.from({ length: 60 }, (_, nth) => {
      const { log } = openings[nth % 2] as OpenStore;
      return log.append([ordering(product, 1, { customer: `customer-${nth % 15}` })]);
    });
    const results = (await Promise.all(attempts)).flatMap(outcomes);
    expect(results.filter((result) => result === "ok")).toHaveLength(10);
    expect(new Set(results)).toEqual(new Set(["ok", "pending_order_exists", "out_of_stock"]));
    expect(await numbers(two, product)).toEqual([10, 10]);
    await one.close();
    await two.close();
    await home.remove();
  });
}
