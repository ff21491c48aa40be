/** Nodes on one PostgreSQL tell each other of themselves. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { PostgresDatabase } from "../../src/storage/postgres/database.ts";
import { PostgresNodes } from "../../src/storage/postgres/nodes.ts";
import { usePostgres } from "../../testkit/postgres.ts";
import { openPostgres } from "../../testkit/postgres-home.ts";
import { until } from "../../testkit/until.ts";

const LIVE_MS = 60_000;
const server = usePostgres();
let url: string;
let databases: PostgresDatabase[];
let one: PostgresNodes;
let two: PostgresNodes;

beforeAll(async () => {
  url = await server().createDatabase();
  // One of the tests ends the server for a while, which is told.
  databases = await Promise.all([1, 2].map(() => openPostgres(url, { onError: () => undefined })));
  [one, two] = databases.map((database) => new PostgresNodes(database)) as [PostgresNodes, PostgresNodes];
});

afterAll(async () => {
  await Promise.all(databases.map((database) => database.close()));
  await server().dropDatabase(url);
});

test("each hears what the others told last, and not itself", async () => {
  const [a, b, c] = [randomUUID(), randomUUID(), randomUUID()];
  expect(await one.exchange(a, "first", LIVE_MS)).toEqual([]);
  expect(await two.exchange(b, '{"shop":{"\\u0000":1}}', LIVE_MS)).toEqual(["first"]);
  expect(await one.exchange(a, "second", LIVE_MS)).toEqual(['{"shop":{"\\u0000":1}}']);
  expect([...(await two.exchange(c, "third", LIVE_MS))].sort()).toEqual(["second", '{"shop":{"\\u0000":1}}'].sort());
  for (const id of [a, b, c]) await one.leave(id);
});

test("who has said nothing for so long, by the database's clock, is not there", async () => {
  const [dead, a] = [randomUUID(), randomUUID()];
  await one.exchange(dead, "last words", LIVE_MS);
  expect(await two.exchange(a, "", LIVE_MS)).toEqual(["last words"]);
  await until("it is forgotten", async () => (await two.exchange(a, "", 300)).length === 0);
  // He was only slow.
  await one.exchange(dead, "after all", LIVE_MS);
  expect(await two.exchange(a, "", LIVE_MS)).toEqual(["after all"]);
  await Promise.all([one.leave(dead), two.leave(a)]);
});

test("who leaves is forgotten at once, and the others are told", async () => {
  const [a, b] = [randomUUID(), randomUUID()];
  await one.exchange(a, "here", LIVE_MS);
  let told = 0;
  const stop = two.onLeft(() => (told += 1));
  // A hint may be lost while nobody listens yet.
  await until("word of it", async () => {
    await one.leave(a);
    return told > 0;
  });
  expect(await two.exchange(b, "", LIVE_MS)).toEqual([]);
  stop();
  await two.leave(b);
});

test("a crash of the database forgets all, and everybody is there again with his next word", async () => {
  const [a, b] = [randomUUID(), randomUUID()];
  await one.exchange(a, "before", LIVE_MS);
  await server().crash();
  await server().restart();
  const said = await until("the first word", () => one.exchange(a, "after", LIVE_MS).catch(() => null));
  expect(said).toEqual([]);
  const heard = await until("the second", () => two.exchange(b, "", LIVE_MS).catch(() => null));
  expect(heard).toEqual(["after"]);
  await Promise.all([one.leave(a), two.leave(b)]);
});
