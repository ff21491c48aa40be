/** A node that has lost its lease stores nothing more of what its watcher reports, at whatever step it was. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { addressFromSeed } from "../../src/chains/sandbox/address.ts";
import type { WatchReport } from "../../src/chains/watcher.ts";
import { ChainRegistry } from "../../src/ingest/chain-registry.ts";
import { PaymentIngest } from "../../src/ingest/payment-ingest.ts";
import { WatchList } from "../../src/ingest/watch-list.ts";
import { IngestSink } from "../../src/ingest/watch-sink.ts";
import { systemClock } from "../../src/kit/clock.ts";
import { defaultLimits } from "../../src/kit/limits.ts";
import { type Fence, LeaseLost } from "../../src/log/leases.ts";
import type { PostgresDatabase } from "../../src/storage/postgres/database.ts";
import { PostgresLeases } from "../../src/storage/postgres/leases.ts";
import { matchingFacts, observed, type Sent } from "../../testkit/matching-facts.ts";
import { usePostgres } from "../../testkit/postgres.ts";
import { openPostgres, postgresStoresOn } from "../../testkit/postgres-home.ts";

const CHAIN = "sandbox";
const LEASE = "watch sandbox";
const TTL_MS = 3_600_000;

const server = usePostgres();
let url: string;
let [one, two]: PostgresDatabase[] = [];

beforeAll(async () => {
  url = await server().createDatabase();
  [one, two] = await Promise.all([openPostgres(url), openPostgres(url)]);
});
afterAll(async () => {
  await Promise.all([one?.close(), two?.close()]);
  await server().dropDatabase(url);
});

/** The same object, but before each of its steps something else is waited for. */
function after<T extends object>(target: T, step: () => Promise<void>): T {
  return new Proxy(target, {
    get(on, name) {
      const value = Reflect.get(on, name, on) as unknown;
      if (typeof value !== "function" || name === "onAppended") return value;
      return async (...args: unknown[]) => {
        await step();
        return (value as (...given: unknown[]) => unknown).apply(on, args);
      };
    },
  });
}

/** A process that watches the chain under a fence; one group per payment, so that a report is many commits. */
async function watching(database: PostgresDatabase, given: { fence: Fence; step?: () => Promise<void> }) {
  const { fence, step = async () => undefined } = given;
  const stores = postgresStoresOn(database);
  const [log, payments] = [after(stores.log, step), after(stores.payments, step)];
  const onError = (error: unknown) => {
    throw error;
  };
  const watchList = new WatchList({ store: payments, keyLog: null, onError });
  const ingest = new PaymentIngest({
    ...{ log, store: payments, merchants: stores.merchants, products: stores.products, watchList },
    chains: new ChainRegistry([{ facts: matchingFacts, watched: true }]),
    defaults: { expiresInSeconds: 3_600, monitoringSeconds: 3_600, gapLimit: defaultLimits.gapLimit },
    ...{ clock: systemClock, observable: () => false, transfersPerPayment: 1_000, groupSize: 1 },
    ...{ pendingCommands: 10_000, storeProgressEveryMs: 1 },
  });
  const keys = await watchList.begin(CHAIN, () => undefined);
  let losses = 0;
  const onLeaseLost = () => {
    losses += 1;
  };
  const sink = new IngestSink(matchingFacts, { ingest, store: payments, keys, fence, onLeaseLost });
  return { ingest, sink, losses: () => losses };
}

/** A registration whose first record comes, two payments, money that is too old for one of them. */
async function scene(ingest: PaymentIngest, name: string) {
  const address = (nth: number) => addressFromSeed(`${name} ${nth}`);
  const request = (nth: number) => ({ merchantId: name, chain: CHAIN, asset: "SBX", address: address(nth) });
  await ingest.create({ ...request(0), amountAtomic: null, match: { tributary: "*" } });
  for (const nth of [1, 2]) await ingest.create({ ...request(nth), amountAtomic: 5n });
  const atMs = Date.now();
  const sent: Sent[] = [
    { txId: `${name} r`, address: address(0), atMs, gateways: ["g"], memos: ["order-1"] },
    ...[1, 2].map((nth) => ({ txId: `${name} ${nth}`, address: address(nth), atMs })),
    { txId: `${name} old`, address: address(1), atMs: atMs - 86_400_000 },
  ];
  return { name, sent };
}

