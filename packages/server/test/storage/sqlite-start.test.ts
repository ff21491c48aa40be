import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { StartupError } from "../../src/kit/startup-error.ts";
import { Connection } from "../../src/storage/sqlite/connection.ts";
import { knownMigrations } from "../../src/storage/sqlite/migrate.ts";
import { openSqlite, storesOn, temporaryDir } from "../../testkit/sqlite-home.ts";
import { startSqliteProcess } from "../../testkit/sqlite-process.ts";

let dataDir: string;
beforeEach(async () => {
  dataDir = await temporaryDir();
});
afterEach(() => rm(dataDir, { recursive: true }));

const server = { exclusive: true } as const;

async function refusal(opening: Promise<unknown>): Promise<StartupError> {
  const error: unknown = await opening.then(
    () => null,
    (thrown) => thrown,
  );
  expect(error).toBeInstanceOf(StartupError);
  return error as StartupError;
}

/** Changes the file behind the server's back. */
function tamper(sql: string): void {
  const database = new DatabaseSync(join(dataDir, "paybell.db"));
  database.exec(sql);
  database.close();
}

test("a second server on a directory is refused and told who has it; after a kill -9 of the first it starts", async () => {
  const first = startSqliteProcess(dataDir, "hold");
  await first.printed(1);
  const error = await refusal(openSqlite(dataDir, server));
  expect(error.message).toContain(String(first.pid));
  expect(error.message).toContain(dataDir);
  expect(error.hint).toContain("PAYBELL_DATA_DIR");
  await first.kill9();
  await (await openSqlite(dataDir, server)).close();
});

test("a second server in the same process is refused too, and the first keeps its lock", async () => {
  const first = await openSqlite(dataDir, server);
  await refusal(openSqlite(dataDir, server));
  await refusal(openSqlite(dataDir, server));
  await first.close();
  await (await openSqlite(dataDir, server)).close();
});

test("a command beside a running server reads and writes", async () => {
  const running = await openSqlite(dataDir, server);
  const command = await openSqlite(dataDir);
  const merchant = { id: "m", name: "M", createdAtMs: 1, xpubs: {} };
  await storesOn(command).merchants.createMerchant(merchant);
  await command.close();
  expect(await storesOn(running).merchants.merchant("m")).toEqual(merchant);
  await running.close();
});

test("a database of one mode does not start in the other", async () => {
  await (await openSqlite(dataDir, { mode: "sandbox" })).close();
  const error = await refusal(openSqlite(dataDir, { mode: "live" }));
  expect(error.message).toContain("sandbox mode");
  expect(error.message).toContain("live mode");
  expect(error.hint).toContain("PAYBELL_MODE=sandbox");
  await (await openSqlite(dataDir, { mode: "sandbox" })).close();
});

test("a database of a newer program is refused, naming both versions, and left as it was", async () => {
  await (await openSqlite(dataDir)).close();
  tamper("PRAGMA user_version = 999");
  const error = await refusal(openSqlite(dataDir));
  expect(error.message).toContain("999");
  expect(error.message).toContain(String(knownMigrations().length));
  expect(error.hint).toContain("newer");
  tamper(`PRAGMA user_version = ${knownMigrations().length}`);
  await (await openSqlite(dataDir)).close();
});

test("another program's database and a file that is none are refused", async () => {
  tamper("CREATE TABLE customers (id)");
  expect((await refusal(openSqlite(dataDir))).message).toContain("not a Paybell database");
  await rm(join(dataDir, "paybell.db"));
  await writeFile(
    join(dataDir, "paybell.db"),
    "something else entirely, and longer than a header of SQLite".repeat(20),
  );
  const error = await refusal(openSqlite(dataDir));
  expect(error.message).toContain("damaged, or was never a database");
  expect(error.message).toContain(join(dataDir, "paybell.db"));
});

test("an empty directory gets every migration, a current one none", async () => {
  const first = await openSqlite(dataDir);
  expect(first.migrated).toEqual(knownMigrations().map(({ name }) => name));
  await first.close();
  const second = await openSqlite(dataDir);
  expect(second.migrated).toEqual([]);
  await second.close();
});

test("a command does not change the schema under a running server", async () => {
  await (await openSqlite(dataDir)).close();
  const last = knownMigrations().length;
  const running = startSqliteProcess(dataDir, "hold");
  await running.printed(1);
  tamper(`PRAGMA user_version = ${last - 1}`);
  const error = await refusal(openSqlite(dataDir));
  expect(error.message).toContain(String(running.pid));
  expect(error.message).toContain(`from schema version ${last - 1} to ${last}`);
  await running.kill9();
});

test("a command that made the database does not keep a server from starting", async () => {
  const command = await openSqlite(dataDir);
  expect(command.migrated).not.toEqual([]);
  const running = await openSqlite(dataDir, server);
  await running.close();
  await command.close();
});

test("a start that failed leaves no lock behind", async () => {
  await (await openSqlite(dataDir)).close();
  await refusal(openSqlite(dataDir, { ...server, mode: "live" }));
  await (await openSqlite(dataDir, server)).close();
});

test("a file on which SQLite does not keep its write-ahead log is refused", () => {
  expect(() => Connection.openWriter(":memory:")).toThrow(StartupError);
  const connection = Connection.openWriter(join(dataDir, "fine.db"));
  expect(["journal_mode", "synchronous", "foreign_keys"].map((name) => connection.pragma(name))).toEqual(["wal", 2, 1]);
  connection.close();
});
