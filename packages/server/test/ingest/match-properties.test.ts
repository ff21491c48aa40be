/**
 * Random payments of every kind of match on few addresses, and random transactions that are reported again and again,
 * also after a restart: whose transfer it is, compared with a model that knows nothing of keys.
 */
import { rm } from "node:fs/promises";
import { MATCH_KINDS, type PaymentMatch } from "@paybell/protocol";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { addressFromSeed } from "../../src/chains/sandbox/address.ts";
import { PaybellError } from "../../src/kit/errors.ts";
import { ManualClock } from "../../testkit/manual-clock.ts";
import { matchingFacts, report, type Sent } from "../../testkit/matching-facts.ts";
import { ServerCore } from "../../testkit/server-core.ts";
import { temporaryDir } from "../../testkit/sqlite-home.ts";

const RUNS = 40;
const STEPS = 25;
const LAG_MS = 10 * 60_000;
const MERCHANTS = ["merchant", "another"] as const;

type Transaction = Omit<Sent, "atMs" | "address"> & {
  where: number;
  /** How long before it is first reported its block was made. */
  blockAgeMs: number;
};

const some = (...values: string[]) => fc.subarray(values);
const place = fc.nat({ max: 1 });

const anyTransaction = (txId: string): fc.Arbitrary<Transaction> =>
  fc.record({
    txId: fc.constant(txId),
    where: place,
    payers: some("p", "q"),
    memos: some("m", "n"),
    referenceKeys: some("k"),
    intentHashes: some("h"),
    gateways: some("g"),
    asset: fc.constantFrom("SBX", "SBX", "SBX", "OTHER"),
    blockAgeMs: fc.constantFrom(0, 1_500, LAG_MS - 3_000, 2 * LAG_MS),
  });

const TX_IDS = ["t1", "t2", "t3", "t4", "t5"] as const;

const anyMatch: fc.Arbitrary<PaymentMatch | null> = fc.oneof(
  fc.constant(null),
  fc.record({ txId: fc.constantFrom(...TX_IDS), payer: fc.constantFrom("p", "q") }),
  fc.constantFrom<PaymentMatch[]>(
    ...["p", "q"].map((payer) => ({ payer })),
    ...["m", "n"].map((memo) => ({ memo })),
    { referenceKey: "k" },
    { intentHash: "h" },
    { tributary: "g" },
    { tributary: "*" },
  ),
);

type Step =
  | { type: "create"; merchantId: string; where: number; match: PaymentMatch | null; standing: boolean }
  | { type: "report"; which: readonly number[] }
  | { type: "cancel"; nth: number }
  | { type: "restart" };

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 60,
    arbitrary: fc.record({
      type: fc.constant("create" as const),
      merchantId: fc.constantFrom(...MERCHANTS),
      where: place,
      match: anyMatch,
      standing: fc.boolean(),
    }),
  },
  {
    weight: 80,
    arbitrary: fc.record({
      type: fc.constant("report" as const),
      which: fc.array(fc.nat({ max: TX_IDS.length - 1 }), { minLength: 1, maxLength: 3 }),
    }),
  },
  { weight: 20, arbitrary: fc.record({ type: fc.constant("cancel" as const), nth: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("restart" as const) }) },
);

interface Known {
  id: string;
  merchantId: string;
  address: string;
  match: PaymentMatch | null;
  createdAtMs: number;
  open: boolean;
  number: number;
}

/** How particular the payment's wish is, where the transaction fulfils it; the lower the more. */
function rankOf(match: PaymentMatch | null, sent: Sent): number | null {
  const among = (values: readonly string[] = [], value = "") => values.indexOf(value);
  if (match === null) return 1_000;
  const [kind] = MATCH_KINDS.filter((one) => match[one] !== undefined);
  const rank = { txId: 0, referenceKey: 100, intentHash: 200, memo: 300, tributary: 400, payer: 500 }[kind ?? "payer"];
  const at = {
    txId: match.txId === sent.txId ? among(sent.payers, match.payer) : -1,
    referenceKey: among(sent.referenceKeys, match.referenceKey),
    intentHash: among(sent.intentHashes, match.intentHash),
    memo: among(sent.memos, match.memo),
    tributary: match.tributary === "*" && sent.gateways?.length ? 50 : among(sent.gateways, match.tributary),
    payer: among(sent.payers, match.payer),
  }[kind ?? "payer"];
  return at === -1 ? null : rank + at;
}

