import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type LogRecord, StoreUnavailable } from "../../src/log/event-log.ts";
import type { Payment } from "../../src/payments/payment.ts";
import type { PostgresDatabase } from "../../src/storage/postgres/database.ts";
import { CommitCutter, type Cut } from "../../testkit/commit-cutter.ts";
import { usePostgres } from "../../testkit/postgres.ts";
import { openPostgres, postgresStoresOn } from "../../testkit/postgres-home.ts";
import type { OpenStore } from "../../testkit/storing/home.ts";
import { change, creation, recordsIn, samplePayment, sampleTransfer } from "../../testkit/storing/samples.ts";
import { until } from "../../testkit/until.ts";

const server = usePostgres();
let url: string;
let proxy: CommitCutter;
let database: PostgresDatabase;
let store: OpenStore;
const reported: unknown[] = [];
beforeEach(async () => {
  url = await server().createDatabase();
  proxy = await CommitCutter.start(server().port);
  database = await openPostgres(proxy.through(url), { onError: (error) => reported.push(error) });
  store = postgresStoresOn(database);
});
afterEach(async () => {
  proxy.isDown = false;
  await store.close();
  await proxy.close();
  await server().dropDatabase(url);
});

async function wholeLog(): Promise<LogRecord[]> {
  const direct = postgresStoresOn(await openPostgres(url));
  const { records } = await direct.log.readAfter(0, { limit: 100_000 });
  await direct.close();
  return [...records];
}

test.each<Cut>(["unheard", "unanswered"])(
  "a commit that is cut off %s is stored once, and its callers hear so",
  async (cut) => {
    const before = creation(samplePayment());
    recordsIn(await store.log.append([before]));
    const heard: number[] = [];
    store.log.onAppended((records) => heard.push(...records.map(({ offset }) => offset)));
    proxy.next.push(cut);
    const fresh = [samplePayment(), samplePayment()];
    const calls = [[change(before.payment)], fresh.map((payment) => creation(payment))];
    const records = (await Promise.all(calls.map((commands) => store.log.append(commands)))).flatMap(recordsIn);
    expect(proxy.cuts).toBe(1);
    expect(records.map(({ offset }) => offset)).toEqual([2, 3, 4]);
    expect(heard).toEqual([2, 3, 4]);
    expect((await wholeLog()).slice(1)).toEqual(records);
    // The next one knows where it stands.
    expect(recordsIn(await store.log.append([creation(samplePayment())]))).toMatchObject([{ offset: 5 }]);
  },
);

test.each<Cut>(["unheard", "unanswered"])("so is a single write beside the log that is cut off %s", async (cut) => {
  const { merchants } = store;
  await merchants.createMerchant({ id: "m", name: "M", createdAtMs: 1, xpubs: {} });
  expect(await merchants.takeDerivationIndex("bitcoin", "key", 10)).toBe(0);
  proxy.next.push(cut);
  expect(await merchants.takeDerivationIndex("bitcoin", "key", 10)).toBe(1);
  proxy.next.push(cut);
  await merchants.createMerchant({ id: "n", name: "N", createdAtMs: 2, xpubs: { bitcoin: "xpub" } });
  expect(proxy.cuts).toBe(2);
  expect(await merchants.takeDerivationIndex("bitcoin", "key", 10)).toBe(2);
  expect((await merchants.merchants()).map(({ id }) => id)).toEqual(["m", "n"]);
});

test("cut again and again, every change is answered once and stored once", async () => {
  for (let nth = 0; nth < 12; nth += 1) proxy.next.push(nth % 2 ? "unheard" : "unanswered");
  let payment: Payment = samplePayment();
  const answered: LogRecord[] = [...recordsIn(await store.log.append([creation(payment)]))];
  for (let changes = 0; changes < 10; changes += 1) {
    const command = change(payment, {}, { transfers: [sampleTransfer(payment)] });
    answered.push(...recordsIn(await store.log.append([command])));
    payment = command.payment;
  }
  expect(proxy.cuts).toBeGreaterThan(5);
  expect(await wholeLog()).toEqual(answered);
  expect((await store.payments.snapshot(payment.id))?.state.transfers).toHaveLength(10);
});

