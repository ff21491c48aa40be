/** Payments on one TRON address, told apart by who sends, which transaction, or which memo. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { PaymentMatch } from "../../src/chains/match.ts";
import { randomAddress, TronWallet } from "../../testkit/tron/wallet.ts";
import { type TronUnderTest, tronBench } from "../../testkit/tron-harness.ts";
import { until } from "../../testkit/until.ts";
import type { Bench } from "../../testkit/watching/bench.ts";
import { type PaymentUnderTest, PRICE } from "../../testkit/watching/payment-under-test.ts";

let bench: Bench;
let chain: TronUnderTest;
let shop: string;
let alice: TronWallet;
let bob: TronWallet;

beforeEach(async () => {
  ({ bench, chain } = await tronBench());
  shop = randomAddress();
  [alice, bob] = [new TronWallet(), new TronWallet()];
});
afterEach(() => bench.close());

const waitingFor = (match: PaymentMatch): Promise<PaymentUnderTest> =>
  bench.payment({ address: shop, match, confirmations: 21 });

const whyUnattributed = () =>
  until("a stray transfer", async () =>
    (await bench.core.eventsOfMerchant()).find(({ type }) => type === "transfer.unattributed"),
  );

describe("two customers who pay to one wallet", () => {
  it("are told apart by the addresses that they send from", async () => {
    const [hers, his] = [await waitingFor({ payer: alice.address }), await waitingFor({ payer: bob.address })];
    chain.node.pay(shop, PRICE, { from: bob });
    await chain.mine(1);
    await his.tells("transfer.included", "payment.confirming");
    chain.node.pay(shop, PRICE, { from: alice });
    await chain.mine(21);
    await hers.tells("transfer.included", "payment.confirming", "transfer.confirmed", "payment.paid");
    await his.tells("transfer.confirmed", "payment.paid");
  });

  it("are told apart by the memos that they write", async () => {
    const [hers, his] = [await waitingFor({ memo: "order 1" }), await waitingFor({ memo: "order 2 ☕" })];
    chain.node.pay(shop, PRICE, { memo: "order 2 ☕" });
    await chain.mine(1);
    await his.tells("transfer.included", "payment.confirming");
    expect((await hers.view()).status).toBe("pending");
  });

  it("are not told apart at all by an amount: what fits neither is recorded as nobody's", async () => {
    const [hers, his] = [await waitingFor({ payer: alice.address }), await waitingFor({ payer: bob.address })];
    const txId = chain.node.pay(shop, PRICE);
    await chain.mine(30);
    expect((await whyUnattributed()).data).toMatchObject({ transfers: [{ txId }] });
    for (const payment of [hers, his]) expect((await payment.atTheEnd()).status).toBe("pending");
  });
});

describe("a transaction that the customer names", () => {
  it("settles his order when he sent it", async () => {
    const order = await waitingFor({ payer: alice.address });
    const other = await waitingFor({ payer: bob.address });
    const txId = chain.node.pay(shop, PRICE, { from: alice });
    await bench.core.claim(order.id, txId);
    await order.tells("payment.claimed");
    await chain.mine(21);
    await order.tellsUntil("payment.paid");
    expect(await order.view()).toMatchObject({ status: "paid", txId });
    expect((await other.view()).status).toBe("pending");
  });

  it("settles an order that was made for it, also when it was in a block a moment before", async () => {
    const txId = chain.node.pay(shop, PRICE, { from: alice });
    await chain.mine(1);
    await (await bench.payment({ confirmations: 21 })).receives(PRICE, ["payment.confirming"]);
    const order = await waitingFor({ txId, payer: alice.address });
    await order.tells("transfer.included", "payment.confirming");
    await chain.mine(20);
    await order.tellsUntil("payment.paid");
    expect((await order.atTheEnd()).txId).toBe(txId);
  });

  it("settles nothing when a stranger sent it", async () => {
    const order = await waitingFor({ payer: alice.address });
    const strangers = chain.node.pay(shop, PRICE, { from: bob });
    await chain.mine(1);
    await bench.core.claim(order.id, strangers);
    await order.tells("payment.claimed");
    await chain.mine(30);
    await whyUnattributed();
    expect(await order.atTheEnd()).toMatchObject({ status: "pending", received: "0", transfers: [] });
  });

  it("settles nothing when it paid somebody else", async () => {
    const order = await waitingFor({ payer: alice.address });
    const elsewhere = chain.node.pay(randomAddress(), PRICE, { from: alice });
    await chain.mine(1);
    await bench.core.claim(order.id, elsewhere);
    await order.tells("payment.claimed");
    await chain.mine(30);
    await (await bench.payment({ confirmations: 21 })).receives(PRICE, ["payment.confirming"]);
    expect(await order.atTheEnd()).toMatchObject({ status: "pending", received: "0" });
  });
});
