/** Addresses on which payments are told apart by something beside them. */
import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { matchKeyOf, recipientIn } from "../../src/chains/match.ts";
import type { RouteQuery } from "../../src/log/store.ts";
import type { Payment } from "../../src/payments/payment.ts";
import { type MakeHome, type OpenStore, openForAll } from "./home.ts";
import {
  change,
  creation,
  outcomes,
  recordsIn,
  samplePayment,
  sampleTransfer,
  T0_MS,
  unattributedTransfer,
} from "./samples.ts";

export function testSharedAddresses(make: MakeHome): void {
  describe("shared addresses", () => {
    const store = openForAll(make);
    testCreation(store);
    testKeys(store);
    testNoMatch(store);
    testTimes(store);
  });
}

/** Waits for `match` on an address that has its own match key. */
function keyed(recipient: string, match: Payment["match"], given: Partial<Payment> = {}): Payment {
  return samplePayment({ address: `the ${recipient}`, match, recipient: matchKeyOf(recipient, match), ...given });
}

const create = async ({ log }: OpenStore, ...payments: Payment[]) =>
  recordsIn(
    await log.append(
      payments.map((payment) =>
        payment.match === null
          ? creation(payment)
          : { ...creation(payment), sharedRecipient: recipientIn(payment.recipient ?? "") },
      ),
    ),
  );

const asked = (recipient: string, narrower: RouteQuery["narrower"] = [], timeMs = T0_MS): RouteQuery => ({
  ...{ chain: "sandbox", txId: randomUUID(), index: "0", recipient, timeMs, narrower },
});

const key = (recipient: string, match: NonNullable<Payment["match"]>) => ({ matchKey: matchKeyOf(recipient, match) });

const lost = (address: string, why: string, merchantId = "merchant") => ({ merchantId, address, why });

function testCreation(store: () => OpenStore): void {
  test("what it is told apart by is stored, and taken out of an erased payment", async () => {
    const { log, payments } = store();
    const payment = keyed("stored", { txId: "x", payer: "Jörg & Söhne?" });
    await create(store(), payment);
    expect((await payments.snapshot(payment.id))?.state.payment).toEqual(payment);
    const claimed = { ...payment, claimedTxId: "y", sequence: 2 };
    recordsIn(await log.append([change(payment, { claimedTxId: "y" })]));
    expect((await payments.snapshot(payment.id))?.state.payment).toEqual(claimed);
    const gone = { erasedAtMs: T0_MS, match: null, claimedTxId: null };
    recordsIn(await log.append([change(claimed, gone)]));
    // Its key stays, so that money which still comes is told.
    expect(await payments.route([asked("stored", [{ matchKey: payment.recipient as string }])])).toEqual([
      { paymentIds: [], unattributed: [lost("the stored", "payment_erased")] },
    ]);
  });

  test("a second open payment for the same match is refused; another match on the address is not", async () => {
    const { log } = store();
    await create(
      store(),
      keyed("busy", { payer: "p" }),
      keyed("busy", { payer: "q" }),
      samplePayment({ recipient: "busy" }),
    );
    expect(outcomes(await log.append([creation(keyed("busy", { payer: "p" }))]))).toEqual(["address_in_use"]);
  });

  test("nothing of a creation that is refused is left, its shared address neither", async () => {
    const { log, payments } = store();
    const payment = keyed("untouched", { payer: "p" }, { recipient: "elsewhere" });
    await create(store(), samplePayment({ recipient: "elsewhere" }));
    const refused = { ...creation(payment), sharedRecipient: "untouched" };
    expect(outcomes(await log.append([refused]))).toEqual(["address_in_use"]);
    expect(await payments.route([asked("untouched")])).toEqual([{ paymentIds: [], unattributed: [] }]);
  });

  test("the address is watched with the keys on it, once", async () => {
    const { payments } = store();
    const chain = "venus";
    await create(
      store(),
      ...["a", "b"].flatMap((recipient) => [
        keyed(recipient, { memo: "1" }, { chain }),
        keyed(recipient, { memo: "2" }, { chain, merchantId: "another" }),
      ]),
      samplePayment({ chain, recipient: "b" }),
      samplePayment({ chain, recipient: "c" }),
    );
    const read: string[] = [];
    for (let after: string | null = null; ; after = read.at(-1) ?? null) {
      const page: readonly string[] = await payments.watchedRecipients(chain, after, 2);
      read.push(...page);
      if (page.length === 0) break;
    }
    expect(read).toEqual(["a", "a?memo=1", "a?memo=2", "b", "b?memo=1", "b?memo=2", "c"]);
  });
}

