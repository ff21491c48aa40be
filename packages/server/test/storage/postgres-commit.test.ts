import { randomUUID } from "node:crypto";
import pg from "pg";
import { afterEach, beforeEach, expect, test } from "vitest";
import { CursorExpired } from "../../src/log/event-log.ts";
import type { PostgresDatabase } from "../../src/storage/postgres/database.ts";
import { StorageError } from "../../src/storage/postgres/errors.ts";
import { usePostgres } from "../../testkit/postgres.ts";
import { openPostgres, postgresStoresOn } from "../../testkit/postgres-home.ts";
import type { OpenStore } from "../../testkit/storing/home.ts";
import {
  change,
  creation,
  outcomes,
  recordsIn,
  samplePayment,
  unattributedTransfer,
} from "../../testkit/storing/samples.ts";
import { ordering, sampleProduct, stocked } from "../../testkit/storing/stock-samples.ts";

const server = usePostgres();
let url: string;
let database: PostgresDatabase;
let store: OpenStore;
beforeEach(async () => {
  url = await server().createDatabase();
  database = await openPostgres(url);
  store = postgresStoresOn(database);
});
afterEach(async () => {
  await store.close();
  await server().dropDatabase(url);
});

async function ask<R>(sql: string): Promise<R[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query(sql);
  await client.end();
  return rows;
}

/** A text that PostgreSQL cannot hold; the API lets none through. */
const IMPOSSIBLE = "nul \u0000 in it";

test("what the database refuses fails alone; the others of its commit are stored, and what rests on it is not", async () => {
  const [first, broken, last] = [samplePayment(), samplePayment({ reference: IMPOSSIBLE }), samplePayment()];
  const calls = [[creation(first)], [creation(broken)], [creation(last)]];
  const settled = await Promise.allSettled(calls.map((commands) => store.log.append(commands)));
  expect(settled.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  const { records } = await store.log.readAfter(0, { limit: 10 });
  expect(records.map(({ offset, paymentId }) => [offset, paymentId])).toEqual([
    [1, first.id],
    [2, last.id],
  ]);

  const call = (...commands: Parameters<typeof store.log.append>[0]) => ({ commands, progress: null });
  const together = await store.log.appendTogether([
    call(change(first)),
    call(change(last, {}, {}), unattributedTransfer("merchant", IMPOSSIBLE)),
    call(change(last)),
    call(change(change(first).payment)),
  ]);
  expect(together.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled", "fulfilled"]);
  const rest = together.slice(2).map((one) => (one.status === "fulfilled" ? outcomes(one.value) : []));
  expect(rest).toEqual([["conflict"], ["ok"]]);
  expect((await store.payments.countByStatus()).pending).toBe(2);
  expect(await store.log.head()).toBe(4);
});

test("a position behind which records were trimmed has expired; the first that is left can be read", async () => {
  for (let appended = 0; appended < 5; appended += 1) await store.log.append([creation(samplePayment())]);
  await ask('DELETE FROM log_records WHERE "offset" <= 3');
  await ask("UPDATE meta SET trimmed_to = 3");
  await expect(store.log.readAfter(0, { limit: 5 })).rejects.toBeInstanceOf(CursorExpired);
  await expect(store.log.readAfter(2, { limit: 5 })).rejects.toBeInstanceOf(CursorExpired);
  expect((await store.log.readAfter(3, { limit: 5 })).records.map(({ offset }) => offset)).toEqual([4, 5]);
});

test("amounts and texts come back to the last digit and sign", async () => {
  const amountAtomic = 2n ** 256n - 1n;
  const metadata = { quote: '"', backslash: "\\", braces: "{},NULL", line: "\n", emoji: "🔔", text: "null" };
  const payment = samplePayment({ amountAtomic, metadata, reference: 'a"b\\c{d},NULL', customer: "NULL" });
  recordsIn(await store.log.append([creation(payment)]));
  expect((await store.payments.snapshot(payment.id))?.state.payment).toEqual(payment);
});

test("closing stores what waits, and refuses what comes after", async () => {
  const waiting = Array.from({ length: 50 }, () => store.log.append([creation(samplePayment())]));
  const closed = database.close();
  await expect(store.log.append([creation(samplePayment())])).rejects.toBeInstanceOf(StorageError);
  expect(recordsIn((await Promise.all(waiting)).flat())).toHaveLength(50);
  await closed;
  await expect(store.log.head()).rejects.toBeInstanceOf(StorageError);
  await database.close();
  store = postgresStoresOn(await openPostgres(url));
  expect(await store.log.head()).toBe(50);
});

test("a listener that throws is reported; the others and the callers hear what they should", async () => {
  const reported: unknown[] = [];
  const own = await openPostgres(url, { onError: (error) => reported.push(error) });
  const mistake = new Error("a listener's mistake");
  const heard: number[] = [];
  own.onAppended(() => {
    throw mistake;
  });
  own.onAppended((records) => heard.push(...records.map(({ offset }) => offset)));
  expect(recordsIn(await postgresStoresOn(own).log.append([creation(samplePayment())]))).toHaveLength(1);
  expect(heard).toEqual([1]);
  expect(reported).toEqual([mistake]);
  await own.close();
});

test("orders for the same products in any order, from two processes, wait for each other and never in a circle", async () => {
  const other = postgresStoresOn(await openPostgres(url));
  const products = await Promise.all(Array.from({ length: 6 }, () => stocked(store, { stock: 10_000 })));
  const attempts = Array.from({ length: 120 }, (_, nth) => {
    const { log } = nth % 2 ? store : other;
    // Each with its products in another order, and several orders in one call.
    const turned = [...products.slice(nth % 6), ...products.slice(0, nth % 6)];
    const shuffled = nth % 4 < 2 ? turned : turned.toReversed();
    return log.append(shuffled.map((product) => ordering(product, 1, { customer: randomUUID() })));
  });
  const results = (await Promise.all(attempts)).flatMap(outcomes);
  expect(new Set(results)).toEqual(new Set(["ok"]));
  const [seen] = await ask<{ deadlocks: string }>(
    "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()",
  );
  expect(seen?.deadlocks).toBe("0");
  const read = await store.products.products(
    "merchant",
    products.map(({ id }) => id),
  );
  expect(read.map((product) => product?.reserved)).toEqual(products.map(() => 120));
  await other.close();
});

test("products that two processes make under one id are one", async () => {
  const other = postgresStoresOn(await openPostgres(url));
  const product = sampleProduct();
  const making = {
    kind: "product",
    merchantId: product.merchantId,
    productId: product.id,
    atMs: 1,
    change: { type: "create", product },
  } as const;
  const results = await Promise.all([store, other, store, other].map(({ log }) => log.append([making])));
  expect(results.flatMap(outcomes).sort()).toEqual(["conflict", "conflict", "conflict", "ok"]);
  await other.close();
});