function ownerOf(payments: readonly Known[], merchantId: string, sent: Sent): Known | undefined {
  const block = sent.blockTimeMs ?? sent.atMs;
  return payments
    .flatMap((payment) => {
      const rank = rankOf(payment.match, sent);
      const latestMs = payment.match?.txId === undefined ? Math.min(sent.atMs, block + LAG_MS) : block + LAG_MS;
      const isMine = payment.merchantId === merchantId && payment.address === sent.address;
      return isMine && rank !== null && payment.createdAtMs <= latestMs ? [{ payment, rank }] : [];
    })
    .sort(
      (a, b) =>
        a.rank - b.rank ||
        Number(b.payment.open) - Number(a.payment.open) ||
        b.payment.createdAtMs - a.payment.createdAtMs ||
        b.payment.number - a.payment.number,
    )[0]?.payment;
}

/** A payment that a report itself has opened: could what the watcher said of this transaction, before anybody waited for
 * that payment, name its text? In a record it does, elsewhere if somebody waited for the same text. */
function wasNamed({ address, match }: Known, { gateways, memos }: Sent, before: readonly Known[]): boolean {
  const isRecords = gateways !== undefined && gateways.length > 0 && memos?.[0] === match?.memo;
  return isRecords || before.some((one) => one.address === address && one.match?.memo === match?.memo);
}

let dataDir: string;
let core: ServerCore;
const clock = new ManualClock(Date.UTC(2026, 0, 1));

const open = () => ServerCore.open(dataDir, matchingFacts, clock);
beforeAll(async () => {
  dataDir = await temporaryDir();
  core = await open();
});
afterAll(async () => {
  await core.close();
  await rm(dataDir, { recursive: true });
});

/** One random shop on addresses and transactions of its own. */
class Shop {
  readonly #run: number;
  readonly #addresses: readonly string[];
  readonly #transactions: readonly Transaction[];
  readonly #first = new Map<string, Sent>();
  readonly payments: Known[] = [];
  /** `merchant transaction` → payment. */
  readonly credited = new Map<string, string>();

  constructor(run: number, transactions: readonly Transaction[]) {
    this.#run = run;
    this.#addresses = [0, 1].map((nth) => addressFromSeed(`${run} ${nth}`));
    this.#transactions = transactions;
  }

  async take(step: Step): Promise<void> {
    switch (step.type) {
      case "create":
        return this.#create(step);
      case "report":
        return this.#report(step.which);
      case "cancel":
        return this.#cancel(step.nth);
      case "restart":
        await core.close();
        core = await open();
    }
  }

  async #create({ merchantId, where, match, standing }: Extract<Step, { type: "create" }>): Promise<void> {
    const address = this.#addresses[where] as string;
    const isStanding = standing || match?.tributary !== undefined;
    const own = match?.txId === undefined ? match : { ...match, txId: this.#own(match.txId) };
    const isTaken = this.payments.some(
      (one) => one.open && one.merchantId === merchantId && one.address === address && sameMatch(one.match, own),
    );
    const request = { merchantId, asset: "SBX", amountAtomic: isStanding ? null : 7n, address };
    const made = await core.create({ ...request, ...(own === null ? {} : { match: own }) }).catch((error: unknown) => {
      if (error instanceof PaybellError && error.code === "address_in_use") return null;
      throw error;
    });
    expect(made === null).toBe(isTaken);
    if (made) this.#know(made.payment);
  }

