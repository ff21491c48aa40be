import pg from "pg";
import { afterEach, beforeEach, expect, test } from "vitest";
import { StoreUnavailable } from "../../src/log/event-log.ts";
import type { PostgresDatabase } from "../../src/storage/postgres/database.ts";
import { PostgresLeases } from "../../src/storage/postgres/leases.ts";
import { CuttingProxy } from "../../testkit/cutting-proxy.ts";
import { usePostgres } from "../../testkit/postgres.ts";
import { openPostgres, postgresStoresOn } from "../../testkit/postgres-home.ts";
import { creation, recordsIn, samplePayment } from "../../testkit/storing/samples.ts";
import { until } from "../../testkit/until.ts";

const server = usePostgres();
let url: string;
let admin: pg.Client;
const open: PostgresDatabase[] = [];
const openOne = async (...given: Parameters<typeof openPostgres>) => {
  const database = await openPostgres(...given);
  open.push(database);
  return database;
};
beforeEach(async () => {
  url = await server().createDatabase();
  admin = new pg.Client({ connectionString: url });
  await admin.connect();
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((database) => database.close()));
  await admin.end();
  await server().dropDatabase(url);
});

async function sessions(): Promise<number> {
  const sql = "SELECT count(*)::int AS sessions FROM pg_stat_activity WHERE application_name = 'paybell'";
  return (await admin.query(sql)).rows[0].sessions;
}

async function setReadOnly(is: "on" | "off"): Promise<void> {
  await admin.query(`ALTER SYSTEM SET default_transaction_read_only = ${is}`);
  await admin.query("SELECT pg_reload_conf()");
  await until(`read only is ${is}`, async () => {
    const { rows } = await admin.query("SELECT current_setting('default_transaction_read_only') AS now");
    return rows[0].now === is;
  });
}

test("a server that only reads for a while, as one whose disk is full, is not filled with sessions that nobody uses", async () => {
  const database = await openOne(url, { patienceMs: 1_000, onError: () => undefined });
  const leases = new PostgresLeases(database);
  const fence = await leases.acquire("watch", "one", 60_000);
  if (!fence) throw new Error("nobody else is there");
  await until("it listens", async () => (await sessions()) >= 3);
  const before = await sessions();
  await setReadOnly("on");
  try {
    for (let nth = 0; nth < 3; nth += 1) {
      await expect(leases.renew(fence, 60_000)).rejects.toThrow(StoreUnavailable);
    }
    await until(
      () => "those that were given up have ended",
      async () => (await sessions()) <= before,
    );
  } finally {
    await setReadOnly("off");
  }
  expect(await leases.renew(fence, 60_000)).toBe(true);
});

test("a server that hangs is not waited for when all is closed", async () => {
  const database = await openOne(url);
  const { pid } = await until("it listens", async () => {
    const sql = "SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()";
    return (await admin.query<{ pid: number }>(sql)).rows[0];
  });
  process.kill(pid, "SIGSTOP");
  try {
    await database.close();
  } finally {
    process.kill(pid, "SIGCONT");
  }
});

test("a newer server adds columns, and an older one beside it goes on as if nothing were", async () => {
  const database = await openOne(url);
  const { log, payments, products } = postgresStoresOn(database);
  const payment = samplePayment();
  const asked = [{ paymentId: payment.id, concerning: [] }];
  const use = async () => {
    recordsIn(await log.append([creation(samplePayment())]));
    const { records } = await log.readAfter(0, { limit: 10 });
    expect(records.length).toBeGreaterThan(0);
    expect(await payments.loadForDecision(asked)).toMatchObject([{ payment: { id: payment.id } }]);
    expect(await products.products("merchant", ["none"])).toEqual([null]);
  };
  recordsIn(await log.append([creation(payment)]));
  await use();
  for (const table of ["payments", "transfers", "log_records", "products", "leases", "meta"]) {
    await admin.query(`ALTER TABLE ${table} ADD COLUMN of_a_newer_one TEXT`);
  }
  await use();
});

test("a line that went dead without a word is not listened to for ever", async () => {
  const proxy = await CuttingProxy.start(server().port);
  const through = url.replace(`:${server().port}/`, `:${proxy.port}/`);
  try {
    const near = await openOne(url);
    let hints = 0;
    const far = await openOne(through, { statementTimeoutMs: 100, onError: () => undefined });
    far.onHint("appended", () => {
      hints += 1;
    });
    await until("it listens", () => hints === 1);
    proxy.silence();
    await until("it listens again", () => hints === 2);
    recordsIn(await postgresStoresOn(near).log.append([creation(samplePayment())]));
    await until("it hears", () => hints === 3);
  } finally {
    await Promise.all(open.splice(0).map((database) => database.close()));
    await proxy.close();
  }
});
