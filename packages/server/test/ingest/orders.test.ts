/** Orders on the real ingest and the real store: what becomes of their units, and who is refused. */
import { rm } from "node:fs/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { PaybellError } from "../../src/kit/errors.ts";
import { topics } from "../../src/log/topic.ts";
import { orderStatus } from "../../src/payments/order.ts";
import { EXPIRES_IN_SECONDS, ShopFloor } from "../../testkit/shop-floor.ts";
import { temporaryDir } from "../../testkit/sqlite-home.ts";

let dataDir: string;
let shop: ShopFloor;

beforeEach(async () => {
  dataDir = await temporaryDir();
  shop = await ShopFloor.open(dataDir);
});
afterEach(async () => {
  await shop.audit();
  await shop.close();
  await rm(dataDir, { recursive: true });
});

const one = (product: { id: string }, quantity = 1) => [{ productId: product.id, quantity }];

async function refused(work: Promise<unknown>): Promise<PaybellError> {
  const error = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (error instanceof PaybellError) return error;
  throw new Error(`It was not refused: ${error}`);
}

const execute = (id: string, input: Parameters<typeof shop.core.ingest.execute>[2]) =>
  shop.core.ingest.execute("merchant", id, input);

test("an order costs what its products cost, reserves their units, and takes them when it is paid", async () => {
  const bell = await shop.product(5, 10n ** 30n);
  const rope = await shop.product(9, 7n);
  const red = { productId: bell.id, quantity: 1, options: { color: "red" } };
  const { payment } = await shop.order("ann", [...one(bell, 2), ...one(rope, 3), red]);
  expect(payment).toMatchObject({ amountAtomic: 3n * 10n ** 30n + 21n, stock: "reserved", status: "pending" });
  expect(payment.items).toEqual([
    { productId: bell.id, name: "Bell", quantity: 2, unitAmount: `${10n ** 30n}` },
    { productId: rope.id, name: "Bell", quantity: 3, unitAmount: "7" },
    { productId: bell.id, name: "Bell", quantity: 1, unitAmount: `${10n ** 30n}`, options: { color: "red" } },
  ]);
  expect(await shop.numbers(bell, rope)).toEqual(["5/3", "9/3"]);
  await shop.pay(payment.id);
  expect(await shop.numbers(bell, rope)).toEqual(["2/0", "6/0"]);
  await shop.pay(payment.id);
  await shop.see(payment.id, { status: "included", confirmations: 9 });
  expect(await shop.numbers(bell, rope)).toEqual(["2/0", "6/0"]);
});

test("what is reserved for one cannot be ordered by another: he is told what there is", async () => {
  const bell = await shop.product(3);
  await shop.order("ann", one(bell, 2));
  expect(await refused(shop.order("bob", one(bell, 2)))).toMatchObject({
    code: "out_of_stock",
    details: { products: [{ productId: bell.id, wanted: 2, available: 1 }] },
  });
  await shop.order("bob", one(bell, 1));
  expect(await shop.numbers(bell)).toEqual(["3/3"]);
});

test("of many who order the last units at once, as many get them as there are", async () => {
  const bell = await shop.product(4);
  const orders = await Promise.allSettled(Array.from({ length: 12 }, (_, nth) => shop.order(`c${nth}`, one(bell))));
  expect(orders.filter(({ status }) => status === "fulfilled")).toHaveLength(4);
  for (const order of orders) {
    if (order.status === "rejected") expect(order.reason).toMatchObject({ code: "out_of_stock" });
  }
  expect(await shop.numbers(bell)).toEqual(["4/4"]);
});

test("of several orders that one customer makes at once, one is made; the others are told which", async () => {
  const bell = await shop.product(100);
  const orders = await Promise.allSettled(Array.from({ length: 8 }, () => shop.order("ann", one(bell))));
  const made = orders.flatMap((order) => (order.status === "fulfilled" ? [order.value.payment.id] : []));
  expect(made).toHaveLength(1);
  for (const order of orders) {
    if (order.status === "rejected") {
      expect(order.reason).toMatchObject({ code: "pending_order_exists", details: { pendingOrderId: made[0] } });
    }
  }
  expect(await shop.numbers(bell)).toEqual(["100/1"]);
});

test("a refused order gives out no address", async () => {
  const bell = await shop.product(100);
  const first = await shop.order("ann", one(bell));
  for (let again = 0; again < 5; again += 1) await refused(shop.order("ann", one(bell)));
  for (let again = 0; again < 5; again += 1) await refused(shop.order("bob", one(bell, 1_000)));
  const next = await shop.order("bob", one(bell));
  expect(next.payment.derivationIndex).toBe((first.payment.derivationIndex ?? 0) + 1);
});

test("a customer may order again once his order is paid, cancelled, expired or erased", async () => {
  const bell = await shop.product(10);
  const paid = await shop.order("ann", one(bell));
  await shop.pay(paid.payment.id);
  const cancelled = await shop.order("ann", one(bell));
  await execute(cancelled.payment.id, { type: "cancel" });
  await shop.order("ann", one(bell));
  await shop.wait(EXPIRES_IN_SECONDS);
  const erased = await shop.order("ann", one(bell));
  await execute(erased.payment.id, { type: "erase" });
  await shop.order("ann", one(bell));
  expect(await shop.numbers(bell)).toEqual(["9/1"]);
  const counts = await shop.core.products.countOrders("merchant", "ann");
  expect(counts).toEqual({ pending: 1, completed: 1, cancelled: 2 });
});