  #know(payment: Awaited<ReturnType<ServerCore["create"]>>["payment"]): void {
    const { id, merchantId, match, createdAtMs } = payment;
    const number = this.payments.length;
    this.payments.push({ id, merchantId, match, createdAtMs, address: payment.address ?? "", open: true, number });
  }

  #own(txId: string): string {
    return `${txId}-${this.#run}`;
  }

  async #report(which: readonly number[]): Promise<void> {
    const sent = [...new Set(which)].map((at) => this.#sent(this.#transactions[at] as Transaction));
    const known = [...this.payments];
    await report(core.sink, ...sent);
    for (const one of sent) for (const merchantId of MERCHANTS) await this.#judge(merchantId, one, known);
  }

  /** A watcher remembers when it saw a transaction first. */
  #sent({ where, blockAgeMs, ...transaction }: Transaction): Sent {
    const txId = this.#own(transaction.txId);
    const known = this.#first.get(txId);
    if (known) return known;
    const atMs = clock.nowMs();
    const sent = {
      ...transaction,
      txId,
      address: this.#addresses[where] as string,
      atMs,
      blockTimeMs: atMs - blockAgeMs,
    };
    this.#first.set(txId, sent);
    return sent;
  }

  async #judge(merchantId: string, sent: Sent, known: readonly Known[]): Promise<void> {
    const name = `${merchantId} ${sent.txId}`;
    const [found] = await core.store.creditedPayments(merchantId, [{ chain: "sandbox", txId: sent.txId, index: "0" }]);
    if (found) await this.#meet(found.paymentId);
    const before = this.credited.get(name);
    if (before !== undefined) {
      expect(found?.paymentId).toBe(before);
      return;
    }
    const waiting = this.payments.filter((one) => known.includes(one) || wasNamed(one, sent, known));
    const owner = ownerOf(waiting, merchantId, sent);
    // A cancelled registration takes what comes by itself.
    const expected = owner && sent.asset === "SBX" ? owner.id : undefined;
    expect(found?.paymentId, JSON.stringify({ sent, merchantId })).toBe(expected);
    if (!found) return;
    this.credited.set(name, found.paymentId);
    this.#requireText(merchantId, sent, owner);
  }

  /** A record's text has a payment of its own, unless a younger one was waiting for the same. */
  #requireText(merchantId: string, sent: Sent, owner: Known | undefined): void {
    const [text] = sent.memos ?? [];
    if (!owner?.match?.tributary || !owner.open || text === undefined) return;
    const rivals = this.payments.filter((one) => one.merchantId === merchantId && one.match?.memo === text && one.open);
    expect(rivals.some((one) => one.createdAtMs > (sent.blockTimeMs ?? 0))).toBe(true);
  }

  /** A registration's text has a payment of its own by now. */
  async #meet(paymentId: string): Promise<void> {
    if (this.payments.some(({ id }) => id === paymentId)) return;
    const { payment } = await core.payment(paymentId);
    expect(payment).toMatchObject({ amountAtomic: null, asset: "SBX", reference: payment.match?.memo });
    const registrations = this.payments.filter(
      (one) => one.merchantId === payment.merchantId && one.address === payment.address && one.match?.tributary,
    );
    expect(registrations.some((one) => one.open && one.createdAtMs <= payment.createdAtMs)).toBe(true);
    this.#know(payment);
  }

  async #cancel(nth: number): Promise<void> {
    const payment = this.payments[nth % Math.max(1, this.payments.length)];
    if (!payment?.open) return;
    const done = await core.ingest
      .execute(payment.merchantId, payment.id, { type: "cancel" })
      .catch((error: unknown) => {
        if (error instanceof PaybellError && error.code === "invalid_state") return null;
        throw error;
      });
    if (done) payment.open = false;
  }
}

const sameMatch = (a: PaymentMatch | null, b: PaymentMatch | null) =>
  MATCH_KINDS.every((kind) => a?.[kind] === b?.[kind]);

test("each transfer credits the most particular payment that was waiting, at most one of each merchant, for ever", async () => {
  const counts = { transfers: 0, runs: 0 };
  await fc.assert(
    fc.asyncProperty(
      fc.tuple(...TX_IDS.map(anyTransaction)),
      fc.array(anyStep, { minLength: STEPS, maxLength: STEPS, size: "max" }),
      async (transactions, steps) => {
        counts.runs += 1;
        const shop = new Shop(counts.runs, transactions);
        for (const step of steps) {
          await shop.take(step);
          clock.advance(1_000);
        }
        counts.transfers += shop.credited.size;
      },
    ),
    { numRuns: RUNS, endOnFailure: true },
  );
  expect(counts.transfers).toBeGreaterThan(counts.runs);
}, 300_000);
