/** Who does what only one may do: on a real database, with terms of which the test decides how they begin and end. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { Leadership, type Term } from "../../src/ingest/leadership.ts";
import type { Fence } from "../../src/log/leases.ts";
import type { PostgresDatabase } from "../../src/storage/postgres/database.ts";
import { PostgresLeases } from "../../src/storage/postgres/leases.ts";
import { CommitCutter } from "../../testkit/commit-cutter.ts";
import { usePostgres } from "../../testkit/postgres.ts";
import { openPostgres } from "../../testkit/postgres-home.ts";
import { until } from "../../testkit/until.ts";

const LEASE = "lease";
const TTL_MS = 900;
/** So long that no test waits for it: what happens earlier does not happen by time. */
const LONG_MS = 600_000;

const server = usePostgres();
let url: string;
const ends: (() => Promise<void> | void)[] = [];
beforeEach(async () => {
  url = await server().createDatabase();
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
  await server().dropDatabase(url);
});

interface TermUnderTest extends Term {
  fence: Fence;
  isStopped: boolean;
  lose: () => void;
}

interface Ways {
  ttlMs?: number;
  database?: PostgresDatabase;
  /** How a term begins; default: at once. */
  starting?: (nth: number) => Promise<void>;
  /** How a term ends; default: at once. */
  stopping?: () => Promise<void>;
}

async function open(through = url): Promise<PostgresDatabase> {
  const database = await openPostgres(through, { patienceMs: 100, onError: () => undefined });
  ends.push(() => database.close());
  return database;
}

async function candidate(holder: string, { database, starting, stopping, ttlMs = TTL_MS }: Ways = {}) {
  const leases = new PostgresLeases(database ?? (await open()));
  const terms: TermUnderTest[] = [];
  const errors: unknown[] = [];
  const leadership = new Leadership({
    ...{ leases, lease: LEASE, holder, ttlMs, logger: { info: () => undefined } },
    begin: (fence, lose) => {
      const term: TermUnderTest = {
        ...{ fence, lose, isStopped: false },
        started: starting?.(terms.length) ?? Promise.resolve(),
        stop: async () => {
          term.isStopped = true;
          await stopping?.();
        },
      };
      terms.push(term);
      return term;
    },
    onError: (error) => errors.push(error),
  });
  ends.push(() => leadership.stop());
  return { leadership, leases, terms, errors };
}

test("one of several does it, for as long as it likes", async () => {
  const all = await Promise.all(["a", "b", "c"].map((holder) => candidate(holder)));
  await Promise.all(all.map(({ leadership }) => leadership.start()));
  const leading = () => all.filter(({ leadership }) => leadership.leads);
  expect(leading()).toHaveLength(1);
  const first = leading()[0];
  await new Promise((resolve) => setTimeout(resolve, 2 * TTL_MS));
  expect(leading()).toEqual([first]);
  expect(first?.terms).toHaveLength(1);
  expect(all.flatMap(({ errors }) => errors)).toEqual([]);
});

test("when it stops another one does it at once, without waiting for any time to pass", async () => {
  const all = await Promise.all(["a", "b", "c"].map((holder) => candidate(holder, { ttlMs: LONG_MS })));
  await Promise.all(all.map(({ leadership }) => leadership.start()));
  const leading = () => all.filter(({ leadership }) => leadership.leads);
  const first = leading()[0];
  await first?.leadership.stop();
  expect(first?.terms[0]?.isStopped).toBe(true);
  await until("another does", () => leading().length === 1);
  expect(leading()[0]?.terms[0]?.fence.token).toBeGreaterThan(first?.terms[0]?.fence.token ?? 0);
  expect(all.flatMap(({ errors }) => errors)).toEqual([]);
});

