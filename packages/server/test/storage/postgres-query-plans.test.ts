import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { topics } from "../../src/log/topic.ts";
import { Connection, type Parameter, SESSION } from "../../src/storage/postgres/connection.ts";
import { PostgresLeases } from "../../src/storage/postgres/leases.ts";
import { reads } from "../../src/storage/postgres/reading/reads.ts";
import { dueAtTime } from "../../src/storage/postgres/reading/watch.ts";
import { WorkClaims } from "../../src/storage/postgres/work-claims.ts";
import { commit } from "../../src/storage/postgres/writing/commit.ts";
import { prepareCall } from "../../src/storage/postgres/writing/prepare.ts";
import { writes } from "../../src/storage/postgres/writing/writes.ts";
import { usePostgres } from "../../testkit/postgres.ts";
import { openPostgres, postgresStoresOn } from "../../testkit/postgres-home.ts";
import {
  change,
  creation,
  recordsIn,
  samplePayment,
  sampleTransfer,
  T0_MS,
  unattributedTransfer,
} from "../../testkit/storing/samples.ts";
import { changing, ordering, stocked } from "../../testkit/storing/stock-samples.ts";

const server = usePostgres();

/** One row each, or as many as there are merchants, statuses, or processes. */
const SMALL_TABLES = new Set(["meta", "sandbox_chain", "merchants", "payment_counts", "writers"]);
/** Enough of them that an index is worth it, few enough to be made quickly. */
const PAYMENTS = 400;

const [merchantId, chain, recipient] = ["merchant", "sandbox", "recipient"];

let url: string;
let connection: Connection;
let planner: pg.Client;
let payment = samplePayment({ recipient, amountAtomic: null });

beforeAll(async () => {
  url = await server().createDatabase();
  const store = postgresStoresOn(await openPostgres(url));
  const others = Array.from({ length: PAYMENTS }, (_, nth) => {
    const other = samplePayment({ reference: `r${nth}`, customer: `c${nth % 50}`, deadlineMs: T0_MS + nth });
    return creation(other, { transfers: [sampleTransfer(other, { dueHeight: nth })] });
  });
  recordsIn(await store.log.append(others));
  const command = creation(payment, { transfers: [sampleTransfer(payment)] });
  recordsIn(await store.log.append([command]));
  payment = command.payment;
  await store.close();
  connection = await Connection.open({ url, statementTimeoutMs: 10_000, connectTimeoutMs: 5_000 });
  planner = new pg.Client({ connectionString: url });
  await planner.connect();
  await planner.query(`ANALYZE; ${SESSION}`);
});
afterAll(async () => {
  await connection.close();
  await planner.end();
  await server().dropDatabase(url);
});

function leasesOn(on: Connection): PostgresLeases {
  return new PostgresLeases({ lease: (step) => step(on), hint: () => undefined, onHint: () => () => undefined });
}

/** Remembers every statement that is asked. */
function recorder() {
  const asked = new Map<string, Parameter[]>();
  const ask = (sql: string, ...parameters: Parameter[]) => {
    asked.set(sql, parameters);
    return connection.ask(sql, ...parameters);
  };
  const recording = Object.create(connection, {
    ask: { value: ask },
    exec: { value: (sql: string) => connection.exec(sql) },
    read: { value: (work: () => Promise<unknown>) => connection.read(work) },
    lost: { value: null },
  }) as Connection;
  return { asked, recording };
}

const filters = [
  { merchantId },
  { merchantId, reference: "r" },
  { merchantId, customer: "c" },
  { merchantId, status: "paid" as const },
  { merchantId, order: "any" as const },
  { merchantId, order: "pending" as const },
  { merchantId, customer: "c", order: "any" as const },
  { merchantId, customer: "c", order: "pending" as const },
];

