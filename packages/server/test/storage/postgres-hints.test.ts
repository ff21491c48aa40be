import pg from "pg";
import { expect, test } from "vitest";
import { MemoryBus } from "../../src/bus/memory-bus.ts";
import { Hub } from "../../src/fanout/hub.ts";
import { topics } from "../../src/log/topic.ts";
import type { PostgresDatabase } from "../../src/storage/postgres/database.ts";
import { PostgresEventLog } from "../../src/storage/postgres/event-log.ts";
import { usePostgres } from "../../testkit/postgres.ts";
import { openPostgres, postgresStoresOn } from "../../testkit/postgres-home.ts";
import { creation, recordsIn, samplePayment } from "../../testkit/storing/samples.ts";
import { until } from "../../testkit/until.ts";

const server = usePostgres();
const fail = (error: unknown): never => {
  throw error;
};

/** A hub as `main.ts` builds it, that does not ask by itself. */
async function hubOn(database: PostgresDatabase): Promise<Hub> {
  const log = new PostgresEventLog(database);
  const bus = new MemoryBus({ onError: fail });
  log.onAppended((records) => bus.publish(records));
  const hub = new Hub({ log, bus, pollIntervalMs: 3_600_000, pageSize: 100, onError: fail });
  await hub.start();
  database.onHint("appended", () => hub.look());
  return hub;
}

test("what one process appends, the other's listeners hear at once, in order and once", async () => {
  const url = await server().createDatabase();
  const [one, two] = [await openPostgres(url), await openPostgres(url)];
  const hubs = [await hubOn(one), await hubOn(two)];
  const heard = hubs.map((hub) => {
    const offsets: number[] = [];
    hub.listen(topics.merchant("merchant"), ({ record }) => offsets.push(record.offset));
    return offsets;
  });
  const stores = [postgresStoresOn(one), postgresStoresOn(two)];
  for (let nth = 0; nth < 40; nth += 1) {
    recordsIn((await stores[nth % 2]?.log.append([creation(samplePayment())])) ?? []);
  }
  await until("both have heard everything", () => heard.every(({ length }) => length === 40));
  const wanted = Array.from({ length: 40 }, (_, nth) => nth + 1);
  expect(heard).toEqual([wanted, wanted]);
  await Promise.all(hubs.map((hub) => hub.stop()));
  await Promise.all([one.close(), two.close()]);
  await server().dropDatabase(url);
});

test("who was cut off while he listened looks when he listens again", async () => {
  const url = await server().createDatabase();
  const [one, two] = [await openPostgres(url), await openPostgres(url)];
  const hub = await hubOn(two);
  const heard: number[] = [];
  hub.listen(topics.merchant("merchant"), ({ record }) => heard.push(record.offset));
  const admin = new pg.Client({ connectionString: url });
  await admin.connect();
  await until("it listens", async () => {
    const sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'";
    return ((await admin.query(sql)).rowCount ?? 0) >= 2;
  });
  recordsIn(await postgresStoresOn(one).log.append([creation(samplePayment())]));
  await until("it has heard", () => heard.length === 1);
  await admin.end();
  await hub.stop();
  await Promise.all([one.close(), two.close()]);
  await server().dropDatabase(url);
});
