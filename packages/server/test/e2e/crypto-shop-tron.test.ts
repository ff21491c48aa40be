/**
 * Crypto Shop on TRON, as the shop runs it: products with stock, orders of customers who all pay to one wallet, payments
 * that are broadcast with the genuine library (tronweb) and followed by their hash, 21 confirmations and solidified, and
 * the document's own client. The node is simulated.
 */
import { randomUUID } from "node:crypto";
import type { Order, Product } from "@paybell/protocol";
import { TronWeb } from "tronweb";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { LiveTron } from "../../testkit/live-tron.ts";
import { NodeSample, readSample } from "../../testkit/samples.ts";
import { TronWallet } from "../../testkit/tron/wallet.ts";
import { until } from "../../testkit/until.ts";

const CONFIRMED = "Your purchase has been confirmed. You can now place new orders.";
const PATIENT = 60_000;
/** In sun; two are bought. */
const PRICE = 1_500_000n;
const COST = 2n * PRICE;
const STOCK = 10;

let live: LiveTron;
const playing: NodeSample[] = [];

beforeAll(async () => {
  live = await LiveTron.start();
}, PATIENT);
afterEach(async () => {
  for (const program of playing.splice(0)) await program.close();
  if (live.server.pid === undefined) await live.server.restart();
});
afterAll(() => live.stop());

interface Customer {
  userId: string;
  wallet: TronWallet;
  /** The document's client, which has joined its user's room. */
  client: NodeSample;
  order: Order;
  productId: string;
}

/** Orders two of a product, and listens. */
async function customer(): Promise<Customer> {
  const [userId, wallet] = [randomUUID(), new TronWallet()];
  const product = { name: "Mug", price: String(PRICE), chain: "tron", asset: "TRX", stock: STOCK };
  const { id: productId } = await live.api.call<Product>("POST", "/v1/products", product);
  const order = await live.api.call<Order>("POST", "/v1/orders", {
    customer: userId,
    items: [{ productId, quantity: 2 }],
    match: { payer: wallet.address },
  });
  const client = new NodeSample(readSample("crypto-shop", "basic", { url: live.server.url, userId }));
  playing.push(client);
  await client.prints(`Joined user room: ${userId}`);
  return { userId, wallet, client, order, productId };
}

/** As the shop's page does it: the customer's wallet signs and broadcasts, and the page has a hash. */
async function broadcast(from: TronWallet, amountSun: bigint): Promise<string> {
  const signed = from.transfer(live.shop.address, amountSun, live.node.sendOptions());
  const answer = await new TronWeb({ fullHost: live.node.url }).trx.sendRawTransaction(signed as never);
  expect(answer).toMatchObject({ result: true, txid: signed.txID });
  return signed.txID;
}

const claim = ({ order }: Customer, txId: string) => live.api.call("POST", `/v1/payments/${order.id}/claim`, { txId });

const product = ({ productId }: Customer) => live.api.call<Product>("GET", `/v1/products/${productId}`);

const reaches = ({ order }: Customer, expected: object) =>
  until(`the payment to have ${JSON.stringify(expected)}`, async () => {
    const payment: Record<string, unknown> = { ...(await live.api.payment(order.id)) };
    return Object.entries(expected).every(([name, value]) => payment[name] === value);
  });

test("order, TRX payment, 21 confirmations: completed, stock taken, told at the document's client", async () => {
  const buyer = await customer();
  expect(buyer.order.payment).toMatchObject({
    address: live.shop.address,
    amount: String(COST),
    confirmationsRequired: 21,
    uri: `tron:${live.shop.address}?amount=3`,
    match: { payer: buyer.wallet.address },
  });
  expect(await product(buyer)).toMatchObject({ stock: STOCK, reserved: 2 });
  const txId = await broadcast(buyer.wallet, COST);
  await claim(buyer, txId);
  live.node.chain.mine(20);
  await reaches(buyer, { status: "confirming", confirmations: 20 });
  expect(buyer.client.output).not.toContain("Transaction confirmed!");

  live.node.chain.mine(1);
  await buyer.client.prints(CONFIRMED);
  expect(buyer.client.output).toContain(`orderId: '${buyer.order.id}'`);
  expect(buyer.client.output).toContain(`txHash: '${txId}'`);
  expect(buyer.client.count("Transaction confirmed!")).toBe(1);
  expect(await product(buyer)).toMatchObject({ stock: STOCK - 2, reserved: 0 });
  const { orders } = await live.api.call<{ orders: Order[] }>("GET", `/v1/orders?customer=${buyer.userId}`);
  expect(orders).toMatchObject([{ id: buyer.order.id, status: "completed", payment: { status: "paid", txId } }]);
}, 60_000);

test("deep enough, but not solidified: nobody is told before it is", async () => {
  const buyer = await customer();
  live.node.chain.stopSolidifying();
  await broadcast(buyer.wallet, COST);
  live.node.chain.mine(1);
  const { height } = live.node.chain.head;
  live.node.chain.mine(40);
  await until("all blocks to be followed", async () => {
    const { transfers } = await live.api.payment(buyer.order.id);
    return transfers[0]?.blockHeight === height;
  });
  live.node.chain.solidifyUpTo(height - 1);
  await reaches(buyer, { status: "confirming", confirmations: 20 });
  expect(buyer.client.output).not.toContain("Transaction confirmed!");
  live.node.chain.solidifyUpTo(height);
  await buyer.client.prints(CONFIRMED);
  live.node.chain.goOnSolidifying();
}, 60_000);

test("two customers on one wallet, a server that is killed meanwhile: each his own order, once", async () => {
  const [alice, bob] = [await customer(), await customer()];
  await broadcast(bob.wallet, COST);
  live.node.chain.mine(1);
  await reaches(bob, { status: "confirming" });
  await live.server.kill9();
  const hers = await broadcast(alice.wallet, COST);
  live.node.chain.mine(30);
  await live.server.restart();
  for (const { client, order } of [alice, bob]) await client.prints(`orderId: '${order.id}'`);
  expect(alice.client.output).toContain(hers);
  expect(bob.client.output).not.toContain(hers);
  for (const each of [alice, bob]) {
    expect(await product(each)).toMatchObject({ stock: STOCK - 2, reserved: 0 });
  }
}, 60_000);

test("a stranger's hash settles nothing, however often it is named; the customer's own does", async () => {
  const [thief, honest] = [await customer(), await customer()];
  const txId = await broadcast(honest.wallet, COST);
  await claim(thief, txId);
  live.node.chain.mine(30);
  await honest.client.prints(CONFIRMED);
  await claim(thief, txId);
  const nobodys = await broadcast(new TronWallet(), COST);
  live.node.chain.mine(1);
  await claim(thief, nobodys);
  live.node.chain.mine(30);
  const own = await broadcast(honest.wallet, 1n);
  live.node.chain.mine(1);
  // What comes later is told: so is everything before.
  await until("what was sent last", async () =>
    (await live.api.payment(honest.order.id)).transfers.some((transfer) => transfer.txId === own),
  );
  expect(await live.api.payment(thief.order.id)).toMatchObject({ status: "pending", received: "0", transfers: [] });
  expect(await product(thief)).toMatchObject({ stock: STOCK, reserved: 2 });
  expect(thief.client.output).not.toContain("Transaction confirmed!");

  const mine = await broadcast(thief.wallet, COST);
  await claim(thief, mine);
  live.node.chain.mine(21);
  await thief.client.prints(`txHash: '${mine}'`);
}, 60_000);
