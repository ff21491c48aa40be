import pg from "pg";
import { afterEach, beforeEach, expect, test } from "vitest";
import { StartupError } from "../../src/kit/startup-error.ts";
import type { Migration } from "../../src/storage/migrations.ts";
import { Connection } from "../../src/storage/postgres/connection.ts";
import { knownMigrations, migrate } from "../../src/storage/postgres/migrate.ts";
import { usePostgres } from "../../testkit/postgres.ts";
import { openPostgres, postgresStoresOn } from "../../testkit/postgres-home.ts";
import { freePort } from "../../testkit/server-process.ts";
import { creation, recordsIn, samplePayment } from "../../testkit/storing/samples.ts";
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

test("a schema that a newer program has only added to is used; one that it has changed is refused, and left as it was", async () => {
  await (await openPostgres(url)).close();
  await tamper("INSERT INTO paybell_schema (version, name) VALUES (998, '0998_later')");
  await (await openPostgres(url)).close();
  await tamper("INSERT INTO paybell_schema (version, name) VALUES (999, '0999_other.breaking')");
  const error = await refusal(openPostgres(url));
  expect(error.message).toContain("0999_other.breaking");
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

/** What a newer program would apply. */
function newer(...names: readonly string[]): Migration[] {
  const known = knownMigrations();
  const sql = "CREATE TABLE IF NOT EXISTS added (id INTEGER)";
  return [...known, ...names.map((name, at) => ({ version: known.length + 1 + at, name, sql }))];
}

async function migrateTo(known: readonly Migration[]): Promise<readonly string[]> {
  const connection = await Connection.open({ url, statementTimeoutMs: 30_000, connectTimeoutMs: 5_000 });
  try {
    return await migrate(connection, known);
  } finally {
    await connection.close();
  }
}

test("a newer program adds to the schema while older servers run, and they go on", async () => {
  const [first, second] = [await openPostgres(url), await openPostgres(url)];
  expect(await migrateTo(newer("0998_added"))).toEqual(["0998_added"]);
  for (const running of [first, second]) {
    const { log } = postgresStoresOn(running);
    recordsIn(await log.append([creation(samplePayment())]));
    await running.close();
  }
  await (await openPostgres(url)).close();
});

test("what older servers could not go on with is applied only when none runs, and what they open behind it is refused", async () => {
  // A hint may be on its way when its connection is ended.
  const running = await openPostgres(url, { onError: () => undefined });
  const known = newer("0998_added", "0999_changed.breaking");
  const error = await refusal(migrateTo(known));
  expect(error.message).toContain("0999_changed.breaking");
  expect(error.hint).toContain("Stop");
  expect(await tell("SELECT to_regclass('added') AS added")).toEqual([{ added: null }]);
  recordsIn(await postgresStoresOn(running).log.append([creation(samplePayment())]));

  // A server whose connections are lost is none, until it opens others.
  const isPaybell = "application_name = 'paybell' AND datname = current_database()";
  const applied = await until("they were away for long enough", async () => {
    await tell(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${isPaybell}`);
    return migrateTo(known).catch(() => null);
  });
  expect(applied).toEqual(["0998_added", "0999_changed.breaking"]);
  const behind = postgresStoresOn(running).log.append([creation(samplePayment())]);
  await expect(behind).rejects.toThrow("0999_changed.breaking");
  await running.close();
});