type Ask = (connection: Connection) => Promise<unknown>;
const all = (...asked: Promise<unknown>[]) => Promise.all(asked);
const questions: Record<keyof typeof reads, Ask> = {
  head: (at) => reads.head(at),
  readAfter: (at) =>
    all(
      reads.readAfter(at, 0, { limit: 5 }),
      reads.readAfter(at, 0, { limit: 5, topics: [topics.payment(payment.id), topics.merchant(merchantId)] }),
    ),
  offsetSince: (at) => reads.offsetSince(at, topics.payment(payment.id), T0_MS, 5),
  loadForDecision: (at) => {
    const concerning = [{ txId: "t", index: "0" }];
    return reads.loadForDecision(at, [{ paymentId: payment.id, concerning }, { paymentId: "none" }]);
  },
  snapshot: (at) => reads.snapshot(at, payment.id),
  list: async (at) => {
    for (const filter of filters) {
      await reads.list(at, { ...filter, limit: 5 }, null);
      await reads.list(at, { ...filter, limit: 5 }, { createdAtMs: T0_MS, id: "id" });
    }
  },
  countByStatus: (at) => reads.countByStatus(at),
  latestOnAddress: (at) => reads.latestOnAddress(at, merchantId, chain, recipient),
  merchantsOnAddress: (at) => reads.merchantsOnAddress(at, chain, recipient),
  route: (at) => {
    const query = { chain, txId: "t", index: "0", recipient, timeMs: T0_MS };
    const narrower = [{ matchKey: `${recipient}?txId=t&payer=p`, namedTimeMs: T0_MS }];
    return reads.route(at, [query, { ...query, timeMs: 0 }, { ...query, narrower, recipient: "shared" }]);
  },
  products: (at) => reads.products(at, merchantId, ["product"]),
  listProducts: (at) =>
    all(
      reads.listProducts(at, { merchantId, limit: 5 }, null),
      reads.listProducts(at, { merchantId, limit: 5 }, { createdAtMs: T0_MS, id: "id" }),
    ),
  pendingOrder: (at) => reads.pendingOrder(at, merchantId, "c"),
  countOrders: (at) => reads.countOrders(at, merchantId, "c"),
  creditedPayments: (at) => reads.creditedPayments(at, merchantId, [{ chain, txId: "t", index: "0" }]),
  dueAtHeight: (at) => reads.dueAtHeight(at, chain, 5),
  keysAfter: (at) => reads.keysAfter(at, chain, 0, 5),
  keysSince: (at) => reads.keysSince(at, T0_MS, 5),
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
  newerSandboxHead: (at) => reads.newerSandboxHead(at, 0),
  sandboxBlock: (at) => reads.sandboxBlock(at, "hash"),
  sandboxBlockAt: (at) => reads.sandboxBlockAt(at, 5),
  sandboxTransactions: (at) => reads.sandboxTransactions(at, ["tx"]),
};

interface PlanNode {
  "Node Type": string;
  "Relation Name"?: string;
  "Index Cond"?: string;
  "Recheck Cond"?: string;
  "TID Cond"?: string;
  Plans?: PlanNode[];
}

const literal = (value: Parameter) => (value === null ? "NULL" : pg.escapeLiteral(String(value)));

/** Scans of tables in a statement's plan; for these parameters, and for any. */
async function scansOf(sql: string, parameters: Parameter[]): Promise<PlanNode[]> {
  const scans: PlanNode[] = [];
  const walk = (node: PlanNode) => {
    if (node["Node Type"].endsWith("Scan") && node["Relation Name"]) scans.push(node);
    for (const inner of node.Plans ?? []) walk(inner);
  };
  for (const mode of ["force_custom_plan", "force_generic_plan"]) {
    await planner.query(`SET plan_cache_mode = ${mode}`);
    await planner.query(`PREPARE asked AS ${sql}`);
    const values = parameters.length === 0 ? "" : `(${parameters.map(literal).join(", ")})`;
    const { rows } = await planner.query(`EXPLAIN (FORMAT JSON, COSTS OFF) EXECUTE asked${values}`);
    walk(rows[0]["QUERY PLAN"][0].Plan as PlanNode);
    await planner.query("DEALLOCATE asked");
  }
  return scans;
}

/** A scan that reads what it is not asked for. */
const isWide = (scan: PlanNode) =>
  !SMALL_TABLES.has(scan["Relation Name"] ?? "") &&
  !scan["Index Cond"] &&
  !scan["Recheck Cond"] &&
  scan["Node Type"] !== "Tid Scan";

