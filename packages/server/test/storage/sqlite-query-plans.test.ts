import { rm } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { topics } from "../../src/log/topic.ts";
import { Connection } from "../../src/storage/sqlite/connection.ts";
import { reads } from "../../src/storage/sqlite/reading/reads.ts";
import { openSqlite, storesOn, temporaryDir } from "../../testkit/sqlite-home.ts";
import { creation, recordsIn, samplePayment, sampleTransfer, T0_MS } from "../../testkit/storing/samples.ts";

/** Remembers every query that was asked. */
class RecordingConnection extends Connection {
  readonly asked = new Map<string, SQLInputValue[]>();

  override get<R>(sql: string, ...parameters: SQLInputValue[]): R | undefined {
    this.asked.set(sql, parameters);
    return super.get<R>(sql, ...parameters);
  }

  override all<R>(sql: string, ...parameters: SQLInputValue[]): R[] {
    this.asked.set(sql, parameters);
    return super.all<R>(sql, ...parameters);
  }
}

/** One row each, or all of a table that has as many rows as there are merchants, or statuses. */
const SMALL_TABLES = /^SCAN (meta|sandbox_chain|merchants|payment_counts)\b/;

const [merchantId, chain, recipient] = ["merchant", "sandbox", "recipient"];
const asked = [
  { merchantId },
  { merchantId, reference: "r" },
  { merchantId, customer: "c" },
  { merchantId, status: "paid" as const },
  { merchantId, order: "any" as const },
  { merchantId, order: "pending" as const },
  { merchantId, customer: "c", order: "any" as const },
  { merchantId, customer: "c", order: "pending" as const },
];

let dataDir: string;
let database: DatabaseSync;
let payment = samplePayment({ recipient, amountAtomic: null });
beforeAll(async () => {
  dataDir = await temporaryDir();
  const store = storesOn(await openSqlite(dataDir));
  const transfers = [sampleTransfer(payment)];
  const command = creation(payment, { transfers });
  recordsIn(await store.log.append([command]));
  payment = command.payment;
  await store.close();
  database = new DatabaseSync(join(dataDir, "paybell.db"), { readOnly: true });
});
afterAll(async () => {
  database.close();
  await rm(dataDir, { recursive: true });
});

type Ask = (connection: Connection) => unknown;
const questions: Record<keyof typeof reads, Ask> = {
  head: (at) => reads.head(at),
  readAfter: (at) => [
    reads.readAfter(at, 0, { limit: 5 }),
    reads.readAfter(at, 0, { limit: 5, topics: [topics.payment(payment.id)] }),
  ],
  offsetSince: (at) => reads.offsetSince(at, topics.payment(payment.id), T0_MS, 5),
  loadForDecision: (at) => {
    const concerning = [{ txId: "t", index: "0" }];
    const fixed = reads.loadForDecision(at, [{ paymentId: payment.id, concerning }, { paymentId: "none" }]);
    return fixed;
  },
  snapshot: (at) => reads.snapshot(at, payment.id),
  list: (at) =>
    asked.map((filter) => [
      reads.list(at, { ...filter, limit: 5 }, null),
      reads.list(at, { ...filter, limit: 5 }, { createdAtMs: T0_MS, id: "id" }),
    ]),
  countByStatus: (at) => reads.countByStatus(at),
  latestOnAddress: (at) => reads.latestOnAddress(at, merchantId, chain, recipient),
  merchantsOnAddress: (at) => reads.merchantsOnAddress(at, chain, recipient),
  route: (at) => {
    const query = { chain, txId: "t", index: "0", recipient, timeMs: T0_MS };
    const narrower = [{ matchKey: `${recipient}?txId=t&payer=p`, namedTimeMs: T0_MS }];
    return reads.route(at, [query, { ...query, timeMs: 0 }, { ...query, narrower, recipient: "shared" }]);
  },
  products: (at) => reads.products(at, merchantId, ["product"]),
  listProducts: (at) => [
    reads.listProducts(at, { merchantId, limit: 5 }, null),
    reads.listProducts(at, { merchantId, limit: 5 }, { createdAtMs: T0_MS, id: "id" }),
  ],
  pendingOrder: (at) => reads.pendingOrder(at, merchantId, "c"),
  countOrders: (at) => reads.countOrders(at, merchantId, "c"),
  creditedPayments: (at) => reads.creditedPayments(at, merchantId, [{ chain, txId: "t", index: "0" }]),
  dueAtHeight: (at) => reads.dueAtHeight(at, chain, 5),
  dueAtTime: (at) => reads.dueAtTime(at, chain, 5, 5),
  transfersInBlock: (at) => reads.transfersInBlock(at, chain, "hash"),
  openTransfers: (at) => reads.openTransfers(at, chain),
  watchedRecipients: (at) => reads.watchedRecipients(at, chain, "a", 5),
  progress: (at) => reads.progress(at, chain),
  merchants: (at) => reads.merchants(at),
  merchant: (at) => reads.merchant(at, merchantId),
  addresses: (at) => reads.addresses(at, merchantId),
  settings: (at) => reads.settings(at, merchantId),
  keys: (at) => reads.keys(at, merchantId),
  keyByHash: (at) => reads.keyByHash(at, "hash"),
  accessTokens: (at) => reads.accessTokens(at, merchantId),
  accessTokenByHash: (at) => reads.accessTokenByHash(at, "hash"),
  idempotentAnswer: (at) => reads.idempotentAnswer(at, merchantId, "key", T0_MS),
  session: (at) => reads.session(at, "id", T0_MS),
  sandboxHead: (at) => reads.sandboxHead(at),
  sandboxBlock: (at) => reads.sandboxBlock(at, "hash"),
  sandboxBlockAt: (at) => reads.sandboxBlockAt(at, 5),
  sandboxTransactions: (at) => reads.sandboxTransactions(at, ["tx"]),
};

function planOf(sql: string, parameters: SQLInputValue[]): string[] {
  const rows = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...parameters) as { detail: string }[];
  return rows.map(({ detail }) => detail);
}

test.each(Object.entries(questions))("%s searches an index and scans no table", (_name, ask) => {
  const connection = new RecordingConnection(database);
  ask(connection);
  expect(connection.asked.size).toBeGreaterThan(0);
  for (const [sql, parameters] of connection.asked) {
    const scans = planOf(sql, parameters).filter((step) => step.startsWith("SCAN") && !SMALL_TABLES.test(step));
    expect(scans, sql).toEqual([]);
  }
});

test.each([
  "list",
  "listProducts",
  "pendingOrder",
  "countOrders",
  "route",
  "readAfter",
  "dueAtTime",
  "watchedRecipients",
] as const)("%s needs no sorting: the index has the order already", (name) => {
  const connection = new RecordingConnection(database);
  questions[name](connection);
  for (const [sql, parameters] of connection.asked) {
    expect(
      planOf(sql, parameters).filter((step) => step.includes("TEMP B-TREE")),
      sql,
    ).toEqual([]);
  }
});

test("a query without an index would be noticed", () => {
  expect(planOf("SELECT * FROM payments WHERE uri = ?", ["x"])).toEqual(["SCAN payments"]);
});
