/** What others try on a merchant's identiPay transaction. Only recipient, coin and amount together settle it. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { addressFromSeed } from "../../src/chains/sandbox/address.ts";
import { sandboxFacts } from "../../src/chains/sandbox/facts.ts";
import type { Payment } from "../../src/payments/payment.ts";
import { IdentipayShop } from "../../testkit/clients/identipay-shop.ts";
import { ProtocolServer } from "../../testkit/protocol-server.ts";
import type { TestClient } from "../../testkit/transport-server.ts";
import { until } from "../../testkit/until.ts";

let server: ProtocolServer;
let shop: IdentipayShop;
let thief: IdentipayShop;
let payment: Payment;
let intentHash: string;
let client: TestClient;

beforeAll(async () => {
  server = await ProtocolServer.start();
  await server.addMerchant("thief");
  shop = new IdentipayShop(server.url, await server.addKey("secret"));
  thief = new IdentipayShop(server.url, await server.addKey("secret", "thief"));
});
beforeEach(async () => {
  const { json } = await shop.propose();
  intentHash = json.intentHash;
  payment = (await server.core.payment(json.transactionId)).payment;
  client = await server.transports.open(`/ws/transactions/${payment.id}`);
  await until("the status", () => client.received.length === 1);
});
afterEach(() => server.transports.closeClients());
afterAll(() => server.stop());

/** Nobody was told that it is settled, and nobody can read it; the true payment then still settles it. */
async function isNotSettled(): Promise<void> {
  await server.controls.mine(8);
  await until("the hub to have everything", async () => server.hub.offset >= (await server.core.log.head()));
  const { json } = await shop.status(payment.id);
  expect(json).toMatchObject({ status: "pending", suiTxDigest: null, settledAt: null });
  client.ws.ping();
  await new Promise((resolve) => client.ws.once("pong", resolve));
  expect(client.messages.map(({ type }) => type)).toEqual(["status"]);
  expect((await shop.settle(payment.id)).json.status).toBe("settled");
}

const report = (by: IdentipayShop, fields: Record<string, unknown> = {}) =>
  by.call("POST", "/v1/observations", {
    paymentId: payment.id,
    txId: `tx of ${payment.id}`,
    index: "0",
    asset: payment.asset,
    amount: String(payment.amountAtomic),
    status: "included",
    confirmations: 6,
    ...fields,
  });

/** A transfer on the chain itself. */
const transfer = (output: { recipient?: string | null; asset?: string; amountAtomic?: bigint }) =>
  server.chain.payMany([
    {
      recipient: output.recipient ?? (payment.recipient as string),
      asset: output.asset ?? payment.asset,
      amountAtomic: output.amountAtomic ?? (payment.amountAtomic as bigint),
    },
  ]);

describe("on the chain", () => {
  it("a coin that looks like the right one, in the right amount, to the right address", async () => {
    await transfer({ asset: "SBX2" });
    await transfer({ asset: "SBХ" });
    await isNotSettled();
  });

  it("the right coin and amount, to an address of the thief's", async () => {
    await transfer({ recipient: sandboxFacts.recipientOf(addressFromSeed("thief")) });
    await isNotSettled();
  });

  it("the right coin and amount, to another order of the same shop", async () => {
    const other = await server.create();
    await transfer({ recipient: other.recipient });
    await isNotSettled();
  });

  it("one atomic unit, and one too few", async () => {
    await transfer({ amountAtomic: 1n });
    await transfer({ amountAtomic: (payment.amountAtomic as bigint) - 2n });
    await isNotSettled();
  });

  it("a transaction that failed", async () => {
    const { recipient, asset, amountAtomic } = payment;
    const output = { recipient: recipient as string, asset, amountAtomic: amountAtomic as bigint };
    await server.chain.payMany([output], { fails: true });
    await isNotSettled();
  });

  it("a transaction that is replaced before it is in a block", async () => {
    const txId = await server.pay(payment);
    await server.controls.doubleSpend(txId);
    await isNotSettled();
  });
});

describe("over POST /v1/observations", () => {
  it("another merchant's word", async () => {
    const answer = await report(thief);
    expect(answer.status).toBe(404);
    await isNotSettled();
  });

  it("nobody's word", async () => {
    expect((await report(new IdentipayShop(server.url, null))).status).toBe(401);
    await isNotSettled();
  });

  it.each([
    ["another coin", { asset: "USDC" }],
    ["a smaller amount", { amount: "1" }],
    ["a transaction that failed", { status: "failed" }],
    ["one that is only seen", { status: "seen", confirmations: 0 }],
  ])("the shop's own word of %s", async (_what, fields) => {
    expect((await report(shop, fields)).status).toBe(200);
    await server.controls.mine(1);
    expect((await shop.status(payment.id)).json.status).toBe("pending");
    expect(client.received).toHaveLength(1);
  });

  it("the intent hash in every field that takes a text", async () => {
    await report(shop, { asset: intentHash, txId: intentHash, index: intentHash });
    await transfer({ asset: intentHash, amountAtomic: 1n });
    await isNotSettled();
  });
});

describe("by asking", () => {
  it("another merchant's key reads nothing, by any path", async () => {
    await server.pay(payment);
    await server.controls.mine(2);
    const paths = [
      `/api/identipay/v1/transactions/${payment.id}/status`,
      `/api/identipay/v1/transactions/${payment.id.toUpperCase()}/status`,
      `/v1/payments/${payment.id}`,
      `/v1/payments?reference=${intentHash}`,
    ];
    const answers = await Promise.all(paths.map((path) => thief.call("GET", path)));
    expect(answers.map(({ status }) => status)).toEqual([404, 404, 404, 200]);
    expect(answers[3]?.json.payments).toEqual([]);
  });

  it("the id alone shows neither proposal nor hash nor merchant", async () => {
    const answer = await new IdentipayShop(server.url, null).call("GET", `/v1/payments/${payment.id}`);
    expect(answer.status).toBe(200);
    const text = JSON.stringify([answer.json, client.messages]);
    for (const secret of [intentHash, "Shirt", "The shop", "did:identipay"]) expect(text).not.toContain(secret);
  });
});