async function expectNarrow(asked: ReadonlyMap<string, Parameter[]>): Promise<void> {
  expect(asked.size).toBeGreaterThan(0);
  for (const [sql, parameters] of asked) {
    expect((await scansOf(sql, parameters)).filter(isWide), sql).toEqual([]);
  }
}

/** The mempool is read as a whole: its index holds nothing else. */
const WHOLE_INDEX = ["newerSandboxHead"];

test.each(Object.entries(questions).filter(([name]) => !WHOLE_INDEX.includes(name)))(
  "%s searches an index and scans no table",
  async (_name, ask) => {
    const { asked, recording } = recorder();
    await ask(recording);
    await expectNarrow(asked);
  },
);

test("a commit of everything that can be appended looks at nothing but what it concerns", async () => {
  const { asked, recording } = recorder();
  const store = postgresStoresOn(await openPostgres(url));
  const product = await stocked(store);
  const changed = samplePayment({ customer: "who", chain });
  recordsIn(await store.log.append([creation(changed)]));
  await store.close();
  const answer = { merchantId, key: "k", requestHash: "h", httpStatus: 201, body: "{}", atMs: T0_MS };
  const calls = [
    {
      commands: [
        { ...ordering(product, 1), idempotency: answer, derivedFrom: "key", sharedRecipient: "shared" },
        change(changed, { erasedAtMs: T0_MS, customer: null }, { transfers: [sampleTransfer(changed)] }),
        changing(product, { type: "edit", addStock: 1 }),
        unattributedTransfer(merchantId, "tx"),
      ],
      progress: { chain, cursor: {}, headHeight: 1, watchedUntilMs: 1 },
      fence: await leasesOn(recording).acquire("lease", "holder", 60_000),
    },
  ];
  const { outcomes } = await commit(recording, [calls.map(prepareCall)], "alone", { writerId: "w", number: 1 });
  expect(outcomes.flat()).toMatchObject([{ status: "fulfilled" }]);
  expect(asked.size).toBeGreaterThan(20);
  await expectNarrow(asked);
});

test("single writes look at nothing but what they concern", async () => {
  const { asked, recording } = recorder();
  await writes.createMerchant(recording, { id: "m", name: "M", createdAtMs: 1, xpubs: { bitcoin: "x" } });
  await writes.takeDerivationIndex(recording, "bitcoin", "x", 5);
  await writes.storeIdempotentAnswer(recording, {
    ...{ merchantId: "m", key: "k", requestHash: "h", httpStatus: 200, body: "", atMs: T0_MS },
    paymentIds: [payment.id, "another"],
  });
  await writes.deleteExpiredAnswers(recording, T0_MS, 5);
  const session = { id: "s", merchantId: "m", joined: [], seenAtMs: 1 };
  await writes.keepSession(recording, session, 0);
  await writes.deleteOldSessions(recording, 5, 5);
  await expectNarrow(asked);
});

test("leases are found by their name", async () => {
  const { asked, recording } = recorder();
  const leases = leasesOn(recording);
  const fence = await leases.acquire("another lease", "holder", 60_000);
  if (!fence) throw new Error("It is held.");
  expect(await leases.renew(fence, 60_000)).toBe(true);
  await leases.release(fence);
  expect(asked.size).toBe(4);
  await expectNarrow(asked);
});

test("a part of the shared work is taken by an index", async () => {
  const { asked, recording } = recorder();
  const pool = { use: <T>(work: (connection: Connection) => Promise<T>) => work(recording) };
  const claims = new WorkClaims(pool, 1_000);
  const due = dueAtTime(chain, T0_MS + PAYMENTS, 5);
  expect(await claims.take(due)).toHaveLength(5);
  expect(await claims.take(due)).toHaveLength(5);
  await expectNarrow(asked);
});

test("a statement without an index would be noticed", async () => {
  expect((await scansOf("SELECT * FROM payments WHERE uri = $1", ["x"])).filter(isWide)).toHaveLength(2);
  expect((await scansOf("SELECT * FROM payments ORDER BY id", [])).filter(isWide)).toHaveLength(2);
});
