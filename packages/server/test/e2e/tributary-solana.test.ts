/**
 * Tributary on Solana, as a merchant runs it: he registers his wallet once, customers' subscriptions are executed, and the
 * document's own client is told by tracking id. The transfers are real (litesvm); the program's records are synthetic.
 */
import { randomUUID } from "node:crypto";
import type { MerchantPayment } from "@paybell/protocol";
import { type Address, generateKeyPairSigner } from "@solana/kit";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { LiveSolana } from "../../testkit/live-solana.ts";
import { NodeSample, readSample } from "../../testkit/samples.ts";
import { withRecord } from "../../testkit/solana/tributary-record.ts";
import { until } from "../../testkit/until.ts";

const PATIENT = 60_000;
const AMOUNT = 1_000_000n;
/** What a record says, and what arrives after Tributary's fees. */
const ARRIVED = 980_000n;

let live: LiveSolana;
let shop: Address;
let gateway: Address;
let registration: MerchantPayment;
const playing: NodeSample[] = [];

beforeAll(async () => {
  live = await LiveSolana.start();
  shop = (await generateKeyPairSigner()).address;
  gateway = (await generateKeyPairSigner()).address;
  registration = await register(shop, "*");
}, PATIENT);
afterEach(async () => {
  live.node.ledger.finalizationLag = 0;
  for (const program of playing.splice(0)) await program.close();
  if (live.server.pid === undefined) await live.server.restart();
});
afterAll(() => live.stop());

function register(address: Address, tributary: string): Promise<MerchantPayment> {
  return live.api.createPayment({ amount: null, chain: "solana", asset: "USDC", address, match: { tributary } });
}

/** A subscription is executed: the token arrives, and the program's record is beside it. @returns the signature */
async function execute(trackingId: string, to = shop): Promise<string> {
  const change = withRecord({ gateway, amount: AMOUNT, memo: trackingId, recipient: to, mint: live.usdc.mint });
  const signature = await live.node.ledger.send(await live.usdc.paying(to, ARRIVED), { change });
  live.node.mine(1);
  return signature;
}

/** The document's complete example. */
async function client(trackingId: string): Promise<NodeSample> {
  const program = new NodeSample(
    readSample("tributary", "complete", { url: live.server.url, trackingId }),
    "module-typescript",
  );
  playing.push(program);
  await program.prints(`Ack: Subscribed to trackingId: ${trackingId}`);
  return program;
}

const told = (trackingId: string, signature: string) =>
  `Payment of ${ARRIVED} for ${trackingId}\nStatus: executed\nTransaction: ${signature}`;

async function paymentsOf(trackingId: string): Promise<MerchantPayment[]> {
  const path = `/v1/payments?reference=${trackingId}`;
  return (await live.api.call<{ payments: MerchantPayment[] }>("GET", path)).payments;
}

const newId = () => `sub-${randomUUID()}`;

test("a record becomes a payment, and the document's client is told by its tracking id: what arrived", async () => {
  expect(registration).toMatchObject({ amount: null, uri: null, match: { tributary: "*" } });
  const trackingId = newId();
  const subscriber = await client(trackingId);
  const other = await client(newId());
  const signature = await execute(trackingId);
  await subscriber.prints(told(trackingId, signature));
  await other.prints("Ack: Subscribed");
  expect(other.count("Payment of")).toBe(0);
  const payments = await paymentsOf(trackingId);
  expect(payments).toMatchObject([
    { address: shop, amount: null, received: String(ARRIVED), reference: trackingId, transfers: [{ txId: signature }] },
  ]);
}, 60_000);

test("whoever subscribes later is told by replay, and of a second payment with the same tracking id too", async () => {
  const trackingId = newId();
  const first = await execute(trackingId);
  await until("the payment", async () => {
    const payments = await paymentsOf(trackingId);
    return payments[0]?.received === String(ARRIVED);
  });
  const late = await client(trackingId);
  await late.prints(told(trackingId, first));
  const second = await execute(trackingId);
  await late.prints(told(trackingId, second));
  expect(late.count("Payment of")).toBe(2);
}, 60_000);

test("nobody is told before the network has finalized it", async () => {
  const trackingId = newId();
  const subscriber = await client(trackingId);
  live.node.ledger.finalizationLag = 5;
  const signature = await execute(trackingId);
  await until("the transfer to be seen", async () => {
    const payments = await paymentsOf(trackingId);
    return payments[0]?.transfers[0]?.status === "included";
  });
  expect(subscriber.count("Payment of")).toBe(0);
  live.node.mine(5);
  await subscriber.prints(told(trackingId, signature));
}, 60_000);

test("a server that is killed meanwhile tells when it is back", async () => {
  const trackingId = newId();
  const subscriber = await client(trackingId);
  await live.server.kill9();
  const signature = await execute(trackingId);
  live.node.mine(20);
  await live.server.restart();
  const late = await client(trackingId);
  await late.prints(told(trackingId, signature));
  // It does not subscribe again by itself; the server remembers it for it.
  await subscriber.prints(told(trackingId, signature));
}, 60_000);

test("a registration of one gateway takes its records only, and a wallet's other income is told as such", async () => {
  const wallet = (await generateKeyPairSigner()).address;
  const elsewhere = (await generateKeyPairSigner()).address;
  await register(wallet, elsewhere);
  const trackingId = newId();
  const signature = await execute(trackingId, wallet);
  const stray = await until("the stray transfer", async () =>
    (await live.api.allEvents()).find(
      ({ type, data }) => type === "transfer.unattributed" && data.transfers?.[0]?.txId === signature,
    ),
  );
  expect(stray.data).toMatchObject({ unattributed: { address: wallet } });
}, 60_000);
