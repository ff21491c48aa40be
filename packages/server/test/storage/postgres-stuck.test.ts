/** A process that is paused, killed or cut off in the middle of a commit must not keep its locks, which all others wait for. */
import { fileURLToPath } from "node:url";
import pg from "pg";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Connection } from "../../src/storage/postgres/connection.ts";
import type { PostgresDatabase } from "../../src/storage/postgres/database.ts";
import { CommitCutter } from "../../testkit/commit-cutter.ts";
import { usePostgres } from "../../testkit/postgres.ts";
import { openPostgres, postgresStoresOn } from "../../testkit/postgres-home.ts";
import { creation, recordsIn, samplePayment } from "../../testkit/storing/samples.ts";
import { until } from "../../testkit/until.ts";
import { startVictim } from "../../testkit/victim-process.ts";

const PROGRAM = fileURLToPath(new URL("../../testkit/postgres-process-main.ts", import.meta.url));
/** Far more than what is set, and less than a statement may take: nobody is refused for want of the lock. */
const SOON_MS = 9_000;

const server = usePostgres();
let url: string;
let admin: pg.Client;
let other: PostgresDatabase;
beforeEach(async () => {
  url = await server().createDatabase();
  admin = new pg.Client({ connectionString: url });
  await admin.connect();
  other = await openPostgres(url);
});
afterEach(async () => {
  await other.close();
  await admin.end();
  await server().dropDatabase(url);
});

async function appended(): Promise<number> {
  const fromMs = performance.now();
  recordsIn(await postgresStoresOn(other).log.append([creation(samplePayment())]));
  return performance.now() - fromMs;
}

/** Sessions that hold the counter of the log, for which every commit waits, and are asked nothing. */
async function holdersOfCounter(): Promise<number> {
  const { rowCount } = await admin.query(
    `SELECT 1 FROM pg_stat_activity a JOIN pg_locks l USING (pid)
     WHERE a.state = 'idle in transaction' AND l.relation = 'meta'::regclass AND l.mode = 'RowExclusiveLock'`,
  );
  return rowCount ?? 0;
}

test("every session is watched over by the server, as long as its system can", async () => {
  const connection = await Connection.open({ url, statementTimeoutMs: 7_000, connectTimeoutMs: 5_000 });
  const names = [
    "idle_in_transaction_session_timeout",
    "statement_timeout",
    "tcp_keepalives_idle",
    "tcp_keepalives_interval",
    "tcp_keepalives_count",
    "tcp_user_timeout",
    "client_connection_check_interval",
  ];
  const values: Record<string, string | undefined> = {};
  for (const name of names) {
    values[name] = (await connection.get<{ value: string }>(`SELECT current_setting('${name}') AS value`))?.value;
  }
  await connection.close();
  expect(values).toEqual({
    idle_in_transaction_session_timeout: "3s",
    statement_timeout: "7s",
    tcp_keepalives_idle: "4",
    tcp_keepalives_interval: "2",
    tcp_keepalives_count: "3",
    tcp_user_timeout: "5000",
    client_connection_check_interval: "1s",
  });
});

test("while a process is paused in the middle of a commit, another one's commit waits for a few seconds and no longer", async () => {
  const victim = startVictim(PROGRAM, url);
  await victim.printed(20);
  try {
    // Paused again and again until it happens to hold what all others need.
    await until("it was paused in a commit", async () => {
      process.kill(victim.pid, "SIGSTOP");
      // What was on its way to the server has arrived.
      await new Promise((resolve) => setTimeout(resolve, 30));
      if ((await holdersOfCounter()) > 0) return true;
      process.kill(victim.pid, "SIGCONT");
      return false;
    });
    const waitedMs = await appended();
    process.stdout.write(`a commit waited ${Math.round(waitedMs)} ms for a process that was paused in its own\n`);
    expect(waitedMs).toBeLessThan(SOON_MS);
    expect(await holdersOfCounter()).toBe(0);
    const printed = victim.lines.length;
    process.kill(victim.pid, "SIGCONT");
    // It goes on by itself.
    await victim.printed(printed + 20);
  } finally {
    process.kill(victim.pid, "SIGCONT");
    await victim.kill9();
  }
}, 60_000);

test("a process that is cut off in the middle of a commit, unnoticed by the server, holds up the others no longer either", async () => {
  const proxy = await CommitCutter.start(server().port);
  const cutOff = await openPostgres(proxy.through(url), { patienceMs: 0, onError: () => undefined });
  proxy.next.push("unheard");
  proxy.isDown = true;
  const lost = postgresStoresOn(cutOff).log.append([creation(samplePayment())]);
  const outcome = lost.catch((error: unknown) => error);
  await until("it is left in its transaction", async () => (await holdersOfCounter()) > 0);
  const waitedMs = await appended();
  process.stdout.write(`a commit waited ${Math.round(waitedMs)} ms for a process that was cut off in its own\n`);
  expect(waitedMs).toBeLessThan(SOON_MS);
  proxy.isDown = false;
  await outcome;
  await cutOff.close();
  await proxy.close();
}, 60_000);

test("a process that is killed while its commit waits for a lock does not get that lock afterwards", async () => {
  await admin.query("BEGIN; LOCK TABLE payments IN ACCESS EXCLUSIVE MODE");
  const victim = startVictim(PROGRAM, url);
  const inquirer = new pg.Client({ connectionString: url });
  await inquirer.connect();
  const waiting = async () => {
    const sql = "SELECT 1 FROM pg_locks WHERE relation = 'payments'::regclass AND NOT granted";
    return (await inquirer.query(sql)).rowCount ?? 0;
  };
  await until("its commit waits", async () => (await waiting()) > 0);
  await victim.kill9();
  await until("it waits no more", async () => (await waiting()) === 0);
  await admin.query("ROLLBACK");
  await inquirer.end();
}, 60_000);