test("who has lost it stops, and is a candidate again", async () => {
  const { leadership, leases, terms } = await candidate("a");
  await leadership.start();
  const fence = terms[0]?.fence as Fence;
  // As if it had been away for longer than the lease.
  const rival = new PostgresLeases(await open());
  const taken = await until("it is taken", async () => {
    await leases.renew(fence, 0);
    return rival.acquire(LEASE, "b", 3_600_000);
  });
  await until("it has stopped", () => terms[0]?.isStopped);
  expect(leadership.leads).toBe(false);
  await rival.release(taken);
  await until("it does it again", () => leadership.leads);
  expect(terms).toHaveLength(2);
});

test("a write that was refused ends the term without waiting for the next renewal", async () => {
  const { leadership, terms } = await candidate("a");
  await leadership.start();
  terms[0]?.lose();
  await until("a new term has begun", () => terms.length === 2 && leadership.leads);
  expect(terms[0]?.isStopped).toBe(true);
});

test("while the database is away its holder goes on, and is still the holder when it is back", async () => {
  const proxy = await CommitCutter.start(server().port);
  ends.push(() => proxy.close());
  const { leadership, leases, terms, errors } = await candidate("a", { database: await open(proxy.through(url)) });
  await leadership.start();
  proxy.isDown = true;
  proxy.cutAll();
  await until("it could not renew", () => errors.length >= 2);
  expect(leadership.leads).toBe(true);
  proxy.isDown = false;
  const fence = terms[0]?.fence as Fence;
  await until("it can renew", () => leases.renew(fence, TTL_MS).catch(() => false));
  await new Promise((resolve) => setTimeout(resolve, TTL_MS));
  expect(terms).toHaveLength(1);
  expect(terms[0]?.isStopped).toBe(false);
});

test("while the database is away for its holder alone another takes its place, and it stops when it hears so", async () => {
  const proxy = await CommitCutter.start(server().port);
  ends.push(() => proxy.close());
  const away = await candidate("a", { database: await open(proxy.through(url)) });
  const near = await candidate("b");
  await away.leadership.start();
  await near.leadership.start();
  expect([away, near].map(({ leadership }) => leadership.leads)).toEqual([true, false]);
  proxy.isDown = true;
  proxy.cutAll();
  await until("the other does it", () => near.leadership.leads);
  proxy.isDown = false;
  await until("it has stopped", () => away.terms[0]?.isStopped);
  expect([away, near].map(({ leadership }) => leadership.leads)).toEqual([false, true]);
});

test("what cannot begin at the start says so, and leaves the lease to others", async () => {
  const starting = () => Promise.reject(new Error("the cursor is not one"));
  const { leadership } = await candidate("a", { starting });
  await expect(leadership.start()).rejects.toThrow("the cursor is not one");
  expect(await new PostgresLeases(await open()).acquire(LEASE, "b", TTL_MS)).not.toBeNull();
});

test("what cannot begin later is tried again, and shows why meanwhile", async () => {
  const starting = async (nth: number) => {
    if (nth === 1) throw new Error("not now");
  };
  const { leadership, terms, errors } = await candidate("a", { starting });
  await leadership.start();
  terms[0]?.lose();
  await until("it shows", () => leadership.problem === "not now");
  expect(errors.map(String)).toEqual(["Error: not now"]);
  await until("it does it", () => terms.length === 3 && leadership.leads);
  await until("nothing is wrong any more", () => leadership.problem === null);
});

test("a stop waits neither for a beginning that does not end nor for long for what does not stop, and frees the lease", async () => {
  const never = new Promise<void>(() => undefined);
  const freed = Promise.withResolvers<void>();
  const { leadership, terms } = await candidate("a", {
    ...{ starting: () => never, stopping: () => freed.promise, ttlMs: LONG_MS },
  });
  void leadership.start();
  await until("it has begun", () => terms.length === 1);
  const stopping = leadership.stop();
  const rival = new PostgresLeases(await open());
  await until("the lease is free", () => rival.acquire(LEASE, "b", TTL_MS));
  freed.resolve();
  await stopping;
});
