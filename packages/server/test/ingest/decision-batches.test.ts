import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { DecisionLoop } from "../../src/ingest/decision-loop.ts";
import { IdempotencyTaken } from "../../src/ingest/ingest.ts";
import type { Check, Outcome, Owners, Work } from "../../src/ingest/work.ts";
import { systemClock as clock } from "../../src/kit/clock.ts";
import { LogOverloaded } from "../../src/log/event-log.ts";
import { topics } from "../../src/log/topic.ts";
import type { Input } from "../../src/payments/decide.ts";
import type { Payment } from "../../src/payments/payment.ts";
import { transferKey } from "../../src/payments/transfer.ts";
import { openSqlite, storesOn, temporaryDir } from "../../testkit/sqlite-home.ts";
import type { OpenStore } from "../../testkit/storing/home.ts";
import { creation, samplePayment, sampleTransfer } from "../../testkit/storing/samples.ts";

let dataDir: string;
const stores: OpenStore[] = [];
beforeEach(async () => {
  dataDir = await temporaryDir();
});
afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
  await rm(dataDir, { recursive: true });
});

/** A process: its own connection, its own memory of payments. */
async function open(pendingCommands = 10_000): Promise<{ loop: DecisionLoop; store: OpenStore }> {
  const store = storesOn(await openSqlite(dataDir));
  stores.push(store);
  return { loop: new DecisionLoop({ log: store.log, store: store.payments, clock, pendingCommands }), store };
}

/** Without an amount: every transfer to it is an event. */
const standing = () => samplePayment({ amountAtomic: null });

function seen(payment: Payment, txId: string = randomUUID(), status: "seen" | "dropped" = "seen"): Work {
  const { chain, asset, recipient } = payment;
  return {
    paymentId: payment.id,
    concerning: [{ txId, index: "0" }],
    inputs: (_payment, observedAtMs) => [
      {
        type: "observe",
        observations: [
          {
            ...{ chain, asset, txId, index: "0", amountAtomic: 5n, recipient: recipient ?? "" },
            ...{ status, confirmations: 0, block: null, observedAtMs },
            ...{ replaceable: false, replacedBy: null, spends: [] },
          },
        ],
      },
    ],
  };
}

const requireAll =
  (ids: readonly string[]): Check =>
  (payments) => {
    for (const id of ids) if (!payments.has(id)) throw new Error(`no ${id}`);
  };

const ask = (payment: Payment, input: Input): Work => ({ paymentId: payment.id, inputs: () => [input] });
const said = (outcome: Outcome | undefined) => (outcome?.ok ? outcome.state.payment.status : outcome);

async function sequencesOf({ log }: OpenStore, payment: Payment): Promise<(number | null)[]> {
  const { records } = await log.readAfter(0, { topics: [topics.payment(payment.id)], limit: 10_000 });
  return records.map(({ sequence }) => sequence);
}

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

test("four callers with 500 transfers each to the same 100 payments: all are stored, nobody meets a conflict", async () => {
  const { loop, store } = await open();
  const payments = Array.from({ length: 100 }, standing);
  await store.log.append(payments.map((payment) => creation(payment)));
  const batch = () => payments.flatMap((payment) => Array.from({ length: 5 }, () => seen(payment)));
  const outcomes = await Promise.all([1, 2, 3, 4].map(() => loop.run(batch())));
  expect(outcomes.flat().filter((outcome) => !outcome.ok)).toEqual([]);
  for (const payment of payments) expect(await sequencesOf(store, payment)).toEqual(upTo(21));
  const [first] = await store.payments.loadForDecision([{ paymentId: (payments[0] as Payment).id }]);
  expect(first?.payment.receivedAtomic).toBe(100n);
});

test("callers of one moment are decided one after the other, each on what the one before left", async () => {
  const { loop, store } = await open();
  const [payment, other] = [samplePayment(), samplePayment()];
  await store.log.append([creation(payment), creation(other)]);
  const asked = [ask(payment, { type: "cancel" }), ask(payment, { type: "claim" }), ask(other, { type: "claim" })];
  const [cancelled, late, claimed] = (await Promise.all(asked.map((work) => loop.run([work])))).flat();
  expect(said(cancelled)).toBe("cancelled");
  expect(said(late)).toMatchObject({ ok: false, refusal: { code: "invalid_state" } });
  expect(said(claimed)).toBe("pending");
  expect(await sequencesOf(store, payment)).toEqual([1, 2]);
});

test("a repeated observation of the same moment is one event", async () => {
  const { loop, store } = await open();
  const payment = standing();
  await store.log.append([creation(payment)]);
  const outcomes = await Promise.all(Array.from({ length: 20 }, () => loop.run([seen(payment, "the-same")])));
  expect(outcomes.flat().every((outcome) => outcome.ok)).toBe(true);
  expect(await sequencesOf(store, payment)).toEqual([1, 2]);
});

