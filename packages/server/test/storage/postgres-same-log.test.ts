/** A server whose log was taken away under it ends, and what it told of records that are lost is never honoured. */
import pg from "pg";
import { afterEach, beforeEach, expect, test } from "vitest";
import { usePostgres } from "../../testkit/postgres.ts";
import { openPostgres, postgresStoresOn } from "../../testkit/postgres-home.ts";
import type { OpenStore } from "../../testkit/storing/home.ts";
import { creation, recordsIn, samplePayment } from "../../testkit/storing/samples.ts";
import { until } from "../../testkit/until.ts";

const server = usePostgres();
let url: string;
let admin: pg.Client;
beforeEach(async () => {
  url = await server().createDatabase();
  admin = new pg.Client({ connectionString: url });
  await admin.connect();
});
afterEach(async () => {
  await admin.end();
  await server().dropDatabase(url);
});

interface Node extends OpenStore {
  /** Why it should end. */
  fatal: string[];
}

async function node(): Promise<Node> {
  const fatal: string[] = [];
  const onFatal = (error: Error) => fatal.push(error.message);
  // Lost connections are part of this.
  const options = { onFatal, onError: () => undefined, patienceMs: 2_000 };
  return { ...postgresStoresOn(await openPostgres(url, options)), fatal };
}

const append = async ({ log }: OpenStore) => recordsIn(await log.append([creation(samplePayment())]));
const look = ({ log }: OpenStore) => log.readAfter(0, { limit: 10 }).catch((error: Error) => error.message);
const epoch = async () => (await admin.query<{ epoch: string }>("SELECT epoch FROM meta")).rows[0]?.epoch;

/** What a fail-over does to connections. */
const cutAll = () =>
  admin.query(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
  );

/** As if the newest records had never come to this server. */
async function lose(records: number): Promise<void> {
  const { rows } = await admin.query<{ head: string }>("UPDATE meta SET head = head - $1 RETURNING head", [records]);
  await admin.query('DELETE FROM log_records WHERE "offset" > $1', [rows[0]?.head]);
  await admin.query('DELETE FROM log_topics WHERE "offset" > $1', [rows[0]?.head]);
}

test("another epoch in the log ends who reads it, before a record of it is told", async () => {
  const one = await node();
  await append(one);
  // On a connection that is open already.
  expect(await look(one)).toMatchObject({ head: 1 });
  await admin.query("UPDATE meta SET epoch = 'another'");
  expect(await look(one)).toContain("no longer the one that this server began on");
  expect(one.fatal).toEqual([expect.stringContaining("Its epoch is another")]);
  await look(one);
  expect(one.fatal).toHaveLength(1);
  await one.close();
});

test("records that are lost with a fail-over begin a new epoch, once; all servers end, and new ones go on in it", async () => {
  const [one, other] = [await node(), await node()];
  await one.merchants.takeDerivationIndex("bitcoin", "account", 1_000);
  for (let made = 0; made < 5; made += 1) await append(one);
  expect(await look(other)).toMatchObject({ head: 5 });
  const before = await epoch();
  await lose(2);
  await cutAll();
  await until("both have noticed", async () => {
    await Promise.all([look(one), look(other)]);
    return one.fatal.length > 0 && other.fatal.length > 0;
  });
  const now = await epoch();
  expect(now).not.toBe(before);
  const reasons = [...one.fatal, ...other.fatal];
  expect(reasons.filter((reason) => reason.includes("ends at record 3")).length).toBeGreaterThan(0);
  // One may have lost to the other, and is told so.
  expect(reasons.every((reason) => reason.includes("record 5") || reason.includes(`epoch is ${now}`))).toBe(true);
  await Promise.all([one.close(), other.close()]);

  const next = await node();
  expect([next.log.epoch, await next.log.head()]).toEqual([now, 3]);
  const [record] = await append(next);
  expect(record).toMatchObject({ offset: 4, id: `evt_${now}_4` });
  // Index 0 was given; two records and what may have been given beside them were passed over.
  expect(await next.merchants.takeDerivationIndex("bitcoin", "account", 20)).toBe(1 + 2 + 100);
  expect(next.fatal).toEqual([]);
  await next.close();
});

test("connections that are lost while nothing else is change nothing", async () => {
  const one = await node();
  await append(one);
  const before = await epoch();
  await cutAll();
  await until("it answers again", async () => typeof (await look(one)) === "object");
  await append(one);
  expect([one.fatal, await epoch()]).toEqual([[], before]);
  await one.close();
});
