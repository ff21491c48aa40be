/** Products: made, read, edited, archived. */
import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { topics } from "../../src/log/topic.ts";
import { MAX_STOCK, type Product } from "../../src/payments/product.ts";
import { type MakeHome, type OpenStore, openForAll } from "./home.ts";
import { outcomes, recordsIn, T0_MS } from "./samples.ts";
import { changing, level, making, numbers, ordering, read, sampleProduct, stocked } from "./stock-samples.ts";

export function testProducts(make: MakeHome): void {
  describe("products", () => {
    const store = openForAll(make);
    testKeeping(store);
    testEdits(store);
  });
}

function testKeeping(store: () => OpenStore): void {
  test("a product is kept as it was given, and its numbers are told", async () => {
    const { log } = store();
    const before = await log.head();
    const product = sampleProduct({ merchantId: randomUUID(), stock: MAX_STOCK });
    const records = recordsIn(await log.append([making(product)]));
    const { merchantId } = product;
    expect(records).toMatchObject([
      {
        offset: before + 1,
        type: "stock.changed",
        merchantId,
        paymentId: null,
        sequence: null,
        atMs: T0_MS,
        data: { payment: null, transfers: [], stock: level(product, MAX_STOCK, 0) },
        topics: [topics.stock(merchantId), topics.merchant(merchantId)],
      },
    ]);
    expect((await log.readAfter(before, { limit: 5, topics: [topics.stock(merchantId)] })).records).toEqual(records);
    expect(await read(store(), product)).toEqual(product);
    expect(outcomes(await log.append([making(product)]))).toEqual(["conflict"]);
  });

  test("products are found in the order in which they are asked for, the merchant's own only", async () => {
    const [a, b] = [await stocked(store()), await stocked(store())];
    const theirs = await stocked(store(), { merchantId: "another" });
    const ids = [b.id, "unknown", theirs.id, a.id];
    expect(await store().products.products("merchant", ids)).toEqual([b, null, null, a]);
  });

  test("products are listed oldest first in pages, archived ones left out", async () => {
    const { log, products } = store();
    const merchantId = randomUUID();
    const made: Product[] = [];
    for (let nth = 0; nth < 7; nth += 1) {
      made.push(await stocked(store(), { merchantId, createdAtMs: T0_MS + (nth >> 1), id: `${nth}-${randomUUID()}` }));
    }
    const archived = made[3] as Product;
    recordsIn(await log.append([changing(archived, { type: "archive" })]));
    const listed: string[] = [];
    for (let after: string | null = null; ; ) {
      const page = await products.listProducts({ merchantId, limit: 2, ...(after === null ? {} : { after }) });
      listed.push(...page.products.map(({ id }) => id));
      after = page.next;
      if (after === null) break;
    }
    expect(listed).toEqual(made.filter((product) => product !== archived).map(({ id }) => id));
    await expect(products.listProducts({ merchantId, limit: 2, after: "nonsense" })).rejects.toMatchObject({
      code: "invalid_cursor",
    });
  });
}

function testEdits(store: () => OpenStore): void {
  test("an edit changes what it names, and tells numbers only where they change", async () => {
    const { log } = store();
    const product = await stocked(store());
    const quiet = await log.append([changing(product, { type: "edit", name: "Gong", priceAtomic: 7n })]);
    expect(recordsIn(quiet)).toEqual([]);
    const loud = await log.append([changing(product, { type: "edit", addStock: 3 }, T0_MS + 2)]);
    expect(recordsIn(loud).map(({ data }) => data.stock)).toEqual([level(product, 8, 0)]);
    const wanted = { ...product, name: "Gong", priceAtomic: 7n, stock: 8, updatedAtMs: T0_MS + 2 };
    expect(await read(store(), product)).toEqual(wanted);
  });

  test("stock is set only where it is what was expected; said twice, it is so already", async () => {
    const { log } = store();
    const product = await stocked(store());
    const set = (stock: number, expected: number) => changing(product, { type: "edit", setStock: { stock, expected } });
    expect(outcomes(await log.append([set(9, 4)]))).toEqual(["stock_mismatch"]);
    expect(outcomes(await log.append([set(9, 5)]))).toEqual(["ok"]);
    expect(recordsIn(await log.append([set(9, 5)]))).toEqual([]);
    expect(await numbers(store(), product)).toEqual([9, 0]);
  });

  test("stock never falls below what is reserved, nor rises beyond what is exact", async () => {
    const { log } = store();
    const product = await stocked(store());
    recordsIn(await log.append([ordering(product, 3)]));
    const results = await log.append([
      changing(product, { type: "edit", addStock: -3 }),
      changing(product, { type: "edit", setStock: { stock: 0, expected: 5 } }),
      changing(product, { type: "edit", addStock: MAX_STOCK }),
      changing(product, { type: "edit", addStock: -2 }),
    ]);
    expect(outcomes(results)).toEqual(["below_reserved", "below_reserved", "too_much_stock", "ok"]);
    expect(results[0]).toMatchObject({ level: level(product, 5, 3) });
    expect(await numbers(store(), product)).toEqual([3, 3]);
  });

  test("another merchant's product and an archived one are not there; archiving twice is once", async () => {
    const { log } = store();
    const product = await stocked(store());
    const stranger = { ...product, merchantId: "another" };
    const archive = changing(product, { type: "archive" });
    const results = await log.append([
      changing(stranger, { type: "archive" }),
      changing(stranger, { type: "edit", addStock: 1 }),
      archive,
      { ...archive, atMs: T0_MS + 9 },
      changing(product, { type: "edit", addStock: 1 }),
    ]);
    expect(outcomes(results)).toEqual(["not_found", "not_found", "ok", "ok", "not_found"]);
    expect(await read(store(), product)).toMatchObject({ archivedAtMs: T0_MS + 1, stock: 5 });
  });

  test("an answer is stored with the product, or there is neither", async () => {
    const { log, products, idempotency } = store();
    const [first, second] = [sampleProduct(), sampleProduct()];
    const answer = {
      merchantId: "merchant",
      key: randomUUID(),
      requestHash: "hash",
      httpStatus: 201,
      body: "{}",
      atMs: T0_MS,
    };
    const results = await log.append([
      { ...making(first), idempotency: answer },
      { ...making(second), idempotency: answer },
    ]);
    expect(outcomes(results)).toEqual(["ok", "idempotency"]);
    expect(await products.products("merchant", [first.id, second.id])).toEqual([first, null]);
    expect(await idempotency.idempotentAnswer("merchant", answer.key, T0_MS)).toMatchObject({ body: "{}" });
  });
}