test("of a standing payment with more transfers than are remembered, none is told twice and none is missed", async () => {
  const { loop, store } = await open();
  const payment = standing();
  await store.log.append([creation(payment)]);
  const txIds = Array.from({ length: 30 }, () => randomUUID());
  for (const txId of txIds) await loop.run([seen(payment, txId)]);
  for (const txId of txIds) expect(await loop.run([seen(payment, txId)])).toMatchObject([{ ok: true }]);
  expect(await sequencesOf(store, payment)).toEqual(upTo(31));
  const gone = txIds.map((txId) => seen(payment, txId, "dropped"));
  const never = seen(payment, "never seen", "dropped");
  const outcomes = await Promise.all([...gone, never].map((work) => loop.run([work])));
  expect(outcomes.flat().every(({ ok }) => ok)).toBe(true);
  expect(await sequencesOf(store, payment)).toEqual(upTo(61));
  expect((await store.payments.snapshot(payment.id))?.state.payment.receivedAtomic).toBe(0n);
});

test("a call with a check is told whose transfers they are, and recorded as a whole or not at all", async () => {
  const { loop, store } = await open();
  const [mine, owner] = [standing(), samplePayment()];
  const transfer = sampleTransfer(owner);
  await store.log.append([creation(mine), creation(owner, { transfers: [transfer] })]);
  const told: (Owners | null)[] = [];
  const check: Check = (_payments, owners) => {
    told.push(owners);
    if (owners && owners.size > 0) throw new Error("somebody else's");
  };
  const work = [seen(mine), seen(mine, transfer.txId)].map((one) => ({ ...one, merchantId: mine.merchantId }));
  await expect(loop.run(work, { check })).rejects.toThrow("somebody else's");
  expect(told.at(-1)).toEqual(new Map([[transferKey(transfer), { paymentId: owner.id, erased: false }]]));
  // What would store nothing is looked up too: the store has no chance to refuse it.
  const ignored = { ...seen(mine, transfer.txId, "dropped"), merchantId: mine.merchantId };
  await expect(loop.run([ignored], { check })).rejects.toThrow("somebody else's");
  expect(await sequencesOf(store, mine)).toEqual([1]);
  expect(await loop.run(work.slice(0, 1), { check })).toMatchObject([{ ok: true }]);
});

test("an error is its caller's alone: unknown payments, a broken request", async () => {
  const { loop, store } = await open();
  const payment = standing();
  await store.log.append([creation(payment)]);
  const unknown = seen(standing());
  const mistake = new Error("a mistake");
  const broken: Work = {
    paymentId: payment.id,
    inputs: () => {
      throw mistake;
    },
  };
  const settled = await Promise.allSettled([
    loop.run([seen(payment)]),
    loop.run([seen(payment), unknown], { check: requireAll([payment.id, unknown.paymentId]) }),
    loop.run([seen(payment), broken]),
    loop.run([unknown]),
    loop.run([seen(payment)]),
  ]);
  expect(settled).toMatchObject([
    { status: "fulfilled", value: [{ ok: true }] },
    { status: "rejected", reason: new Error(`no ${unknown.paymentId}`) },
    { status: "rejected", reason: mistake },
    { status: "fulfilled", value: [{ ok: false, refusal: { code: "not_found" } }] },
    { status: "fulfilled", value: [{ ok: true }] },
  ]);
  expect(await sequencesOf(store, payment)).toEqual([1, 2, 3]);
});

test("what rests on a decision that could not be stored is decided again", async () => {
  const { loop, store } = await open();
  const [payment, owner] = [samplePayment(), samplePayment()];
  const transfer = sampleTransfer(owner);
  await store.log.append([creation(payment), creation(owner, { transfers: [transfer] })]);
  const [stolen, repeated, claimed] = await Promise.all([
    loop.run([seen(payment, transfer.txId)]),
    loop.run([seen(payment, transfer.txId)]),
    loop.run([ask(payment, { type: "claim" })]),
  ]);
  expect(stolen).toEqual([{ ok: false, reroute: true }]);
  expect(repeated).toEqual([{ ok: false, reroute: true }]);
  expect(claimed).toMatchObject([{ ok: true, state: { payment: { sequence: 2, receivedAtomic: 0n }, transfers: [] } }]);
});

