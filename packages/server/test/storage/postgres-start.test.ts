import pg from "pg";
import { afterEach, beforeEach, expect, test } from "vitest";
import { StartupError } from "../../src/kit/startup-error.ts";
import { SERVING } from "../../src/storage/postgres/exclusive-lock.ts";
import { knownMigrations } from "../../src/storage/postgres/migrate.ts";
import { usePostgres } from "../../testkit/postgres.ts";
import { openPostgres } from "../../testkit/postgres-home.ts";
import { freePort } from "../../testkit/server-process.ts";
import { until } from "../../testkit/until.ts";

const server = usePostgres();
let url: string;
beforeEach(async () => {
  url = await server().createDatabase();
});
afterEach(() => server().dropDatabase(url));

async function refusal(opening: Promise<unknown>): Promise<StartupError> {
  const error: unknown = await opening.then(
    () => null,
    (thrown) => thrown,
  );
  expect(error).toBeInstanceOf(StartupError);
  return error as StartupError;
}

/** Changes the database behind the server's back. */
async function tamper(sql: string): Promise<void> {
  await tell(sql);
}

async function tell(sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query(sql);
  await client.end();
  return rows;
}

test("an empty database gets every migration, a current one none", async () => {
  const first = await openPostgres(url);
  expect(first.migrated).toEqual(knownMigrations().map(({ name }) => name));
  await first.close();
  const second = await openPostgres(url);
  expect(second.migrated).toEqual([]);
  await second.close();
});

test("of processes that start on an empty database together one makes it, and all use it", async () => {
  const opened = await Promise.all([openPostgres(url), openPostgres(url), openPostgres(url)]);
  const migrated = opened.map((database) => database.migrated.length).sort((a, b) => a - b);
  expect(migrated).toEqual([0, 0, knownMigrations().length]);
  expect(new Set(opened.map(({ epoch }) => epoch)).size).toBe(1);
  await Promise.all(opened.map((database) => database.close()));
});

test("a database of one mode does not start in the other", async () => {
  await (await openPostgres(url, { mode: "sandbox" })).close();
  const error = await refusal(openPostgres(url, { mode: "live" }));
  expect(error.message).toContain("sandbox mode");
  expect(error.message).toContain("live mode");
  expect(error.hint).toContain("PAYBELL_MODE=sandbox");
  await (await openPostgres(url, { mode: "sandbox" })).close();
});

test("a database of a newer program is refused, naming both versions, and left as it was", async () => {
  await (await openPostgres(url)).close();
  await tamper("INSERT INTO paybell_schema (version, name) VALUES (999, 'later')");
  const error = await refusal(openPostgres(url));
  expect(error.message).toContain("999");
  expect(error.message).toContain(String(knownMigrations().length));
  expect(error.hint).toContain("newer");
  await tamper("DELETE FROM paybell_schema WHERE version = 999");
  await (await openPostgres(url)).close();
});

test("another program's database is refused, and nothing is made in it", async () => {
  await tamper("CREATE TABLE customers (id INTEGER)");
  expect((await refusal(openPostgres(url))).message).toContain("none of Paybell's");
  await tamper("DROP TABLE customers");
  await (await openPostgres(url)).close();
});

test("a server that does not answer, or refuses, is named with what to do", async () => {
  const nobody = `postgres://paybell@127.0.0.1:${await freePort()}/paybell`;
  const error = await refusal(openPostgres(nobody));
  expect(error.message).toContain("ECONNREFUSED");
  expect(error.hint).toContain("PAYBELL_DATABASE_URL");
  expect((await refusal(openPostgres(`${url}_absent`))).message).toContain("does not exist");
  expect((await refusal(openPostgres("postgres://[broken"))).hint).toContain("PAYBELL_DATABASE_URL");
});

test.each([
  ["fsync", "fsync = off"],
  ["synchronous_commit", "synchronous_commit = off"],
])("a server that runs without %s is refused", async (name, said) => {
  await (await openPostgres(url)).close();
  await server().crash();
  await server().restart({ [name]: "off" });
  const error = await refusal(openPostgres(url));
  expect(error.message).toContain(said);
  await server().crash();
  await server().restart();
  await (await openPostgres(url)).close();
});

test("a process that ends well leaves no row of its own", async () => {
  const [one, two] = [await openPostgres(url), await openPostgres(url)];
  await one.close();
  await tamper("DO $$ BEGIN ASSERT (SELECT count(*) FROM writers) = 1; END $$");
  await two.close();
  await tamper("DO $$ BEGIN ASSERT (SELECT count(*) FROM writers) = 0; END $$");
});

test("a second server on a database is refused; a command beside the first one is not", async () => {
  const first = await openPostgres(url, { exclusive: true });
  const error = await refusal(openPostgres(url, { exclusive: true }));
  expect(error.message).toContain("Another server");
  expect(error.hint).toContain("PAYBELL_DATABASE_URL");
  await (await openPostgres(url)).close();
  await first.close();
  await (await openPostgres(url, { exclusive: true })).close();
});

test("a command does not change the schema under a running server", async () => {
  await (await openPostgres(url)).close();
  const last = knownMigrations().length;
  const running = await openPostgres(url, { exclusive: true });
  await tamper(`DELETE FROM paybell_schema WHERE version = ${last}`);
  const error = await refusal(openPostgres(url));
  expect(error.message).toContain(`from schema version ${last - 1} to ${last}`);
  await running.close();
});

test("a server whose place was taken while the database was out of its reach says that it must end", async () => {
  const fatal: Error[] = [];
  const reported: unknown[] = [];
  const onFatal = (error: Error) => fatal.push(error);
  const running = await openPostgres(url, { exclusive: true, onFatal, onError: (error) => reported.push(error) });
  const rival = new pg.Client({ connectionString: url });
  await rival.connect();
  const taken = rival.query(`SELECT pg_advisory_lock(${SERVING})`);
  const isAdvisory = "SELECT pid, granted FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ExclusiveLock'";
  let locks: unknown[] = [];
  await until(
    () => `the rival waits; ${JSON.stringify(locks)}`,
    async () => {
      locks = await tell(isAdvisory);
      return locks.length === 2;
    },
  );
  await tell(`SELECT pg_terminate_backend(pid) FROM (${isAdvisory} AND granted) held`);
  await taken;
  await until("it was told", () => fatal.length === 1);
  expect(fatal[0]?.message).toContain("Another server");
  expect(reported).not.toEqual([]);
  await running.close();
  await rival.end();
});
