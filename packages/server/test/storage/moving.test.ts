/** A database moves to any other, and what is exported from there is the same: every table, in all four directions. */
import { afterEach, describe, expect, test } from "vitest";
import { MOVED } from "../../src/storage/moving/tables.ts";
import { contentsOf, exported, imported, type Place, postgresPlace, sqlitePlace } from "../../testkit/moving.ts";
import { usePostgres } from "../../testkit/postgres.ts";
import { expectConsistent, wholeLog } from "../../testkit/storing/consistency.ts";
import { type FullStore, fill } from "../../testkit/storing/full-store.ts";
import type { OpenStore } from "../../testkit/storing/home.ts";
import { change, creation, outcomes, recordsIn, samplePayment, sampleTransfer } from "../../testkit/storing/samples.ts";

const server = usePostgres();
const make = { sqlite: sqlitePlace, postgres: () => postgresPlace(server()) };
const places: Place[] = [];

async function place(store: Place["store"]): Promise<Place> {
  const made = await make[store]();
  places.push(made);
  return made;
}
afterEach(async () => {
  for (const made of places.splice(0)) await made.remove();
});

async function on<T>(at: Place, work: (store: OpenStore) => Promise<T>): Promise<T> {
  const store = await at.open();
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

describe.each([
  ["sqlite", "postgres"],
  ["postgres", "postgres"],
  ["postgres", "sqlite"],
  ["sqlite", "sqlite"],
] as const)("%s to %s", (from, to) => {
  async function move(): Promise<{ source: Place; target: Place; filled: FullStore; file: Buffer }> {
    const [source, target] = [await place(from), await place(to)];
    const filled = await on(source, (store) => fill(store));
    const file = await exported(source);
    await imported(target, file);
    return { source, target, filled, file };
  }

  test("the same rows in the same order, all tables, under a new epoch", async () => {
    const { file, target } = await move();
    const before = contentsOf(file);
    const after = contentsOf(await exported(target));
    const empty = MOVED.filter(({ name }) => before.tables[name] === 0).map(({ name }) => name);
    expect(empty).toEqual(["sandbox_chain", "sandbox_blocks", "sandbox_transactions"]);
    expect(after.epoch).not.toBe(before.epoch);
    expect({ ...after, epoch: "" }).toEqual({ ...before, epoch: "" });
  });

  test("the log, its topics and the payments tell the same story, and go on telling it", async () => {
    const { source, target, filled } = await move();
    const before = await on(source, wholeLog);
    await on(target, async (store) => {
      const { log, payments } = store;
      expect(await wholeLog(store)).toEqual(before);
      for (const topic of new Set(before.flatMap((record) => record.topics))) {
        const page = await log.readAfter(0, { topics: [topic], limit: 1_000 });
        expect(page.records).toEqual(before.filter((record) => record.topics.includes(topic)));
      }
      const open = filled.payments[1] as (typeof filled.payments)[number];
      recordsIn(await log.append([change(open, {}, { transfers: [sampleTransfer(open)] })]));
      const added = samplePayment();
      recordsIn(await log.append([creation(added)]));
      expect(outcomes(await log.append([creation(samplePayment({ recipient: open.recipient }))]))).toEqual([
        "address_in_use",
      ]);
      expect(await log.head()).toBe(before.length + 2);
      const counts = await on(source, (old) => old.payments.countByStatus());
      expect(await payments.countByStatus()).toEqual({ ...counts, pending: counts.pending + 1 });
      const own = (await wholeLog(store)).filter(({ paymentId }) => paymentId === open.id || paymentId === added.id);
      expect(own.map(({ sequence }) => sequence)).toEqual([1, 2, 1]);
      expect((await payments.snapshot(open.id))?.state.transfers).toHaveLength(1);
    });
  });

  test("what was made first is still the older one, and the session seen last the last to be forgotten", async () => {
    const { target, filled } = await move();
    const [first, second] = filled.payments;
    await on(target, async ({ payments, sessions, merchants }) => {
      const latest = await payments.latestOnAddress(filled.merchantId, "sandbox", first?.recipient ?? "");
      expect(latest?.state.payment.id).toBe(second?.id);
      const id = "newest";
      await sessions.keepSession({ id, merchantId: filled.merchantId, joined: [], seenAtMs: 1 }, 2);
      const kept = await Promise.all(filled.sessionIds.map((one) => sessions.session(one, 0)));
      // The first was seen again after the others.
      expect(kept.map((session) => session !== null)).toEqual([true, false, false]);
      // Index 2 was paid to nobody: the cursor stands behind the three that were taken.
      expect(await merchants.takeDerivationIndex("bitcoin", "account", 20)).toBe(3);
    });
  });
});

test("a log of plain histories is consistent after two moves", async () => {
  const [first, second, third] = [await place("sqlite"), await place("postgres"), await place("sqlite")];
  await on(first, async ({ log, merchants }) => {
    await merchants.createMerchant({ id: "merchant", name: "Shop", createdAtMs: 1, xpubs: {} });
    for (let made = 0; made < 20; made += 1) {
      let payment = samplePayment();
      recordsIn(await log.append([creation(payment)]));
      for (let changes = 0; changes < made % 4; changes += 1) {
        const command = change(payment, {}, { transfers: [sampleTransfer(payment)] });
        recordsIn(await log.append([command]));
        payment = command.payment;
      }
    }
  });
  await imported(second, await exported(first));
  await imported(third, await exported(second));
  await on(third, async (store) => expectConsistent(store, await wholeLog(store)));
});
