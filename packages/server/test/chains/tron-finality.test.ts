/** TRON's policy with its true numbers: 21 confirmations, and solidified. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type TronUnderTest, tronBench } from "../../testkit/tron-harness.ts";
import { until } from "../../testkit/until.ts";
import type { Bench } from "../../testkit/watching/bench.ts";
import { type PaymentUnderTest, PRICE } from "../../testkit/watching/payment-under-test.ts";

let bench: Bench;
let chain: TronUnderTest;

beforeEach(async () => {
  ({ bench, chain } = await tronBench());
});
afterEach(() => bench.close());

const payment = () => bench.payment({ confirmations: 21 });

const confirmed = (followed: PaymentUnderTest, confirmations: number) =>
  until(`${confirmations} confirmations`, async () => (await followed.view()).confirmations === confirmations);

/** Reports come in order: once this one is told, everything before has been. */
async function somebodyElsePays(): Promise<void> {
  await (await payment()).receives(PRICE, ["payment.confirming"]);
}

describe("a payment", () => {
  it("is paid with the 21st confirmation, not before, and final with the 27th", async () => {
    const followed = await payment();
    await followed.receives(PRICE, ["payment.confirming"]);
    await chain.mine(19);
    await confirmed(followed, 20);
    expect(await followed.view()).toMatchObject({ status: "confirming", confirmationsRequired: 21 });
    await chain.mine(1);
    expect(await followed.tellsUntil("payment.paid")).toContain("transfer.confirmed");
    await chain.mine(4);
    await somebodyElsePays();
    expect((await followed.view()).status).toBe("paid");
    await chain.mine(1);
    await followed.tells("transfer.final", "payment.finalized");
    expect((await followed.atTheEnd()).status).toBe("final");
  });

  it("that is deep enough but not solidified is not paid, until it is", async () => {
    const followed = await payment();
    const { simulated } = chain;
    simulated.stopSolidifying();
    await followed.receives(PRICE, ["payment.confirming"]);
    const paidIn = simulated.head.height;
    await chain.mine(60);
    await confirmed(followed, 20);
    // The block before the payment's, and nothing more.
    simulated.solidifyUpTo(paidIn - 1);
    await somebodyElsePays();
    expect(await followed.view()).toMatchObject({ status: "confirming", confirmations: 20 });
    simulated.solidifyUpTo(paidIn);
    expect(await followed.tellsUntil("payment.paid")).toContain("transfer.confirmed");
    expect((await followed.atTheEnd()).status).toBe("paid");
  });

  it("that a reorganisation drops before it is solidified was never paid", async () => {
    const followed = await payment();
    await followed.receives(PRICE, ["payment.confirming"]);
    await chain.mine(10);
    await confirmed(followed, 11);
    chain.simulated.reorg(11, "dropped");
    await followed.tellsUntil("payment.reorged");
    await chain.mine(40);
    await somebodyElsePays();
    expect((await followed.atTheEnd()).status).toBe("pending");
  });

  it.each([0, 1, 20])("cannot ask for %i confirmations", async (confirmations) => {
    await expect(bench.payment({ confirmations })).rejects.toMatchObject({
      code: "invalid_request",
      message: expect.stringMatching(/at least 21 confirmations/),
      details: { field: "confirmations", minimum: 21 },
    });
  });

  it("may ask for more", async () => {
    const followed = await bench.payment({ confirmations: 30 });
    await followed.receives(PRICE, ["payment.confirming"]);
    await chain.mine(28);
    await confirmed(followed, 29);
    expect((await followed.view()).status).toBe("confirming");
    await chain.mine(1);
    await followed.tellsUntil("payment.paid");
  });
});

it("a node whose solidified block is on no branch of its own is not believed", async () => {
  const followed = await payment();
  await followed.receives(PRICE, ["payment.confirming"]);
  chain.node.http.tamper = (path, answer) => {
    if (path !== "walletsolidity/getblock") return answer;
    const { blockID } = answer as { blockID: string };
    return { ...(answer as object), blockID: blockID.slice(0, 16) + "ab".repeat(24) };
  };
  await chain.mine(30);
  await expect.poll(() => bench.watcher.status().problem, { timeout: 10_000 }).toMatch(/irreversible.*on a fork/);
  expect((await followed.view()).status).toBe("confirming");
});
