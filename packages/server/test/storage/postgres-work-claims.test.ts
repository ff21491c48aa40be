/** Work that is shared between processes: nobody is given what another one has. */
import pg from "pg";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { PaymentStore } from "../../src/log/store.ts";
import type { Payment } from "../../src/payments/payment.ts";
import { usePostgres } from "../../testkit/postgres.ts";
import { openPostgres, postgresStoresOn } from "../../testkit/postgres-home.ts";
import type { OpenStore } from "../../testkit/storing/home.ts";
import { change, creation, recordsIn, samplePayment } from "../../testkit/storing/samples.ts";
import { until } from "../../testkit/until.ts";

const PAYMENTS = 400;
const LATE_MS = 1_000_000;
/** Longer than any of these tests. */
const LONG_MS = 3_600_000;

const server = usePostgres();
let url: string;
let stores: OpenStore[] = [];

beforeEach(async () => {
  url = await server().createDatabase();
});
afterEach(async () => {
  for (const store of stores) await store.close();
  stores = [];
  await server().dropDatabase(url);
});

async function open(claimMs: number = LONG_MS): Promise<OpenStore> {
  const store = postgresStoresOn(await openPostgres(url, { claimMs }));
  stores.push(store);
  return store;
}

async function makeDue({ log }: OpenStore, count = PAYMENTS): Promise<Payment[]> {
  const due = Array.from({ length: count }, (_, nth) => samplePayment({ deadlineMs: 1_000 + nth }));
  recordsIn(await log.append(due.map((payment) => creation(payment))));
  return due;
}

const take = ({ payments }: { payments: PaymentStore }, limit: number) => payments.dueAtTime("sandbox", LATE_MS, limit);

describe("what is due", () => {
  test("is divided between those who ask at the same time, the earliest first", async () => {
    const all = [await open(), await open(), await open()];
    const due = (await makeDue(all[0] as OpenStore)).map(({ id }) => id);
    const shares = await Promise.all(all.map((store) => take(store, 100)));
    const taken = shares.flat();
    expect(new Set(taken).size).toBe(taken.length);
    for (const share of shares) {
      expect(share.length).toBeGreaterThan(0);
      expect(share).toEqual(due.filter((id) => share.includes(id)));
    }
    const rest = await take(await open(), PAYMENTS);
    expect(rest).toEqual(due.filter((id) => !taken.includes(id)));
  });

  test("that comes next is found behind what others have", async () => {
    const [one, two] = [await open(), await open()];
    const due = (await makeDue(one, 20)).map(({ id }) => id);
    expect(await take(one, 5)).toEqual(due.slice(0, 5));
    expect(await take(two, 5)).toEqual(due.slice(5, 10));
  });

  test("and is being taken by another who was not seen is left to him", async () => {
    const store = await open();
    const [first, second] = await makeDue(store, 2);
    const another = new pg.Client({ connectionString: url });
    await another.connect();
    try {
      await another.query("BEGIN");
      const claim = "INSERT INTO work_claims VALUES ('deadline sandbox', $1, 'another', now() + interval '1 hour')";
      await another.query(claim, [first?.id]);
      const asked = take(store, 5);
      await until("the claim to be waited for", async () => {
        const { rows } = await another.query("SELECT 1 FROM pg_locks WHERE NOT granted");
        return rows.length > 0;
      });
      await another.query("COMMIT");
      expect(await asked).toEqual([second?.id]);
    } finally {
      await another.end();
    }
  });

  test("is given again to who has it, as far as it is not done", async () => {
    const store = await open();
    const due = await makeDue(store, 3);
    const ids = due.map(({ id }) => id);
    expect(await take(store, 2)).toEqual(ids.slice(0, 2));
    expect(await take(store, 2)).toEqual(ids.slice(0, 2));
    recordsIn(await store.log.append([change(due[0] as Payment, { deadlineMs: null })]));
    expect(await take(store, 2)).toEqual(ids.slice(1));
  });

  test("goes to others as soon as who had it asks for something else of its kind, and done work leaves nothing", async () => {
    const [one, two] = [await open(), await open()];
    const due = await makeDue(one, 2);
    expect(await take(one, 2)).toHaveLength(2);
    expect(await take(two, 2)).toEqual([]);
    expect(await one.payments.dueAtTime("sandbox", 1_000, 2)).toEqual([due[0]?.id]);
    expect(await take(two, 2)).toEqual([due[1]?.id]);
  });

  test("on one chain is not held up by what somebody has of another", async () => {
    const [one, two] = [await open(), await open()];
    const other = samplePayment({ chain: "bitcoin", deadlineMs: 5 });
    recordsIn(await one.log.append([creation(other)]));
    const [due] = await makeDue(one, 1);
    expect(await one.payments.dueAtTime("bitcoin", LATE_MS, 5)).toEqual([other.id]);
    expect(await take(one, 5)).toEqual([due?.id]);
    expect(await take(two, 5)).toEqual([]);
    // What is asked for of the one chain gives nothing back of the other.
    expect(await two.payments.dueAtTime("bitcoin", LATE_MS, 5)).toEqual([]);
  });

  test("that a process took and did not do comes to another when its time is over, and is once more left alone", async () => {
    const [dead, one, two] = [await open(300), await open(), await open()];
    const [due] = await makeDue(dead, 1);
    expect(await take(dead, 5)).toEqual([due?.id]);
    const taken = await until("the time to be over", async () => {
      const ids = await take(one, 5);
      return ids.length > 0 && ids;
    });
    expect(taken).toEqual([due?.id]);
    expect(await take(two, 5)).toEqual([]);
    expect(await take(dead, 5)).toEqual([]);
  });

  test("is given out while others decide on the same payments, and is decided all the same", async () => {
    const [one, two] = [await open(), await open()];
    const due = await makeDue(one, 100);
    const decided = one.log.append(due.map((payment) => change(payment, { deadlineMs: null })));
    const taken = await Promise.all(Array.from({ length: 20 }, () => take(two, 10)));
    recordsIn(await decided);
    expect(taken.every((ids) => ids.length <= 10)).toBe(true);
    expect(await take(two, 10)).toEqual([]);
  });
});
