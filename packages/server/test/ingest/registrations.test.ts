/** A merchant registers once; each text that a record carries becomes a standing payment of its own. */
import { rm } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { addressFromSeed } from "../../src/chains/sandbox/address.ts";
import { ChainRegistry } from "../../src/ingest/chain-registry.ts";
import { PaymentIngest } from "../../src/ingest/payment-ingest.ts";
import { WatchList } from "../../src/ingest/watch-list.ts";
import { IngestSink } from "../../src/ingest/watch-sink.ts";
import { defaultLimits } from "../../src/kit/limits.ts";
import type { AppendCommand, EventLog, LogRecord } from "../../src/log/event-log.ts";
import { topics } from "../../src/log/topic.ts";
import { isPaymentId } from "../../src/payments/payment-id.ts";
import { ManualClock } from "../../testkit/manual-clock.ts";
import { matchingFacts, report, type Sent } from "../../testkit/matching-facts.ts";
import { openSqlite, storesOn, temporaryDir } from "../../testkit/sqlite-home.ts";
import type { OpenStore } from "../../testkit/storing/home.ts";

const T0_MS = Date.UTC(2026, 0, 1);
const MERCHANT = "merchant";
const ADDRESS = addressFromSeed("wallet");
const REGISTRATION = { merchantId: MERCHANT, chain: "sandbox", asset: "SBX", amountAtomic: null, address: ADDRESS };

let dataDir: string;
let store: OpenStore;
let clock: ManualClock;
beforeEach(async () => {
  dataDir = await temporaryDir();
  clock = new ManualClock(T0_MS);
  store = storesOn(await openSqlite(dataDir));
});
afterEach(async () => {
  await store.close();
  await rm(dataDir, { recursive: true });
});

/** A process on the store; `log` may fail or be late. */
async function start(log: EventLog = store.log) {
  const chains = new ChainRegistry([{ facts: matchingFacts, watched: true }]);
  const defaults = { expiresInSeconds: 3_600, monitoringSeconds: 3_600, gapLimit: defaultLimits.gapLimit };
  const { payments, merchants, products } = store;
  const onError = (error: unknown) => {
    throw error;
  };
  const watchList = new WatchList({ store: payments, keyLog: null, onError });
  const ingest = new PaymentIngest({
    ...{ log, store: payments, merchants, products, chains, watchList, clock, defaults, storeProgressEveryMs: null },
    ...{ observable: () => false, transfersPerPayment: 1_000, groupSize: 100, pendingCommands: 10_000 },
  });
  const keys = await watchList.begin("sandbox", () => undefined);
  return { ingest, sink: new IngestSink(matchingFacts, { ingest, store: payments, keys }) };
}

/** Fails, or does something else first, as a test says. */
function logThat(hooks: {
  before?: (commands: readonly AppendCommand[]) => Promise<void>;
  credits?: () => void;
}): EventLog {
  const { log } = store;
  return {
    epoch: log.epoch,
    append: async (commands, progress) => {
      await hooks.before?.(commands);
      return log.append(commands, progress);
    },
    appendTogether: async (calls) => {
      hooks.credits?.();
      return log.appendTogether(calls);
    },
    readAfter: (offset, options) => log.readAfter(offset, options),
    offsetSince: (topic, sinceMs, limit) => log.offsetSince(topic, sinceMs, limit),
    head: () => log.head(),
    onAppended: (listener) => log.onAppended(listener),
  };
}

const sent = (txId: string, memo: string, given: Partial<Sent> = {}): Sent => ({
  ...{ txId, address: ADDRESS, atMs: clock.nowMs(), gateways: ["g"], memos: [memo] },
  ...given,
});

async function register(given: object = {}) {
  const { ingest, sink } = await start();
  const { payment } = await ingest.create({ ...REGISTRATION, match: { tributary: "*" }, ...given });
  clock.advance(1_000);
  return { ingest, sink, registration: payment };
}

async function withReference(reference: string) {
  const { payments } = await store.payments.list({ merchantId: MERCHANT, reference, limit: 10 });
  return payments;
}

