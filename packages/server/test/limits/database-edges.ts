/** Limits of what is asked of PostgreSQL. */
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { expect } from "vitest";
import { startPostgres } from "../../testkit/postgres.ts";
import { until } from "../../testkit/until.ts";
import { PAYMENT } from "../http/harness.ts";
import type { Edges, EdgeTable } from "./edge.ts";

type DatabaseLimit = "databaseConnections" | "databaseStatementMs";

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
};