test("a database that cannot be reached is said to be so, nothing is stored, and everything goes on when it is back", async () => {
  await store.close();
  database = await openPostgres(proxy.through(url), { patienceMs: 300, onError: (error) => reported.push(error) });
  store = postgresStoresOn(database);
  const payment = samplePayment();
  recordsIn(await store.log.append([creation(payment)]));
  proxy.isDown = true;
  proxy.cutAll();
  const lost = await Promise.allSettled([
    store.log.append([change(payment)]),
    // More than there are connections: none may wait for ever.
    ...Array.from({ length: 40 }, () => store.payments.snapshot(payment.id)),
    store.merchants.createMerchant({ id: "m", name: "M", createdAtMs: 1, xpubs: {} }),
  ]);
  for (const one of lost) {
    expect(one.status).toBe("rejected");
    if (one.status === "rejected") expect(one.reason).toBeInstanceOf(StoreUnavailable);
  }
  proxy.isDown = false;
  expect(recordsIn(await store.log.append([change(payment)]))).toMatchObject([{ offset: 2, sequence: 2 }]);
  expect(await store.merchants.merchant("m")).toBeNull();
  expect((await wholeLog()).map(({ sequence }) => sequence)).toEqual([1, 2]);
});

/** Changes a payment again and again; what was answered. */
async function changeOnAndOn(
  { log, payments }: OpenStore,
  created: Payment,
  ended: () => boolean,
): Promise<LogRecord[]> {
  let payment = created;
  const answered: LogRecord[] = [];
  while (!ended()) {
    try {
      const command = change(payment);
      answered.push(...recordsIn(await log.append([command])));
      payment = command.payment;
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      await sleep(50);
      const state = await until("the database is back", () => payments.snapshot(payment.id).catch(() => null));
      payment = state.state.payment;
    }
  }
  return answered;
}

test("while PostgreSQL crashes and comes back, what was answered stays, in order and without gaps", async () => {
  const other = await openPostgres(url, { onError: (error) => reported.push(error) });
  const stores = [store, postgresStoresOn(other)];
  let isOver = false;
  const created = Array.from({ length: 16 }, () => samplePayment());
  recordsIn(await store.log.append(created.map((payment) => creation(payment))));
  const writing = Promise.all(
    created.map((payment, nth) => changeOnAndOn(stores[nth % 2] as OpenStore, payment, () => isOver)),
  );
  for (let crash = 0; crash < 2; crash += 1) {
    await sleep(400);
    await server().crash();
    await sleep(100);
    await server().restart();
  }
  await sleep(400);
  isOver = true;
  const answered = (await writing).flat();
  await other.close();
  const records = await wholeLog();
  expect(records.map(({ offset }) => offset)).toEqual(records.map((_, at) => at + 1));
  const byOffset = new Map(records.map((record) => [record.offset, record]));
  for (const record of answered) expect(byOffset.get(record.offset)).toEqual(record);
  for (const own of Map.groupBy(records, ({ paymentId }) => paymentId).values()) {
    expect(own.map(({ sequence }) => sequence)).toEqual(own.map((_, at) => at + 1));
  }
  expect(answered.length).toBeGreaterThan(50);
});

test("a server that was told to stop its sessions is asked again, and nobody notices", async () => {
  const payment = samplePayment();
  recordsIn(await store.log.append([creation(payment)]));
  const admin = new pg.Client({ connectionString: server().adminUrl });
  await admin.connect();
  await admin.query(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'paybell' AND datname = $1",
    [new URL(url).pathname.slice(1)],
  );
  await admin.end();
  expect(recordsIn(await store.log.append([change(payment)]))).toHaveLength(1);
  expect((await store.payments.snapshot(payment.id))?.offset).toBe(2);
});
