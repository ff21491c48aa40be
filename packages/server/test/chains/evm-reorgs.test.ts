/** Reorganisations of every usual depth, and the network's own word for what is irreversible, on a real anvil. */
import { afterEach, describe, expect, it } from "vitest";
import { evmHarness } from "../../testkit/evm-harness.ts";
import { Bench } from "../../testkit/watching/bench.ts";
import { PRICE } from "../../testkit/watching/payment-under-test.ts";

let bench: Bench | null = null;

afterEach(async () => {
  await bench?.close();
  bench = null;
});

describe("a reorganisation", () => {
  it.each([1, 2, 3, 4, 5, 6])("of depth %i takes the payment back, and gives it again", async (depth) => {
    bench = await Bench.open(evmHarness("USDT"));
    const { chain } = bench;
    const payment = await bench.payment({ confirmations: depth });
    const txId = await payment.pay();
    await payment.tells("transfer.seen", "payment.confirming");
    await chain.mine(depth);
    await payment.tellsUntil("payment.paid");
    await chain.reorg(depth, "mempool");
    await payment.tells("transfer.seen", "payment.reorged", "payment.reversed");
    await chain.mine(depth);
    await payment.tellsUntil("payment.recovered");
    expect(await payment.atTheEnd()).toMatchObject({ status: "paid", txId, flags: ["reorged"] });
  });

  it.each([1, 2, 3, 4, 5, 6])(
    "of depth %i with another transaction of the same nonce is a double spend",
    async (depth) => {
      bench = await Bench.open(evmHarness("ETH", { mempool: false }));
      const { chain } = bench;
      const payment = await bench.payment({ confirmations: depth });
      const txId = await payment.pay();
      await chain.mine(depth);
      await payment.tellsUntil("payment.paid");
      await chain.reorg(depth, "replaced");
      await payment.tells("transfer.replaced", "payment.double_spend", "payment.reversed");
      expect(await payment.atTheEnd()).toMatchObject({ transfers: [{ txId, status: "replaced" }], received: "0" });
    },
  );
});

describe("with the network's own word as policy", () => {
  // anvil calls a block safe one epoch behind the head, and finalized two.
  it.each([
    ["safe", 4],
    ["finalized", 8],
  ] as const)("a payment is paid when its block is %s, whatever lies on top of it before", async (finality, behind) => {
    const settings = { finality, confirmations: 1, finalConfirmations: 1 };
    bench = await Bench.open(evmHarness("ETH", settings, { slotsInAnEpoch: 4 }));
    const { chain } = bench;
    // Below two epochs the first block counts as finalized.
    await chain.mine(2 * 4);
    const payment = await bench.payment({ confirmations: 1 });
    await payment.receives(PRICE, ["payment.confirming"]);
    expect(await payment.view()).toMatchObject({ status: "confirming", confirmations: 0 });
    await chain.mine(behind - 1);
    // What waits is told after all that the blocks have to say.
    const other = await bench.payment();
    await other.pay();
    await other.tells("transfer.seen", "payment.confirming");
    expect(await payment.types()).not.toContain("payment.paid");
    await chain.mine(1);
    await payment.tellsUntil("payment.paid");
    expect(await payment.atTheEnd()).toMatchObject({ confirmations: 1 });
  });
});

describe("without any confirmation asked for", () => {
  it.each(["ETH", "USDT"] as const)(
    "%s is paid in the block, not while its sender can still take it back",
    async (payIn) => {
      bench = await Bench.open(evmHarness(payIn));
      const { chain } = bench;
      const payment = await bench.payment({ confirmations: 0 });
      const txId = await payment.pay();
      await payment.tells("transfer.seen", "payment.confirming");
      await chain.mine(1);
      await payment.tellsUntil("payment.paid");
      expect(await payment.atTheEnd()).toMatchObject({ status: "paid", txId });
    },
  );

  it("a call for more than the sender has pays nothing, however long it waits", async () => {
    bench = await Bench.open(evmHarness("USDT"));
    const { chain } = bench;
    const payment = await bench.payment({ confirmations: 0 });
    await chain.payFailing([{ address: payment.address, amountAtomic: PRICE }]);
    await payment.tells("transfer.seen", "payment.confirming");
    await chain.mine(1);
    await payment.tells("transfer.dropped", "payment.double_spend");
    expect(await payment.types()).not.toContain("payment.paid");
  });
});