function testKeys(store: () => OpenStore): void {
  test("to the payment with the most particular key; to the address alone where none waits for more", async () => {
    const { payments } = store();
    const byMemo = keyed("picky", { memo: "m" });
    const byPayer = keyed("picky", { payer: "p" });
    const plain = samplePayment({ recipient: "picky" });
    await create(store(), byPayer, plain, byMemo);
    const [memo, payer] = [key("picky", { memo: "m" }), key("picky", { payer: "p" })];
    const [both, one, unknown] = await payments.route([
      asked("picky", [memo, payer]),
      asked("picky", [key("picky", { memo: "n" }), payer]),
      asked("picky", [key("picky", { payer: "q" })]),
    ]);
    expect(both).toEqual({ paymentIds: [byMemo.id], unattributed: [] });
    expect(one).toEqual({ paymentIds: [byPayer.id], unattributed: [] });
    expect(unknown).toEqual({ paymentIds: [plain.id], unattributed: [] });
  });

  test("each merchant by his own keys", async () => {
    const { payments } = store();
    const [first, second, third] = ["1", "2", "3"].map((nth) => `${nth}-${randomUUID()}`) as [string, string, string];
    const mine = keyed("common", { memo: "m" }, { merchantId: first });
    const theirs = keyed("common", { payer: "p" }, { merchantId: second });
    const other = keyed("common", { payer: "q" }, { merchantId: third });
    await create(store(), mine, theirs, other);
    const both = [key("common", { memo: "m" }), key("common", { payer: "p" })];
    expect(await payments.route([asked("common", both)])).toEqual([
      { paymentIds: [mine.id, theirs.id], unattributed: [lost("the common", "no_match", third)] },
    ]);
  });

  test("a closed payment with its key comes before an open one on the address alone", async () => {
    const { payments } = store();
    const closed = keyed("late", { memo: "m" }, { status: "expired" });
    await create(store(), closed, samplePayment({ recipient: "late" }));
    const [routed] = await payments.route([asked("late", [key("late", { memo: "m" })])]);
    expect(routed?.paymentIds).toEqual([closed.id]);
  });

  test("a transfer stays with the payment that it credits, whatever waits for it later", async () => {
    const { log, payments } = store();
    const plain = samplePayment({ recipient: "settled" });
    const transfer = sampleTransfer(plain);
    recordsIn(await log.append([creation(plain, { transfers: [transfer] })]));
    await create(store(), keyed("settled", { payer: "p" }));
    const again = { ...asked("settled", [key("settled", { payer: "p" })]), txId: transfer.txId };
    expect(await payments.route([again])).toEqual([{ paymentIds: [plain.id], unattributed: [] }]);
  });
}

function testNoMatch(store: () => OpenStore): void {
  test("what fits no match on a shared address is told, with the address as it was given", async () => {
    const { payments } = store();
    await create(store(), keyed("wallet", { payer: "p" }));
    const nothing = { paymentIds: [], unattributed: [lost("the wallet", "no_match")] };
    expect(await payments.route([asked("wallet"), asked("wallet", [key("wallet", { payer: "q" })])])).toEqual([
      nothing,
      nothing,
    ]);
    expect(await payments.route([{ ...asked("wallet"), chain: "bitcoin" }])).toEqual([
      { paymentIds: [], unattributed: [] },
    ]);
  });

  test("the latest payment on an address is never one that waits for more", async () => {
    const { payments } = store();
    await create(store(), keyed("told-apart", { payer: "p" }));
    expect(await payments.latestOnAddress("merchant", "sandbox", "told-apart")).toBeNull();
    expect(await payments.merchantsOnAddress("sandbox", "told-apart")).toEqual([]);
  });
}

function testTimes(store: () => OpenStore): void {
  test("never to a younger payment: then to a less particular one of its time, else it is too old", async () => {
    const { payments } = store();
    const young = keyed("growing", { memo: "m" }, { createdAtMs: T0_MS + 10 });
    const old = keyed("growing", { payer: "p" });
    await create(store(), young, old);
    const keys = [key("growing", { memo: "m" }), key("growing", { payer: "p" })];
    const at = (timeMs: number) => asked("growing", keys, timeMs);
    expect(await payments.route([at(T0_MS + 10), at(T0_MS + 9), at(T0_MS - 1)])).toEqual([
      { paymentIds: [young.id], unattributed: [] },
      { paymentIds: [old.id], unattributed: [] },
      { paymentIds: [], unattributed: [lost("the growing", "older_than_payment")] },
    ]);
  });

  test("a payment that names the transaction goes by that key's own time, whatever was recorded before", async () => {
    const { log, payments } = store();
    const match = { txId: "x", payer: "p" };
    const payment = keyed("named", match);
    await create(store(), payment);
    const query = asked("named", [], T0_MS - 500);
    recordsIn(await log.append([unattributedTransfer("merchant", query.txId, T0_MS - 500)]));
    const named = (namedTimeMs: number) => ({ ...query, narrower: [{ ...key("named", match), namedTimeMs }] });
    const routed = await payments.route([named(T0_MS), named(T0_MS - 1)]);
    expect(routed.map(({ paymentIds }) => paymentIds)).toEqual([[payment.id], []]);
  });
}
