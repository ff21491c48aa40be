/**
 * identiPay on Sui, as a shop runs it: proposals over HTTP, all paid to one wallet, the document's own clients, and a
 * Sui node (simulated; read by the genuine client) on which somebody tries to settle an order without paying it.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { pageWithScript } from "../../testkit/chromium.ts";
import { LiveSui } from "../../testkit/live-sui.ts";
import { prints } from "../../testkit/sample-stage.ts";
import { type NodeSample, readSample } from "../../testkit/samples.ts";
import { type BalanceChange, SUI_TYPE } from "../../testkit/sui/ledger.ts";
import { LOOKALIKE_TYPE, suiAddress, USDC } from "../../testkit/sui-harness.ts";
import { until } from "../../testkit/until.ts";

/** 25.00 USDC, the proposal's amount. */
const AMOUNT = 25_000_000n;
const BUYER = suiAddress("the buyer");

interface Proposal {
  transactionId: string;
  intentHash: string;
}

let live: LiveSui;

beforeAll(async () => {
  live = await LiveSui.start();
});
afterEach(() => live.stage.clear());
afterAll(() => live.stop());

async function propose(): Promise<Proposal> {
  const { status, json } = await live.shop.propose();
  expect(status).toBe(201);
  return json;
}

const change = (address: string, amount: bigint, coinType = USDC.coinType): BalanceChange => ({
  address,
  coinType,
  amount,
});

/** The buyer's transaction, with the event of a settlement. Returns its digest. */
function settle(intentHash: string, received: BalanceChange, success = true): string {
  const spent = change(BUYER, -received.amount, received.coinType);
  const json = { intent_hash: Buffer.from(intentHash, "hex").toString("base64"), merchant: live.address };
  const digest = live.node.ledger.execute({
    changes: [received, spent, change(BUYER, -1_000_000n, SUI_TYPE)],
    events: [{ packageId: suiAddress("identipay"), eventType: "SettlementEvent", json }],
    success,
  });
  live.node.certify(1);
  return digest;
}

function sample(name: string, transactionId: string): string {
  const { url, wsUrl, host } = live.stage.server;
  return readSample("identipay", name, { url, wsUrl, host, transactionId });
}

const statusOf = async ({ transactionId }: Proposal) => (await live.shop.status(transactionId)).json;
const settled = (proposal: Proposal) =>
  until("the settlement", async () => ((await statusOf(proposal)).status === "settled" ? true : null));

describe("a settlement on Sui", () => {
  it("reaches the document's page and its Node program, with the transaction's digest", async () => {
    const proposal = await propose();
    const { transactionId } = proposal;
    const shown = "function showSuccessMessage(digest) { console.log('paid by ' + digest); }";
    const page = await live.stage.show(pageWithScript(`${shown}\n${sample("browser", transactionId)}`));
    const program: NodeSample = live.stage.run(sample("node", transactionId), "commonjs");
    await until("both clients to be connected", () => page.received.length === 1 && program.output.includes("pending"));
    const digest = settle(proposal.intentHash, change(live.address, AMOUNT));
    await prints(page, `paid by ${digest}`);
    await until("the program", () => program.output.includes(`Payment settled! Tx: ${digest}`));

    expect(page.received.map((text) => JSON.parse(text))).toEqual([
      { type: "status", transactionId, status: "pending", suiTxDigest: null },
      { type: "settlement", transactionId, status: "settled", suiTxDigest: digest },
    ]);
    expect(await statusOf(proposal)).toMatchObject({ status: "settled", suiTxDigest: digest });
    const { status } = await live.api.payment(transactionId);
    expect(status, "a certified checkpoint is final").toBe("final");
  }, 60_000);

  it("is not had with the intent hash alone: wrong coin, wrong recipient, too little, or a failed transaction", async () => {
    const [proposal, next] = [await propose(), await propose()];
    const { transactionId, intentHash } = proposal;
    const program = live.stage.run(sample("node", transactionId), "commonjs");
    await until("the program to be connected", () => program.output.includes("pending"));
    settle(intentHash, change(live.address, AMOUNT, LOOKALIKE_TYPE));
    settle(intentHash, change(live.address, AMOUNT, SUI_TYPE));
    settle(intentHash, change(suiAddress("the accomplice"), AMOUNT));
    settle(intentHash, change(live.address, AMOUNT), false);
    settle(intentHash, change(live.address, 1n));
    // Another proposal on the same wallet: whatever came before it has been looked at when it is settled.
    settle(next.intentHash, change(live.address, AMOUNT));
    await settled(next);

    expect(await statusOf(proposal)).toEqual({ transactionId, status: "pending", suiTxDigest: null, settledAt: null });
    expect(program.output).not.toContain("Payment settled!");
    expect(await live.api.payment(transactionId)).toMatchObject({ status: "pending", received: "1", txId: null });
    const types = (await live.api.allEvents(transactionId)).map(({ type }) => type);
    expect(types).not.toContain("payment.confirming");

    const digest = settle(intentHash, change(live.address, AMOUNT - 1n));
    await until("the program", () => program.output.includes(`Payment settled! Tx: ${digest}`));
  }, 60_000);

  it("finds its proposal among several that wait on the merchant's one address, and survives a crash", async () => {
    const proposals = [await propose(), await propose(), await propose()];
    const payments = await Promise.all(proposals.map(({ transactionId }) => live.api.payment(transactionId)));
    expect(payments.map(({ address }) => address)).toEqual([live.address, live.address, live.address]);
    expect(payments.map(({ match }) => match)).toEqual(proposals.map(({ intentHash }) => ({ intentHash })));
    const [first, second, third] = proposals as [Proposal, Proposal, Proposal];
    await live.stage.server.kill9();
    const digests = [third, first].map(({ intentHash }) => settle(intentHash, change(live.address, AMOUNT)));
    live.node.certify(50);
    await live.stage.server.restart();
    await settled(first);
    await settled(third);
    expect((await statusOf(third)).suiTxDigest).toBe(digests[0]);
    expect((await statusOf(first)).suiTxDigest).toBe(digests[1]);
    expect((await statusOf(second)).status).toBe("pending");
  }, 60_000);

  it("needs an address: without the hash of a proposal the merchant's one is not used", async () => {
    const asked = live.api.createPayment({ amount: "5", asset: "USDC", chain: "sui" });
    await expect(asked).rejects.toMatchObject({ status: 400, code: "invalid_request" });
  });
});