test("a reversed order gives its units back, is pending again, and stands in the way of a new one", async () => {
  const bell = await shop.product(1);
  const { payment } = await shop.order("ann", one(bell));
  await shop.pay(payment.id);
  const lost = await shop.see(payment.id, { status: "orphaned", confirmations: 0 });
  expect([lost.payment.status, lost.payment.stock]).toEqual(["reversed", "returned"]);
  expect(await shop.numbers(bell)).toEqual(["1/0"]);
  expect(await refused(shop.order("ann", one(bell)))).toMatchObject({ code: "pending_order_exists" });
  // Another one has bought it when the payment recovers.
  const other = await shop.order("bob", one(bell));
  await shop.pay(other.payment.id);
  const short = await shop.pay(payment.id);
  expect(short.payment).toMatchObject({ status: "paid", stock: "short", flags: ["reorged", "needs_review"] });
  expect(await shop.numbers(bell)).toEqual(["0/0"]);
});

test("a late order takes what is free, else waits for an operator who brings stock", async () => {
  const bell = await shop.product(1);
  const late = await shop.order("ann", one(bell));
  await shop.wait(EXPIRES_IN_SECONDS + 1);
  const first = await shop.order("bob", one(bell));
  const { payment } = await shop.pay(late.payment.id);
  expect(payment).toMatchObject({ status: "paid", stock: "short", flags: ["late", "needs_review"] });
  expect(orderStatus(payment)).toBe("pending");

  const resolve = () => execute(payment.id, { type: "resolve", as: "paid" });
  expect(await refused(resolve())).toMatchObject({
    code: "out_of_stock",
    details: { products: [{ productId: bell.id, wanted: 1, available: 0 }] },
  });
  await shop.core.productIngest.edit("merchant", bell.id, { addStock: 1 });
  const resolved = await resolve();
  expect(resolved.payment).toMatchObject({ status: "paid", stock: "taken" });
  expect(await shop.numbers(bell)).toEqual(["1/1"]);
  await shop.pay(first.payment.id);
  expect(await shop.numbers(bell)).toEqual(["0/0"]);
});

test("an order that is part of a report is short by itself; the others of the report are not held up", async () => {
  const bell = await shop.product(2);
  const [late, good] = [await shop.order("ann", one(bell)), await shop.order("bob", one(bell))];
  await execute(late.payment.id, { type: "cancel" });
  await shop.see(late.payment.id, { status: "seen", confirmations: 0 });
  const rival = await shop.order("eve", one(bell));
  const both = [late, good, rival].map(({ payment }) => ({
    paymentId: payment.id,
    observation: {
      txId: `both-${payment.id}`,
      index: "0",
      asset: "SBX",
      amountAtomic: 100n,
      status: "included" as const,
      confirmations: 2,
      block: null,
    },
  }));
  await Promise.all([
    execute(late.payment.id, { type: "resolve", as: "paid" }),
    shop.core.ingest.observe("merchant", both.slice(1)),
  ]);
  const states = await Promise.all([late, good, rival].map(({ payment }) => shop.core.payment(payment.id)));
  expect(states.map(({ payment }) => payment.stock)).toEqual(["short", "taken", "taken"]);
  expect(await shop.numbers(bell)).toEqual(["0/0"]);
});

test("a product that is archived cannot be ordered; the orders that want it go on", async () => {
  const bell = await shop.product(3);
  const { payment } = await shop.order("ann", one(bell));
  await shop.core.productIngest.archive("merchant", bell.id);
  expect(await refused(shop.order("bob", one(bell)))).toMatchObject({ code: "not_found" });
  expect(await refused(shop.core.productIngest.edit("merchant", bell.id, { addStock: 1 }))).toMatchObject({
    code: "not_found",
  });
  await shop.pay(payment.id);
  expect(await shop.numbers(bell)).toEqual(["2/0"]);
});

test("another merchant's products are not there", async () => {
  const stranger = await shop.another("stranger");
  const theirs = await stranger.product(3);
  expect(await refused(shop.order("ann", one(theirs)))).toMatchObject({
    code: "not_found",
    details: { productIds: [theirs.id] },
  });
  expect(await refused(shop.core.productIngest.edit("merchant", theirs.id, { name: "Mine" }))).toMatchObject({
    code: "not_found",
  });
});

test("whoever follows the stock hears each product's numbers right after every change", async () => {
  const bell = await shop.product(2);
  const rope = await shop.product(2);
  const { payment } = await shop.order("ann", [...one(rope), ...one(bell, 2)]);
  await shop.core.productIngest.edit("merchant", rope.id, { name: "Long rope", priceAtomic: 9n });
  await shop.pay(payment.id);
  const { records } = await shop.core.log.readAfter(0, { topics: [topics.stock("merchant")], limit: 100 });
  const told = records.map(({ type, paymentId, data }) => [type, paymentId, data.payment, data.stock]);
  const sorted = [bell, rope].sort((a, b) => (a.id < b.id ? -1 : 1));
  const level = (product: { id: string }, stock: number, reserved: number) => [
    "stock.changed",
    null,
    null,
    { productId: product.id, stock, reserved, available: stock - reserved },
  ];
  expect(told).toEqual([
    level(bell, 2, 0),
    level(rope, 2, 0),
    ...sorted.map((product) => level(product, 2, product === bell ? 2 : 1)),
    ...sorted.map((product) => level(product, product === bell ? 0 : 1, 0)),
  ]);
  for (const record of records) expect(record.topics).not.toContain(topics.customer("merchant", "ann"));
});

test("what a payment without an order tells is nobody's stock", async () => {
  await shop.product(2);
  const before = await shop.core.log.head();
  await shop.core.create({ asset: "SBX", amountAtomic: 5n, items: [{ productId: "anything", quantity: 1 }] });
  const { records } = await shop.core.log.readAfter(before, { limit: 10 });
  expect(records.map(({ type }) => type)).toEqual(["payment.created"]);
});
