/** Scenarios: from the first sight of a transfer to its end, with too little, too much, too late. */
import { describe, expect, it } from "vitest";
import { until } from "../until.ts";
import type { Bench } from "./bench.ts";
import type { WatcherCapabilities } from "./harness.ts";
import { PRICE } from "./payment-under-test.ts";

export function testLife(bench: () => Bench, can: WatcherCapabilities): void {
  describe("a payment", () => {
    it("is seen, included, confirmed and final", async () => {
      const { chain } = bench();
      const payment = await bench().payment();
      const txId = await payment.receives(PRICE, ["payment.confirming"]);
      expect(await payment.view()).toMatchObject({ status: "confirming", confirmations: 1 });
      await chain.mine(1);
      await payment.tells("transfer.confirmed", "payment.paid");
      expect(await payment.view()).toMatchObject({ status: "paid", confirmations: 2 });
      await chain.mine(chain.facts.finalConfirmations);
      await payment.tells("transfer.final", "payment.finalized");
      expect(await payment.atTheEnd()).toMatchObject({
        status: "final",
        amountState: "exact",
        flags: [],
        received: PRICE.toString(),
        txId,
        transfers: [{ txId, status: "final", amount: PRICE.toString() }],
      });
    });

    it("that is short waits for the rest, and is paid when both parts are confirmed", async () => {
      const { chain } = bench();
      const payment = await bench().payment();
      await payment.receives(200_000n, ["payment.partially_paid"]);
      expect(await payment.view()).toMatchObject({ status: "pending", amountState: "under", received: "200000" });
      await chain.advance(1_000);
      const rest = await payment.receives(300_000n, ["payment.confirming"], ["transfer.confirmed"]);
      await chain.mine(1);
      await payment.tells("transfer.confirmed", "payment.paid");
      await chain.mine(chain.facts.finalConfirmations);
      await payment.tells("transfer.final", "transfer.final", "payment.finalized");
      expect(await payment.atTheEnd()).toMatchObject({ status: "final", amountState: "exact", txId: rest });
    });

    it("of a wrong amount is never paid, however deep it lies", async () => {
      const { chain } = bench();
      const payment = await bench().payment();
      await payment.receives(PRICE - 1n, ["payment.partially_paid"]);
      await chain.mine(1);
      await payment.tells("transfer.confirmed");
      await chain.mine(chain.facts.finalConfirmations);
      await payment.tells("transfer.final");
      expect(await payment.atTheEnd()).toMatchObject({ status: "pending", amountState: "under", txId: null });
    });

    it("of too much is told so, also when more comes later", async () => {
      const { chain } = bench();
      const payment = await bench().payment();
      await payment.receives(700_000n, ["payment.confirming", "payment.overpaid"]);
      await chain.mine(1);
      await payment.tells("transfer.confirmed", "payment.paid");
      await payment.receives(100_000n, ["payment.overpaid"]);
      expect(await payment.atTheEnd()).toMatchObject({
        status: "paid",
        amountState: "over",
        received: "800000",
        flags: ["multiple"],
      });
    });
  });
  testExpiry(bench);
  testNoPayment(bench, can);
}

function testExpiry(bench: () => Bench): void {
  describe("expiry", () => {
    it("comes first: a payment after it is late", async () => {
      const { chain, core } = bench();
      const payment = await bench().payment({ expiresInSeconds: 600 });
      await chain.advance(601_000);
      await chain.mine(1);
      await until("the expiry", async () => {
        await core.ingest.tick();
        return (await payment.view()).status === "expired";
      });
      await payment.tells("payment.expired");
      await payment.receives(PRICE, ["payment.late"]);
      await chain.mine(1);
      await payment.tells("transfer.confirmed", "payment.paid");
      expect(await payment.atTheEnd()).toMatchObject({ status: "paid", flags: ["late"] });
    });

    it("passes while nobody watches: what was paid in time is not expired", async () => {
      const { chain, core } = bench();
      const payment = await bench().payment({ expiresInSeconds: 600 });
      await bench().stopWatcher();
      await payment.pay();
      await chain.mine(1);
      await chain.advance(7_200_000);
      await core.ingest.tick();
      // The newest block is two hours old, which may be told as a problem.
      await bench().startWatcher("without waiting");
      await payment.tells("transfer.included", "payment.confirming");
      await chain.mine(1);
      await payment.tells("transfer.confirmed", "payment.paid");
      await core.ingest.tick();
      expect(await payment.atTheEnd()).toMatchObject({ status: "paid", flags: [] });
    });
  });
}

function testNoPayment(bench: () => Bench, can: WatcherCapabilities): void {
  describe("no payment is", () => {
    const { otherAsset } = can;
    if (otherAsset !== null) {
      it("a transfer of another coin: it is recorded as unattributed", async () => {
        const { core, chain } = bench();
        const payment = await bench().payment();
        const txId = await payment.pay(PRICE, otherAsset);
        await chain.mine(2);
        const stray = await until("the stray transfer", async () =>
          (await core.eventsOfMerchant()).find(({ type }) => type === "transfer.unattributed"),
        );
        expect(stray.data).toMatchObject({
          payment: null,
          transfers: [{ txId }],
          unattributed: { why: "wrong_asset", asset: otherAsset, address: payment.address },
        });
        expect(await payment.atTheEnd()).toMatchObject({ status: "pending", received: "0" });
      });
    }

    if (can.failedTransactions) {
      it("a transaction that did not execute, though it is in a block", async () => {
        const { chain } = bench();
        const payment = await bench().payment();
        await chain.payFailing([{ address: payment.address, amountAtomic: PRICE }]);
        if (can.mempool) await payment.tells("transfer.seen", "payment.confirming");
        await chain.mine(1);
        if (can.mempool) await payment.tells("transfer.dropped", "payment.double_spend");
        await chain.mine(chain.facts.finalConfirmations);
        await bench().somebodyElsePays();
        expect(await payment.atTheEnd()).toMatchObject({ status: "pending", received: "0", txId: null });
      });
    }

    if (can.mempool) {
      it("a transfer that was older than the payment, also when only its block is known after a restart", async () => {
        const { chain, core } = bench();
        const other = await bench().payment();
        const address = await chain.newAddress();
        const txId = await chain.pay([{ address, amountAtomic: PRICE }]);
        await other.pay();
        await other.tells("transfer.seen", "payment.confirming");
        await chain.advance(60_000);
        const payment = await bench().payment({ address });
        const stray = await until("the older transfer to be told", async () =>
          (await core.eventsOfMerchant()).find(({ type }) => type === "transfer.unattributed"),
        );
        expect(stray.data).toMatchObject({
          transfers: [{ txId }],
          unattributed: { why: "older_than_payment", address },
        });
        await bench().stopWatcher();
        await chain.mine(2);
        await bench().startWatcher();
        await other.tellsUntil("payment.paid");
        expect(await payment.atTheEnd()).toMatchObject({ status: "pending", received: "0", txId: null });
      });
    }

    it("a transfer to an address that no payment names", async () => {
      const { chain } = bench();
      const payment = await bench().payment();
      await chain.pay([{ address: await chain.newAddress(), amountAtomic: PRICE }]);
      await payment.receives(PRICE, ["payment.confirming"]);
      expect(await payment.atTheEnd()).toMatchObject({ received: PRICE.toString(), transfers: [{}] });
    });
  });
}