const records = async (): Promise<readonly LogRecord[]> =>
  (await store.log.readAfter(0, { topics: [topics.merchant(MERCHANT)], limit: 1_000 })).records;

const lost = async () => (await records()).flatMap(({ data }) => (data.unattributed ? [data.unattributed.why] : []));

describe("a record of the program", () => {
  test("makes a standing payment with its text as reference, once, and credits every transfer with that text to it", async () => {
    const { sink, registration } = await register();
    await report(sink, sent("t1", "order-1"), sent("t2", "order-1"), sent("t3", "order-2"));
    await report(sink, sent("t1", "order-1"));
    await report(sink, sent("t4", "order-1"));
    const [first, ...others] = await withReference("order-1");
    expect(others).toEqual([]);
    expect(first?.payment).toMatchObject({
      ...{ amountAtomic: null, asset: "SBX", address: ADDRESS, match: { memo: "order-1" }, receivedAtomic: 15n },
      ...{ policy: registration.policy, customer: null, expiresAtMs: null },
    });
    expect(isPaymentId(first?.payment.id ?? "")).toBe(true);
    expect(first?.transfers.map(({ txId }) => txId)).toEqual(["t1", "t2", "t4"]);
    expect((await withReference("order-2"))[0]?.transfers.map(({ txId }) => txId)).toEqual(["t3"]);
    expect((await store.payments.snapshot(registration.id))?.state.transfers).toEqual([]);
  });

  test("is told under its reference and under the plain address", async () => {
    const { sink } = await register();
    await report(sink, sent("t1", "order-1"));
    const told = async (topic: ReturnType<typeof topics.merchant>) =>
      (await store.log.readAfter(0, { topics: [topic], limit: 100 })).records.map(({ type }) => type);
    expect(await told(topics.reference(MERCHANT, "order-1"))).toEqual(["payment.created", "transfer.included"]);
    expect(await told(topics.address(MERCHANT, "sandbox", ADDRESS))).toEqual([
      "payment.created",
      "payment.created",
      "transfer.included",
    ]);
  });

  test("of several merchants on one address makes one for each", async () => {
    const { ingest, sink } = await register();
    await ingest.create({ ...REGISTRATION, merchantId: "another", match: { tributary: "g" } });
    clock.advance(1_000);
    await report(sink, sent("t1", "order-1"));
    for (const merchantId of [MERCHANT, "another"]) {
      const { payments } = await store.payments.list({ merchantId, reference: "order-1", limit: 10 });
      expect(payments.map(({ payment }) => payment.receivedAtomic)).toEqual([5n]);
    }
  });

  test("that is older than the registration makes nothing; nor does another gateway's, another coin, or nothing at all", async () => {
    const { sink, registration } = await register({ match: { tributary: "g" } });
    await report(
      sink,
      sent("old", "old", { atMs: registration.createdAtMs - 1 }),
      sent("gateway", "gateway", { gateways: ["other"] }),
      sent("coin", "coin", { asset: "OTHER" }),
      sent("zero", "zero", { amountAtomic: 0n }),
      sent("dropped", "dropped", { status: "dropped" }),
    );
    expect((await store.payments.list({ merchantId: MERCHANT, limit: 10 })).payments).toHaveLength(1);
    expect((await lost()).sort()).toEqual(["no_match", "older_than_payment", "wrong_asset"]);
  });

  test("whose text cannot be a reference is credited to the registration", async () => {
    const { sink, registration } = await register();
    await report(sink, sent("t1", "a\u0000b"), sent("t2", "x".repeat(201)), sent("t3", "fine"));
    expect((await store.payments.snapshot(registration.id))?.state.payment.receivedAtomic).toBe(10n);
    expect((await store.payments.list({ merchantId: MERCHANT, limit: 10 })).payments).toHaveLength(2);
  });

  test("that comes out of order is credited to the registration when its text's payment is younger", async () => {
    const { sink, registration } = await register();
    const early = clock.nowMs();
    clock.advance(60_000);
    await report(sink, sent("t2", "order-1"));
    await report(sink, sent("t1", "order-1", { atMs: early }));
    expect((await withReference("order-1"))[0]?.payment.receivedAtomic).toBe(5n);
    expect((await store.payments.snapshot(registration.id))?.state.payment.receivedAtomic).toBe(5n);
    expect(await lost()).toEqual([]);
  });

  test("after the registration was cancelled makes nothing and is told as unexpected", async () => {
    const { ingest, sink, registration } = await register();
    await ingest.execute(MERCHANT, registration.id, { type: "cancel" });
    await report(sink, sent("t1", "order-1"));
    expect(await withReference("order-1")).toEqual([]);
    expect((await records()).map(({ type }) => type)).toContain("payment.unexpected_funds");
  });

  test("after its text's payment was erased is told, and credited to nobody", async () => {
    const { ingest, sink } = await register();
    await report(sink, sent("t1", "order-1"));
    const [made] = await withReference("order-1");
    await ingest.execute(MERCHANT, made?.payment.id ?? "", { type: "erase" });
    await report(sink, sent("t2", "order-1"));
    expect(await withReference("order-1")).toEqual([]);
    expect(await lost()).toEqual(["payment_erased"]);
  });

  test("makes a thousand payments in one report", async () => {
    const { sink } = await register();
    const many = Array.from({ length: 1_000 }, (_, nth) => sent(`t${nth}`, `order-${nth % 500}`));
    await report(sink, ...many);
    const { records: created } = await store.log.readAfter(0, { topics: [topics.merchant(MERCHANT)], limit: 10_000 });
    expect(created.filter(({ type }) => type === "payment.created")).toHaveLength(501);
    expect((await withReference("order-499"))[0]?.payment.receivedAtomic).toBe(10n);
  });
});

