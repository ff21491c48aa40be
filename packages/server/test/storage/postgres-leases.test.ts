import pg from "pg";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Fence, LeaseLost } from "../../src/log/leases.ts";
import { PostgresLeases } from "../../src/storage/postgres/leases.ts";
import { type LeaseHome, type LeaseStore, testLeases } from "../../testkit/leases.ts";
import { usePostgres } from "../../testkit/postgres.ts";
import { openPostgres, postgresStoresOn } from "../../testkit/postgres-home.ts";
import { change, creation, outcomes, recordsIn, samplePayment } from "../../testkit/storing/samples.ts";
import { until } from "../../testkit/until.ts";

const server = usePostgres();

async function openOn(url: string): Promise<LeaseStore> {
  const database = await openPostgres(url);
  return { ...postgresStoresOn(database), leases: new PostgresLeases(database) };
}

async function connected(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return client;
}

async function home(): Promise<LeaseHome> {
  const url = await server().createDatabase();
  const admin = await connected(url);
  return {
    open: () => openOn(url),
    async expire(lease) {
      await admin.query("UPDATE leases SET expires_at = clock_timestamp() WHERE lease = $1", [lease]);
    },
    async remove() {
      await admin.end();
      await server().dropDatabase(url);
    },
  };
}

testLeases("PostgreSQL", home);

describe("a take-over that meets a commit under the lease", () => {
  let url: string;
  let admin: pg.Client;
  let [one, two]: LeaseStore[] = [];
  let fence: Fence;
  const created = creation(samplePayment());
  beforeEach(async () => {
    url = await server().createDatabase();
    admin = await connected(url);
    [one, two] = await Promise.all([openOn(url), openOn(url)]);
    recordsIn((await one?.log.append([created])) ?? []);
    fence = (await one?.leases.acquire("lease", "one", 0)) as Fence;
  });
  afterEach(async () => {
    await Promise.all([one?.close(), two?.close(), admin.end()]);
    await server().dropDatabase(url);
  });

  const waiting = (sql: string) =>
    until(`${sql} waits`, async () => {
      const asked = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE $1";
      return ((await admin.query(asked, [`%${sql}%`])).rowCount ?? 0) > 0;
    });

  test("a renewal that waits for one holds the lease as long as any other", async () => {
    const ttlMs = 60_000;
    const holder = await connected(url);
    await holder.query("BEGIN; SELECT 1 FROM leases FOR SHARE");
    const renewed = one?.leases.renew(fence, ttlMs);
    await waiting("UPDATE leases");
    const { rows } = await admin.query("SELECT clock_timestamp()::text AS now");
    await holder.query("COMMIT");
    await holder.end();
    expect(await renewed).toBe(true);
    const sql = "SELECT expires_at >= $1::timestamptz + $2::float8 * interval '1 millisecond' AS whole FROM leases";
    expect((await admin.query(sql, [rows[0].now, ttlMs])).rows).toEqual([{ whole: true }]);
  });

  test("waits until that is stored, where the commit was first", async () => {
    const holder = await connected(url);
    await holder.query("BEGIN; SELECT 1 FROM payments FOR UPDATE");
    const order: string[] = [];
    const stored = one?.log.append([change(created.payment)], null, fence).then((results) => {
      order.push(...outcomes(results));
    });
    await waiting("FROM payments");
    const taken = two?.leases.acquire("lease", "two", 1_000).then((next) => {
      order.push("taken");
      return next;
    });
    await waiting("INSERT INTO leases");
    expect(order).toEqual([]);
    await holder.query("ROLLBACK");
    await holder.end();
    await stored;
    expect((await taken)?.token).toBeGreaterThan(fence.token);
    expect(order).toEqual(["ok", "taken"]);
    const behind = one?.log.append([change(change(created.payment).payment)], null, fence);
    await expect(behind).rejects.toBeInstanceOf(LeaseLost);
  });

  test("refuses what comes behind it, also where that had begun and has read before", async () => {
    const rival = await connected(url);
    await rival.query("BEGIN; UPDATE leases SET holder = 'two', token = token + 1");
    const calls = [
      { commands: [change(created.payment)], progress: null, fence },
      { commands: [creation(samplePayment())], progress: null },
    ];
    const appended = one?.log.appendTogether(calls);
    await waiting("FROM leases");
    await rival.query("COMMIT");
    await rival.end();
    const [lost, other] = (await appended) ?? [];
    expect(lost).toEqual({ status: "rejected", reason: expect.any(LeaseLost) });
    expect(other?.status).toBe("fulfilled");
    expect(await one?.log.head()).toBe(2);
  });
});