test("thirty callers whose answers are taken already leave the one behind them unharmed", async () => {
  const { loop, store } = await open();
  const payment = samplePayment();
  const answer = { merchantId: "m", key: "taken", requestHash: "h", httpStatus: 200, body: "", atMs: clock.nowMs() };
  await store.log.append([creation(payment, { idempotency: answer })]);
  const taken = (): Work => ({ ...ask(payment, { type: "claim" }), answer: () => answer });
  const outcomes = await Promise.all([
    ...Array.from({ length: 30 }, () => loop.run([taken()])),
    loop.run([ask(payment, { type: "cancel" })]),
  ]);
  expect(outcomes.slice(0, 30).flat()).toEqual(Array(30).fill({ ok: false, idempotencyTaken: true }));
  expect(said(outcomes[30]?.[0])).toBe("cancelled");
});

test("a call that another process has carried out under its key is not carried out again, however late it comes", async () => {
  const [here, there] = [await open(), await open()];
  const payments = [standing(), standing()];
  await here.store.log.append(payments.map((payment) => creation(payment)));
  const shown: string[][] = [];
  const answer = { merchantId: "m", key: "both", requestHash: "h", httpStatus: 200, body: "", atMs: clock.nowMs() };
  const call = () =>
    payments.map((payment, nth): Work => {
      const answerWith: Work["answer"] = (states) => {
        if (states.length < payments.length) return null;
        shown.push(states.map((state) => `${state.payment.id} ${state.payment.receivedAtomic}`));
        return answer;
      };
      return { ...seen(payment, `transaction ${nth}`), answer: answerWith };
    });
  const check = requireAll(payments.map(({ id }) => id));
  await there.loop.run(call(), { check });
  expect(shown).toEqual([payments.map(({ id }) => `${id} 5`)]);
  const lost = payments.map((payment, nth) => seen(payment, `transaction ${nth}`, "dropped"));
  await there.loop.run(lost, { check });
  await expect(here.loop.run(call(), { check })).rejects.toBeInstanceOf(IdempotencyTaken);
  for (const payment of payments)
    expect((await here.store.payments.snapshot(payment.id))?.state.payment.receivedAtomic).toBe(0n);
});

test("what another process changed is never answered from memory", async () => {
  const [here, there] = [await open(), await open()];
  const payment = samplePayment();
  await here.store.log.append([creation(payment)]);
  await here.loop.run([ask(payment, { type: "claim" })]);
  // A decision with something to store: refused by its sequence, and decided again.
  await there.loop.run([ask(payment, { type: "deliver", to: "on_hold" })]).catch(() => undefined);
  await there.loop.run([ask(payment, { type: "cancel" })]);
  expect(await here.loop.run([ask(payment, { type: "claim" })])).toMatchObject([{ ok: true }]);
  const [refused] = await here.loop.run([ask(payment, { type: "resolve", as: "paid" })]);
  expect(refused).toMatchObject({ ok: false });
  await there.loop.run([ask(payment, { type: "erase" })]);
  const [gone] = await here.loop.run([ask(payment, { type: "claim" })]);
  expect(gone).toMatchObject({ ok: false, refusal: { code: "not_found" } });
});

test("what another process changed in between is decided again, and both are told", async () => {
  const [here, there] = [await open(), await open()];
  const payment = standing();
  await here.store.log.append([creation(payment)]);
  const both = [here, there, here, there, here, there];
  for (let round = 0; round < 5; round += 1) await Promise.all(both.map(({ loop }) => loop.run([seen(payment)])));
  expect(await sequencesOf(here.store, payment)).toEqual(upTo(31));
});

test("at the edge of pendingCommands: as many wait, one more is refused, and a larger call goes alone", async () => {
  const { loop, store } = await open(10);
  const payment = standing();
  await store.log.append([creation(payment)]);
  const works = (count: number) => Array.from({ length: count }, () => seen(payment));
  const full = loop.run(works(10));
  await expect(loop.run(works(1))).rejects.toBeInstanceOf(LogOverloaded);
  expect(loop.pending).toBe(10);
  expect(await full).toHaveLength(10);
  expect(loop.pending).toBe(0);
  expect(await loop.run(works(11))).toHaveLength(11);
});

test("progress is stored once everything before it is", async () => {
  const { loop, store } = await open();
  const payment = samplePayment();
  await store.log.append([creation(payment)]);
  const progress = (height: number) => ({ chain: "sandbox", cursor: {}, headHeight: height, watchedUntilMs: height });
  const remembered = loop.run([ask(payment, { type: "claim" })]);
  const nothingNew = loop.run([ask(payment, { type: "claim" })], { progress: progress(1) });
  const nothingAtAll = loop.run([], { progress: progress(2) });
  expect(await remembered).toMatchObject([{ ok: true }]);
  expect(await nothingNew).toMatchObject([{ ok: true }]);
  expect(await nothingAtAll).toEqual([]);
  expect(await store.payments.progress("sandbox")).toEqual(progress(2));
});