describe("between the payment and its transfer", () => {
  test("a process that ends loses nothing and doubles nothing", async () => {
    const { registration } = await register();
    const dying = await start(
      logThat({
        credits: () => {
          throw new Error("The process ends here.");
        },
      }),
    );
    await expect(report(dying.sink, sent("t1", "order-1"))).rejects.toThrow("ends here");
    expect((await withReference("order-1"))[0]?.transfers).toEqual([]);
    const next = await start();
    await report(next.sink, sent("t1", "order-1"));
    await report(next.sink, sent("t1", "order-1"));
    const made = await withReference("order-1");
    expect(made.map(({ payment }) => payment.receivedAtomic)).toEqual([5n]);
    expect((await store.payments.snapshot(registration.id))?.state.transfers).toEqual([]);
  });

  test("a request for the same text wins or loses; either way the transfer is credited once", async () => {
    const { ingest, registration } = await register();
    const request = { ...REGISTRATION, match: { memo: "order-1" }, reference: "mine" };
    const raced = await start(
      logThat({
        before: async ([command]) => {
          if (command?.kind !== "payment" || command.payment.match?.memo === undefined) return;
          clock.advance(1_000);
          await ingest.create(request);
        },
      }),
    );
    const seen = sent("t1", "order-1");
    await report(raced.sink, seen);
    expect(await withReference("order-1")).toEqual([]);
    const [owner] = await store.payments.creditedPayments(MERCHANT, [{ chain: "sandbox", txId: "t1", index: "0" }]);
    expect(owner?.paymentId).toBe(registration.id);
    // What comes later is the request's, as it would be without a registration.
    await report(raced.sink, seen, sent("t2", "order-1"));
    expect((await withReference("mine"))[0]?.payment.receivedAtomic).toBe(5n);
    expect((await store.payments.snapshot(registration.id))?.state.payment.receivedAtomic).toBe(5n);
    await expect(ingest.create(request)).rejects.toMatchObject({ code: "address_in_use" });
  });

  test("two processes that see the same record at the same time make one payment", async () => {
    await register();
    const [one, other] = [await start(), await start()];
    const seen = sent("t1", "order-1");
    await Promise.all([report(one.sink, seen), report(other.sink, seen)]);
    expect((await withReference("order-1")).map(({ payment }) => payment.receivedAtomic)).toEqual([5n]);
  });
});
