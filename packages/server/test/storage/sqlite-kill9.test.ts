import { rm } from "node:fs/promises";
import { expect, test } from "vitest";
import type { Acknowledged } from "../../testkit/append-storm.ts";
import { seededRandom } from "../../testkit/seeded-random.ts";
import { openSqlite, storesOn, temporaryDir } from "../../testkit/sqlite-home.ts";
import { startSqliteProcess } from "../../testkit/sqlite-process.ts";
import { acknowledgedBy, expectAcknowledged, expectConsistent, wholeLog } from "../../testkit/storing/consistency.ts";

const ROUNDS = 5;
const SEED = 20_260_101;

test("whenever the process is killed, everything that was answered is there, and nothing is half there", async () => {
  const dataDir = await temporaryDir();
  const random = seededRandom(SEED);
  const acknowledged: Acknowledged[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const writer = startSqliteProcess(dataDir, "append");
    await writer.printed(1 + Math.floor(random() * 400));
    await writer.kill9();
    acknowledged.push(...acknowledgedBy(writer));

    const store = storesOn(await openSqlite(dataDir, { exclusive: true }));
    const records = await wholeLog(store);
    expectAcknowledged(acknowledged, records);
    await expectConsistent(store, records);
    await store.close();
  }
  expect(acknowledged.length).toBeGreaterThan(ROUNDS);
  await rm(dataDir, { recursive: true });
}, 60_000);
