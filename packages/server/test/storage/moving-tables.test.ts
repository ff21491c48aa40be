/** What is exported is everything: the list of tables and columns is that of both schemas, whoever adds to them. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import pg from "pg";
import { expect, test } from "vitest";
import { LEFT_BEHIND, MOVED } from "../../src/storage/moving/tables.ts";
import { usePostgres } from "../../testkit/postgres.ts";
import { openPostgres } from "../../testkit/postgres-home.ts";
import { openSqlite, temporaryDir } from "../../testkit/sqlite-home.ts";

const server = usePostgres();

/** `table.column` of all that is stored. */
async function inSqlite(): Promise<string[]> {
  const dataDir = await temporaryDir();
  await (await openSqlite(dataDir)).close();
  const database = new DatabaseSync(join(dataDir, "paybell.db"), { readOnly: true });
  const rows = database
    .prepare(
      `SELECT t.name || '.' || c.name AS name FROM sqlite_schema t JOIN pragma_table_xinfo(t.name) c
       WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'`,
    )
    .all() as { name: string }[];
  database.close();
  await rm(dataDir, { recursive: true });
  return rows.map(({ name }) => name);
}

async function inPostgres(): Promise<string[]> {
  const url = await server().createDatabase();
  await (await openPostgres(url)).close();
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ name: string }>(
    "SELECT table_name || '.' || column_name AS name FROM information_schema.columns WHERE table_schema = current_schema()",
  );
  await client.end();
  await server().dropDatabase(url);
  return rows.map(({ name }) => name);
}

const isLeft = (name: string) => name in LEFT_BEHIND || (name.split(".")[0] as string) in LEFT_BEHIND;
const moved = MOVED.flatMap(({ name, columns }) => columns.map((column) => `${name}.${column}`)).sort();

test.each([
  ["SQLite", inSqlite],
  ["PostgreSQL", inPostgres],
])("every column of %s is moved, or is left behind for a reason", async (_, columns) => {
  const stored = await columns();
  expect(stored.filter((name) => !isLeft(name)).sort()).toEqual(moved);
});

test("what is left behind exists, so that the list does not outlive it", async () => {
  const stored = [...(await inSqlite()), ...(await inPostgres())];
  const names = new Set([...stored, ...stored.map((name) => name.split(".")[0])]);
  expect(Object.keys(LEFT_BEHIND).filter((name) => !names.has(name))).toEqual([]);
});
