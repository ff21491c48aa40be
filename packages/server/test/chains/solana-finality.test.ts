/** Solana's own finality as the policy: confirmed is detected, finalized is paid, and a fork in between is told. */
import { afterEach, beforeEach, expect, it } from "vitest";
import { SolanaUnderTest, solanaHarness } from "../../testkit/solana-harness.ts";
import { Bench } from "../../testkit/watching/bench.ts";
import type { PaymentUnderTest } from "../../testkit/watching/payment-under-test.ts";
import { PRICE } from "../../testkit/watching/payment-under-test.ts";

/** What an operator has who asks for nothing else: the first finalized slot settles, and is final. */
const POLICY = { confirmations: 1, finalConfirmations: 1 };
const LAG = 4;

let chain: SolanaUnderTest;
let bench: Bench;
let payment: PaymentUnderTest;

beforeEach(async () => {
  bench = await Bench.open({
    ...solanaHarness,
    start: async () => {
      chain = await SolanaUnderTest.start(POLICY);
      chain.node.ledger.finalizationLag = LAG;
      await chain.mine(LAG);
      return chain;
    },
  });
  payment = await bench.payment({ confirmations: 1 });
});
afterEach(() => bench.close());

it("a confirmed block is detected without a confirmation; the finalized one is paid and final at once", async () => {
  await payment.receives(PRICE, ["payment.confirming"]);
  expect(await payment.view()).toMatchObject({ status: "confirming", confirmations: 0 });
  await chain.mine(LAG - 1);
  await bench.caughtUp();
  expect(await payment.view()).toMatchObject({ status: "confirming", confirmations: 0 });
  await chain.mine(1);
  await payment.tells("transfer.final", "payment.paid", "payment.finalized");
  expect(await payment.atTheEnd()).toMatchObject({ status: "final", confirmations: 1 });
});

it("a confirmed block that the network leaves before it is finalized takes the payment back to waiting", async () => {
  await payment.receives(PRICE, ["payment.confirming"]);
  await chain.reorg(1, "mempool");
  await payment.tells("transfer.orphaned", "payment.reorged");
  expect(await payment.view()).toMatchObject({ status: "pending", received: "0" });
  await chain.mine(1);
  await payment.tells("transfer.included", "payment.confirming");
  await chain.mine(LAG);
  await payment.tells("transfer.final", "payment.paid", "payment.finalized");
  expect(await payment.atTheEnd()).toMatchObject({ status: "final", flags: ["reorged"] });
});

it("skipped slots are no confirmations that are missing: the finalized slot alone counts", async () => {
  await payment.receives(PRICE, ["payment.confirming"]);
  chain.node.mine(LAG - 1, 10);
  await bench.caughtUp();
  expect(await payment.view()).toMatchObject({ status: "confirming", confirmations: 0 });
  chain.node.mine(1, 10);
  await payment.tells("transfer.final", "payment.paid", "payment.finalized");
});
