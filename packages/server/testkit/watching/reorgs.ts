/** Scenarios: the chain changes its mind. */
import type { EventType } from "@paybell/protocol";
import { describe, expect, it } from "vitest";
import { until } from "../until.ts";
import type { Bench } from "./bench.ts";
import type { ReorgFate, WatcherCapabilities } from "./harness.ts";
import { PRICE } from "./payment-under-test.ts";

/** What a paid payment tells when both of its blocks are dropped, by what becomes of its transaction. */
const LOST: Record<Exclude<ReorgFate, "included">, readonly EventType[]> = {
  mempool: ["transfer.seen", "payment.reorged", "payment.reversed"],
  dropped: ["transfer.dropped", "payment.double_spend", "payment.reversed"],
  replaced: ["transfer.replaced", "payment.double_spend", "payment.reversed"],
};

export function testReorgs(bench: () => Bench, can: WatcherCapabilities): void {
  const lost = (fate: Exclude<ReorgFate, "included">): readonly EventType[] =>
    fate === "mempool" && !can.mempool ? ["transfer.orphaned", "payment.reorged", "payment.reversed"] : LOST[fate];

  if (can.doubleSpend) testDoubleSpends(bench);
  if (can.reorgFates.length === 0) return;
  describe("a reorganisation", () => {
    for (const fate of ["dropped", "replaced"] as const) {
      if (!can.reorgFates.includes(fate)) continue;
      it(`after which the transaction is ${fate} reverses the payment`, async () => {
        const { chain } = bench();
        const payment = await bench().payment();
        const txId = await payment.becomesPaid();
        await chain.reorg(2, fate);
        await payment.tells(...lost(fate));
        await chain.mine(chain.facts.finalConfirmations);
        await bench().somebodyElsePays();
        expect(await payment.atTheEnd()).toMatchObject({
          status: "reversed",
          received: "0",
          amountState: "none",
          confirmations: 0,
          flags: fate === "replaced" ? ["double_spend"] : [],
          transfers: [{ txId, status: fate }],
        });
      });
    }

    if (can.reorgFates.includes("mempool")) {
      it("takes the payment back, and a later block gives it again", async () => {
        const { chain } = bench();
        const payment = await bench().payment();
        const txId = await payment.becomesPaid();
        await chain.reorg(2, "mempool");
        await payment.tells(...lost("mempool"));
        expect(await payment.view()).toMatchObject({ status: "reversed", confirmations: 0 });
        await chain.mine(1);
        await payment.tells("transfer.included", "payment.recovered");
        await chain.mine(1);
        await payment.tells("transfer.confirmed", "payment.paid");
        await chain.mine(chain.facts.finalConfirmations);
        await payment.tells("transfer.final", "payment.finalized");
        expect(await payment.atTheEnd()).toMatchObject({ status: "final", txId, flags: ["reorged"] });
      });
    }

    if (can.reorgFates.includes("included")) {
      it("that moves the transfer to another block is one event, and the payment stays paid", async () => {
        const { chain } = bench();
        const payment = await bench().payment();
        await payment.becomesPaid();
        const before = (await payment.view()).transfers[0];
        await chain.reorg(2, "included");
        await payment.tells("transfer.included", "payment.reorged");
        const moved = await payment.view();
        expect(moved).toMatchObject({ status: "paid", confirmations: 1, received: PRICE.toString() });
        expect(moved.transfers[0]?.blockHash).not.toBe(before?.blockHash);
        await chain.mine(1);
        await payment.tells("transfer.confirmed");
        await chain.mine(chain.facts.finalConfirmations);
        await payment.tells("transfer.final", "payment.finalized");
        expect(await payment.atTheEnd()).toMatchObject({ status: "final", flags: ["reorged"] });
      });
    }

    for (const fate of ["mempool", "replaced"] as const) {
      if (!can.reorgFates.includes(fate)) continue;
      it(`that nobody watched is told after the restart (${fate})`, async () => {
        const { chain } = bench();
        const payment = await bench().payment();
        await payment.becomesPaid();
        await bench().stopWatcher();
        await chain.reorg(2, fate);
        await bench().startWatcher();
        await payment.tells(...lost(fate));
        expect((await payment.atTheEnd()).status).toBe("reversed");
      });
    }
  });
}

function testDoubleSpends(bench: () => Bench): void {
  describe("a double spend", () => {
    it("in the mempool takes the transfer away, and another one can still pay", async () => {
      const { chain } = bench();
      const payment = await bench().payment();
      const txId = await payment.pay();
      await payment.tells("transfer.seen", "payment.confirming");
      const replacedBy = await chain.doubleSpend(txId);
      await payment.tells("transfer.replaced", "payment.double_spend");
      expect(await payment.view()).toMatchObject({ status: "pending", received: "0", flags: ["double_spend"] });
      const [, , , replaced] = await bench().core.eventsOf(payment.id);
      expect(replaced?.data.replacedBy).toBe(replacedBy);
      await chain.mine(1);
      await payment.becomesPaid();
      expect(await payment.atTheEnd()).toMatchObject({ status: "paid", received: PRICE.toString() });
    });

    it("that pays as well is the sender raising his fee", async () => {
      const { chain } = bench();
      const payment = await bench().payment();
      const txId = await payment.pay();
      await payment.tells("transfer.seen", "payment.confirming");
      const raised = await chain.doubleSpend(txId, [{ address: payment.address, amountAtomic: PRICE }]);
      // Both may be noticed at once or one after the other; in the end it is the same.
      await until("both to be noticed", async () => {
        const { transfers } = await payment.view();
        return transfers.length === 2 && transfers.some(({ status }) => status === "replaced");
      });
      await payment.tellsUntil("payment.double_spend");
      expect(await payment.view()).toMatchObject({ status: "confirming", amountState: "exact", flags: ["rbf"] });
      await chain.mine(1);
      await payment.tells("transfer.included");
      await chain.mine(1);
      await payment.tells("transfer.confirmed", "payment.paid");
      expect(await payment.atTheEnd()).toMatchObject({ status: "paid", txId: raised, received: PRICE.toString() });
    });

    it("while nobody watches is told after the restart", async () => {
      const { chain } = bench();
      const payment = await bench().payment();
      const txId = await payment.pay();
      await payment.tells("transfer.seen", "payment.confirming");
      await bench().stopWatcher();
      await chain.doubleSpend(txId);
      await chain.mine(1);
      await bench().startWatcher();
      await payment.tells("transfer.replaced", "payment.double_spend");
      expect(await payment.atTheEnd()).toMatchObject({ status: "pending", received: "0" });
    });
  });
}
