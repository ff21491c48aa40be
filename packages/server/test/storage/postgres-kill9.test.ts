import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import type { Acknowledged } from "../../testkit/append-storm.ts";
import { usePostgres } from "../../testkit/postgres.ts";
import { openPostgres, postgresStoresOn } from "../../testkit/postgres-home.ts";
import { seededRandom } from "../../testkit/seeded-random.ts";
import { acknowledgedBy, expectAcknowledged, expectConsistent, wholeLog } from "../../testkit/storing/consistency.ts";
import { startVictim } from "../../testkit/victim-process.ts";

const PROGRAM = fileURLToPath(new URL("../../testkit/postgres-process-main.ts", import.meta.url));
const ROUNDS = 4;
const SEED = 20_261_122;

const server = usePostgres();

test("of two processes on one database one is killed again and again: what either was answered is there, once", async () => {
  const url = await server().createDatabase();
  const random = seededRandom(SEED);
  const survivor = startVictim(PROGRAM, url);
  const acknowledged: Acknowledged[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const victim = startVictim(PROGRAM, url);
    await victim.printed(1 + Math.floor(random() * 200));
    await victim.kill9();
    acknowledged.push(...acknowledgedBy(victim));
  }
  await survivor.printed(survivor.lines.length + 50);
  await survivor.kill9();
  acknowledged.push(...acknowledgedBy(survivor));
  const store = postgresStoresOn(await openPostgres(url));
  const records = await wholeLog(store);
  expectAcknowledged(acknowledged, records);
  await expectConsistent(store, records);
  expect(new Set(acknowledged.map(({ offset }) => offset)).size).toBe(acknowledged.length);
  await store.close();
  await server().dropDatabase(url);
}, 120_000);
