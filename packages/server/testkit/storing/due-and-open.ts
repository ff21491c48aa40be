/** What watchers and the clock ask for. */
import { describe, expect, test } from "vitest";
import type { Payment } from "../../src/payments/payment.ts";
import type { Transfer } from "../../src/payments/transfer.ts";
import { type MakeHome, type OpenStore, openForAll } from "./home.ts";
import { change, creation, recordsIn, samplePayment, sampleTransfer } from "./samples.ts";

export function testDueAndOpen(make: MakeHome): void {
  describe("what is due and what is open", () => {
    const store = openForAll(make);
    testDue(store);
    testOpen(store);
  });
}

const chains = { height: "height", time: "time", open: "open", block: "block", reported: "reported" };

function testDue(store: () => OpenStore): void {
  test("due at a height: transfers whose turn has come, those of one payment together", async () => {
    const { log, payments } = store();
    const chain = chains.height;
    const made = [samplePayment({ chain }), samplePayment({ chain })].sort((a, b) => (a.id < b.id ? -1 : 1));
    const [one, two] = made as [Payment, Payment];
    const due = (payment: Payment, dueHeight: number | null) => sampleTransfer(payment, { dueHeight });
    const [a, b, c, d] = [due(one, 10), due(one, 12), due(one, null), due(two, 11)] as const;
    await log.append([creation(one, { transfers: [a] }), creation(two, { transfers: [d] })]);
    await log.append([change(one, {}, { transfers: [b, c] })]);
    const named = (payment: Payment, { txId, index }: Transfer) => ({ paymentId: payment.id, txId, index });
    expect(await payments.dueAtHeight(chain, 9)).toEqual([]);
    expect(await payments.dueAtHeight(chain, 11)).toEqual([named(one, a), named(two, d)]);
    expect(await payments.dueAtHeight(chain, 12)).toEqual([named(one, a), named(one, b), named(two, d)]);
    expect(await payments.dueAtHeight("elsewhere", 12)).toEqual([]);
  });

  test("due at a time: payments whose deadline was reached, the earliest first, at most so many", async () => {
    const { log, payments } = store();
    const chain = chains.time;
    const made = [30, 10, null, 20].map((deadlineMs) => samplePayment({ chain, deadlineMs }));
    await log.append(made.map((payment) => creation(payment)));
    const [late, early, , middle] = made.map(({ id }) => id);
    expect(await payments.dueAtTime(chain, 9, 10)).toEqual([]);
    expect(await payments.dueAtTime(chain, 10, 10)).toEqual([early]);
    expect(await payments.dueAtTime(chain, 99, 10)).toEqual([early, middle, late]);
    expect(await payments.dueAtTime(chain, 99, 2)).toEqual([early, middle]);
    recordsIn(await log.append([change(made[1] as Payment, { deadlineMs: null })]));
    expect(await payments.dueAtTime(chain, 99, 2)).toEqual([middle, late]);
  });
}

function testOpen(store: () => OpenStore): void {
  const block = (height: number) => ({ height, hash: `block-${height}`, timeMs: height });
  const seen = ({
    txId,
    index,
    recipient,
    asset,
    amountAtomic,
    block,
    firstSeenAtMs,
    replaceable,
    spends,
  }: Transfer) => ({
    txId,
    index,
    recipient,
    asset,
    amountAtomic,
    block,
    firstSeenAtMs,
    replaceable,
    spends,
  });

  test("open transfers are neither final nor lost, and each is named once", async () => {
    const { log, payments } = store();
    const chain = chains.open;
    const payment = samplePayment({ chain });
    const statuses = ["seen", "included", "confirmed", "orphaned", "final", "replaced", "dropped"] as const;
    const transfers = statuses.map((status) =>
      sampleTransfer(payment, { status, spends: [`${status}:0`], replaceable: status === "seen" }),
    );
    const other = samplePayment({ chain, merchantId: "another" });
    await log.append([creation(payment, { transfers }), creation(other, { transfers: transfers.slice(0, 2) })]);
    const wanted = transfers.slice(0, 4).map((transfer) => ({ ...seen(transfer), status: transfer.status }));
    expect(await payments.openTransfers(chain)).toMatchObject(wanted);
    expect(await payments.openTransfers(chain)).toHaveLength(wanted.length);
    expect(await payments.openTransfers("elsewhere")).toEqual([]);
  });

  test("what one merchant reported otherwise does not speak for the other's transfer", async () => {
    const { log, payments } = store();
    const chain = chains.reported;
    const [mine, theirs] = [samplePayment({ chain }), samplePayment({ chain, merchantId: "another" })];
    const block = { height: 3, hash: "block-3", timeMs: 3 };
    const transfer = sampleTransfer(mine, { status: "included", block });
    const more = { ...transfer, amountAtomic: transfer.amountAtomic * 1_000n };
    const elsewhere = { ...transfer, recipient: theirs.recipient as string };
    for (const reported of [more, elsewhere]) {
      const payment = samplePayment({ chain, merchantId: `another ${reported.recipient}` });
      await log.append([creation(payment, { transfers: [reported] })]);
    }
    await log.append([creation(mine, { transfers: [transfer] })]);
    const said = (found: readonly Pick<Transfer, "recipient" | "amountAtomic">[]) =>
      found.map(({ recipient, amountAtomic }) => [recipient, amountAtomic]);
    const wanted = said([more, elsewhere, transfer]);
    expect(said(await payments.openTransfers(chain))).toEqual(wanted);
    expect(said(await payments.transfersInBlock(chain, "block-3"))).toEqual(wanted);
  });

  test("transfers in a block: final ones too, not those that the block has lost", async () => {
    const { log, payments } = store();
    const chain = chains.block;
    const payment = samplePayment({ chain });
    const at = (status: Transfer["status"], height: number) =>
      sampleTransfer(payment, { status, block: block(height) });
    const transfers = [at("included", 5), at("final", 5), at("orphaned", 5), at("confirmed", 6), at("confirmed", 5)];
    await log.append([creation(payment, { transfers })]);
    const wanted = [transfers[0], transfers[1], transfers[4]].map((transfer) => seen(transfer as Transfer));
    const found = await payments.transfersInBlock(chain, "block-5");
    expect(found).toMatchObject(wanted);
    expect(found).toHaveLength(wanted.length);
    expect(await payments.transfersInBlock(chain, "block-7")).toEqual([]);
  });
}