type Scene = Awaited<ReturnType<typeof scene>>;
type Watching = Awaited<ReturnType<typeof watching>>;

function reportOf({ sent }: Scene, { sink }: Watching): WatchReport {
  const observations = sent.flatMap((each) => observed(sink, each) ?? []);
  expect(observations).toHaveLength(sent.length);
  const head = { height: 8, hash: "block-8", timeMs: Date.now() };
  return { disconnected: [], observations, head, cursor: { of: "one" }, watchedUntilMs: Date.now() };
}

async function acquired(database: PostgresDatabase, holder: string): Promise<Fence> {
  const fence = await new PostgresLeases(database).acquire(LEASE, holder, TTL_MS);
  if (!fence) throw new Error(`${holder} did not get the lease.`);
  return fence;
}

/** As another node does when the holder has said nothing for too long. */
async function takeOver(from: PostgresDatabase, fence: Fence, to: PostgresDatabase): Promise<Fence> {
  await new PostgresLeases(from).renew(fence, 0);
  return acquired(to, "two");
}

test("a lease that is taken before any step of a report ends it there; the next holder reports it again, and all is stored once", async () => {
  if (!one || !two) throw new Error("The databases are not open.");
  const { log, payments } = postgresStoresOn(two);
  const reached: number[] = [];
  for (let at = 0, isOver = false; !isOver; at += 1) {
    const old = await acquired(one, "one");
    const name = `scene ${at}`;
    let steps = Number.NEGATIVE_INFINITY;
    let next: Fence | null = null;
    let head = 0;
    const step = async () => {
      steps += 1;
      if (steps !== at + 1) return;
      next = await takeOver(one as PostgresDatabase, old, two as PostgresDatabase);
      head = await log.head();
    };
    const first = await watching(one, { fence: old, step });
    const played = await scene(first.ingest, name);
    const progressBefore = await payments.progress(CHAIN);
    const report = reportOf(played, first);
    steps = 0;
    const outcome = await first.sink.apply(report).then(
      () => null,
      (error: unknown) => error,
    );
    isOver = next === null;
    const fence: Fence = next ?? (await takeOver(one, old, two));
    if (!isOver) {
      expect(await log.head(), `taken before step ${at}`).toBe(head);
      reached.push(steps);
      if (outcome === null) {
        // Taken behind its last write: everything was stored, under the lease.
        expect(await payments.progress(CHAIN)).toMatchObject({ cursor: { of: "one" } });
      } else {
        expect(outcome).toBeInstanceOf(LeaseLost);
        expect(first.losses()).toBe(1);
        expect(await payments.progress(CHAIN)).toEqual(progressBefore);
        // It does not even ask any more.
        const asked = steps;
        await expect(first.sink.apply(report)).rejects.toBeInstanceOf(LeaseLost);
        expect(steps).toBe(asked);
      }
    } else expect(outcome).toBeNull();
    const second = await watching(two, { fence });
    await second.sink.apply({ ...report, cursor: { of: "two" } });
    await expectStoredOnce(played);
    expect((await payments.progress(CHAIN))?.cursor).toEqual({ of: "two" });
    await new PostgresLeases(two).release(fence);
  }
  // Reads and writes of every kind were among them.
  expect(reached.length).toBeGreaterThan(8);
});

async function expectStoredOnce({ name }: Scene): Promise<void> {
  if (!two) throw new Error("The database is not open.");
  const { log, payments } = postgresStoresOn(two);
  const list = await payments.list({ merchantId: name, limit: 10 });
  const credited = list.payments.map(({ transfers }) => transfers.map(({ txId }) => txId));
  expect(credited.sort()).toEqual([[], [`${name} 1`], [`${name} 2`], [`${name} r`]].sort());
  const { records } = await log.readAfter(0, { limit: 10_000 });
  const own = records.filter(({ merchantId }) => merchantId === name);
  expect(own.filter(({ type }) => type === "transfer.unattributed")).toHaveLength(1);
  for (const [paymentId, told] of Map.groupBy(own, (record) => record.paymentId)) {
    if (paymentId === null) continue;
    expect(told.map(({ sequence }) => sequence)).toEqual(told.map((_, nth) => nth + 1));
  }
}
