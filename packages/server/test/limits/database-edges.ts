/** Limits of what is asked of PostgreSQL. */
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { expect } from "vitest";
import { startPostgres } from "../../testkit/postgres.ts";
import { until } from "../../testkit/until.ts";
import { PAYMENT, type TestServer } from "../http/harness.ts";
import type { Edges, EdgeTable } from "./edge.ts";

type DatabaseLimit = "databaseConnections" | "databaseStatementMs" | "leaseMs";

/** A database, and somebody else who uses it. */
async function database(at: Edges) {
  const server = await startPostgres();
  at.onEnd(() => server.stop());
  const url = await server.createDatabase();
  const other = new pg.Client({ connectionString: url });
  await other.connect();
  at.onEnd(() => other.end());
  return { environment: { PAYBELL_DATABASE_URL: url }, other };
}

export const databaseEdges: EdgeTable<DatabaseLimit> = {
  async databaseConnections(at) {
    const { environment, other } = await database(at);
    const server = await at.start({ databaseConnections: 2 }, { environment });
    const waiting = async () => {
      const sql = "SELECT count(*)::integer AS n FROM pg_locks WHERE relation = 'payments'::regclass AND NOT granted";
      return (await other.query<{ n: number }>(sql)).rows[0]?.n ?? 0;
    };
    await other.query("BEGIN; LOCK TABLE payments IN ACCESS EXCLUSIVE MODE");
    const asked = Array.from({ length: 5 }, () => server.get("/v1/payments"));
    await until("two wait for the table", async () => (await waiting()) === 2);
    await sleep(300);
    expect(await waiting()).toBe(2);
    await other.query("ROLLBACK");
    expect((await Promise.all(asked)).map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
  },

  async databaseStatementMs(at) {
    const { environment, other } = await database(at);
    const server = await at.start({ databaseStatementMs: 400 }, { environment });
    await other.query("BEGIN; LOCK TABLE payments IN ACCESS EXCLUSIVE MODE");
    const refused = await server.post("/v1/payments", PAYMENT);
    expect(refused.status).toBe(503);
    await other.query("ROLLBACK");
    const before = await server.get("/v1/payments");
    expect(before.json.payments).toEqual([]);
    await other.query("BEGIN; LOCK TABLE payments IN ACCESS EXCLUSIVE MODE");
    const inTime = server.post("/v1/payments", PAYMENT);
    await other.query("SELECT pg_sleep(0.1); ROLLBACK");
    expect((await inTime).status).toBe(201);
  },

  async leaseMs(at) {
    const leaseMs = 600;
    const { environment, other } = await database(at);
    const roles = async (server: TestServer) => {
      const { chains } = (await server.get("/readyz")).json as { chains: { role: string }[] };
      return chains.map(({ role }) => role);
    };
    const first = await at.start({ leaseMs }, { environment });
    expect(await roles(first)).toEqual(["leader"]);
    const left = "SELECT 1000 * extract(epoch FROM expires_at - clock_timestamp()) AS ms FROM leases";
    const readings: number[] = [];
    for (let nth = 0; nth < 40; nth += 1) {
      readings.push(Number((await other.query<{ ms: string }>(left)).rows[0]?.ms));
      await sleep(20);
    }
    // Renewed again and again, and never for longer.
    expect(Math.max(...readings)).toBeLessThanOrEqual(leaseMs);
    expect(readings.some((ms, nth) => ms > (readings[nth - 1] ?? ms))).toBe(true);

    const second = await at.start({ leaseMs }, { environment });
    expect(await roles(second)).toEqual(["standby"]);
    // Nothing is renewed any more, as if its holder were gone.
    await other.query("BEGIN; SELECT 1 FROM leases FOR SHARE");
    await sleep(2 * leaseMs);
    await other.query(
      "UPDATE leases SET holder = 'gone', token = token + 1 WHERE expires_at < clock_timestamp(); COMMIT",
    );
    await until("one of them watches", async () => [await roles(first), await roles(second)].flat().includes("leader"));
  },
};
