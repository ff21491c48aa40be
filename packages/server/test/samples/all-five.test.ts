/**
 * One payment, one server, and at the same time the clients of all five documents: their own code, changed only by host,
 * keys and ids (`patches.json` of each). Each sees what its document promises, and when the chain takes the payment back,
 * what PROTOCOL.md says.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { SANDBOX_ACCESS_TOKEN, SANDBOX_PUBLISHABLE_KEY } from "../../src/http/keys.ts";
import { pageWithScript, type TestPage } from "../../testkit/chromium.ts";
import { ORDER_AMOUNT, type PlacedOrder } from "../../testkit/clients/order-desk.ts";
import { reactPage } from "../../testkit/react-page.ts";
import { prints, SampleStage } from "../../testkit/sample-stage.ts";
import { type NodeSample, readSample } from "../../testkit/samples.ts";
import { SHOP_FILES, WATCH_BROWSER } from "../../testkit/shop-page.ts";
import { until } from "../../testkit/until.ts";

let stage: SampleStage;
let order: PlacedOrder;
let pages: Record<"cryptoShop" | "tributary" | "identiPay" | "blockonomics" | "transak", TestPage>;
let programs: Record<"cryptoShop" | "tributary" | "identiPay" | "blockonomics" | "byOrder" | "allOrders", NodeSample>;

beforeAll(async () => {
  stage = await SampleStage.open();
});
beforeEach(async () => {
  order = await stage.desk.take();
  await openAll();
});
afterEach(() => stage.clear());
afterAll(() => stage?.close());

function sample(document: string, name: string): string {
  const { url, wsUrl, host, port } = stage.server;
  const { id, address, reference, customer } = order;
  const places = { url, wsUrl, host, port: String(port) };
  const keys = { apiKey: SANDBOX_PUBLISHABLE_KEY, accessToken: SANDBOX_ACCESS_TOKEN };
  const ids = { transactionId: id, orderId: id, address, trackingId: reference, partnerOrderId: reference };
  return readSample(document, name, { ...places, ...keys, ...ids, userId: customer });
}

/** What identiPay's sample calls and its shop has. */
const SHOP_FUNCTIONS = `
  const showSuccessMessage = (digest) => console.log("success", digest);
  const showErrorMessage = (text) => console.log("error", text);
`;

async function openAll(): Promise<void> {
  programs = {
    cryptoShop: stage.run(sample("crypto-shop", "basic")),
    tributary: stage.run(sample("tributary", "complete"), "module-typescript"),
    identiPay: stage.run(sample("identipay", "node"), "commonjs"),
    blockonomics: stage.run(sample("blockonomics", "basic-usage-node")),
    byOrder: stage.run(sample("transak", "node-order"), "commonjs"),
    allOrders: stage.run(sample("transak", "node-all-orders"), "commonjs"),
  };
  const cryptoShop = { code: sample("crypto-shop", "react"), around: WATCH_BROWSER };
  const tributary = {
    code: sample("tributary", "react"),
    exported: "PaymentNotifier",
    props: { trackingId: order.reference },
  };
  pages = {
    cryptoShop: await stage.show(await reactPage(cryptoShop), { files: SHOP_FILES, permissions: ["notifications"] }),
    tributary: await stage.show(await reactPage(tributary)),
    identiPay: await stage.show(pageWithScript(SHOP_FUNCTIONS + sample("identipay", "browser"))),
    blockonomics: await stage.show(pageWithScript(sample("blockonomics", "basic-usage"))),
    transak: await stage.show(await reactPage({ code: sample("transak", "react-partner-order") })),
  };
  // Browsers play nothing to somebody who never touched the page.
  await pages.cryptoShop.page.getByText("Notifications").click();
}

/** An engine's messages that are events: name and body. */
function eventsOf(page: TestPage): { name: string; body: Body }[] {
  const events = page.received.filter((text) => text.startsWith("42"));
  return events.map((text) => JSON.parse(text.slice(2))).map(([name, body]) => ({ name, body }));
}

// biome-ignore lint/suspicious/noExplicitAny: tests read what they expect to be there.
type Body = any;

/** What each wire has told its page so far, in a word or two for each message. */
function told() {
  const messages = (page: TestPage): Body[] => page.received.map((text) => JSON.parse(text));
  return {
    cryptoShop: eventsOf(pages.cryptoShop).map(({ name, body }) => body.status ?? `${name} ${body.txHash}`),
    tributary: eventsOf(pages.tributary).map(({ name, body: { data } }) => `${name} ${data.signature ?? ""}`.trim()),
    identiPay: messages(pages.identiPay).map(({ type, status, suiTxDigest }) => `${type} ${status} ${suiTxDigest}`),
    blockonomics: messages(pages.blockonomics).map(({ status, value, txid }) => `${status} ${value} ${txid}`),
    transak: messages(pages.transak)
      .filter(({ event }) => !event.startsWith("pusher"))
      .map(({ event, data }) => `${event} ${JSON.parse(data).status}`),
  };
}

type Told = ReturnType<typeof told>;

/** Resolves when every page has been told at least so much; then it must be exactly that. */
async function allTold(expected: Told): Promise<void> {
  const names = Object.keys(expected) as (keyof Told)[];
  await until(
    () => JSON.stringify(told(), null, 1),
    () => names.every((name) => told()[name].length >= expected[name].length),
  );
  expect(told()).toEqual(expected);
}

const CREATED: Told = {
  cryptoShop: ["pending"],
  tributary: ["ack"],
  identiPay: ["status pending null"],
  blockonomics: [],
  transak: ["ORDER_CREATED AWAITING_PAYMENT_FROM_USER"],
};

function paidBy(txId: string): Told {
  return {
    cryptoShop: ["pending", "completed", `transaction:confirmed ${txId}`],
    tributary: ["ack", `payment ${txId}`],
    identiPay: ["status pending null", `settlement settled ${txId}`],
    blockonomics: [0, 1, 2].map((status) => `${status} ${ORDER_AMOUNT} ${txId}`),
    transak: ["ORDER_CREATED AWAITING_PAYMENT_FROM_USER", "ORDER_PROCESSING PROCESSING"],
  };
}

/** Behind what was told before. Tributary's document has no word for what is taken back. */
function takenBack(before: Told, txId: string): Told {
  return {
    cryptoShop: [...before.cryptoShop, "pending"],
    tributary: before.tributary,
    identiPay: [...before.identiPay, "status pending null"],
    blockonomics: [...before.blockonomics, `0 ${ORDER_AMOUNT} ${txId}`],
    transak: [...before.transak, "ORDER_FAILED FAILED"],
  };
}

/** Everybody is there, and only then somebody pays. */
async function payAndConfirm(): Promise<string> {
  await programs.cryptoShop.prints("Joined user room:");
  await programs.tributary.prints("Ack: Subscribed");
  await programs.identiPay.prints("status: 'pending'");
  await programs.allOrders.prints("ORDER_CREATED Decoded:");
  await until(
    "the programs that are told nothing yet",
    async () => (await stage.openConnections("blockonomics")) === 2,
  );
  await until("the Transak clients", async () => (await stage.openConnections("pusher")) === 3);
  await allTold(CREATED);
  const { txId } = await stage.api.pay(order.id);
  for (const status of [0, 1, 2]) {
    if (status > 0) await stage.api.mine(1);
    await until(`status ${status}`, () => told().blockonomics.length > status);
  }
  await allTold(paidBy(txId));
  return txId;
}

describe("all five documents' clients on one payment", () => {
  it("see what their documents promise", async () => {
    const txId = await payAndConfirm();
    await programs.cryptoShop.prints("Your purchase has been confirmed. You can now place new orders.");
    await programs.tributary.prints(
      `Payment of ${ORDER_AMOUNT} for ${order.reference}\nStatus: executed\nTransaction: ${txId}`,
    );
    await programs.identiPay.prints(`Payment settled! Tx: ${txId}`);
    for (const status of [0, 1, 2]) await programs.blockonomics.prints(`status: ${status}`);
    await pages.cryptoShop.page.getByText(`TX: ${txId}`).waitFor();
    await prints(pages.cryptoShop, "notification: Payment Confirmed");
    await pages.tributary.page.getByText("Payments: 1").waitFor();
    await prints(pages.identiPay, `success ${txId}`);
    await prints(pages.blockonomics, "Payment received:", 3);

    await stage.desk.deliver(order);
    await programs.byOrder.prints(`${order.id} ORDER_COMPLETED: {`);
    await programs.allOrders.prints("ORDER_COMPLETED Decoded: {");
    await prints(pages.transak, `${order.reference} ORDER_COMPLETED:`);
    const before = paidBy(txId);
    await allTold({ ...before, transak: [...before.transak, "ORDER_COMPLETED COMPLETED"] });
    expect(programs.allOrders.output).not.toContain("Failed to decode");
    for (const page of Object.values(pages)) expect(page.errors).toEqual([]);
  });

  it("see it taken back by a reorganisation, and paid again", async () => {
    const txId = await payAndConfirm();
    await stage.api.reorg(2);
    const reversed = takenBack(paidBy(txId), txId);
    await allTold(reversed);
    await programs.allOrders.prints("ORDER_FAILED Decoded: {");
    await stage.api.mine(1);
    await until("status 1 again", () => told().blockonomics.length > reversed.blockonomics.length);
    await stage.api.mine(1);
    await allTold({
      cryptoShop: [...reversed.cryptoShop, "completed", `transaction:confirmed ${txId}`],
      // The same transaction again: it was told.
      tributary: reversed.tributary,
      identiPay: [...reversed.identiPay, `settlement settled ${txId}`],
      blockonomics: [...reversed.blockonomics, ...[1, 2].map((status) => `${status} ${ORDER_AMOUNT} ${txId}`)],
      transak: [...reversed.transak, "ORDER_PROCESSING PROCESSING"],
    });
    await programs.cryptoShop.prints("Transaction confirmed!", 2);
    expect(programs.tributary.count("Payment of")).toBe(1);
  });

  it("see it taken back for good by a double spend, and paid by another transaction", async () => {
    const txId = await payAndConfirm();
    await stage.api.reorg(2);
    const reversed = takenBack(paidBy(txId), txId);
    await allTold(reversed);
    await stage.api.call("POST", "/v1/sandbox/double-spend", { txId });
    const lost = { ...reversed, blockonomics: [...reversed.blockonomics, `-1 ${ORDER_AMOUNT} ${txId}`] };
    await allTold(lost);
    await programs.blockonomics.prints("status: -1");

    const { txId: second } = await stage.api.pay(order.id);
    for (const status of [0, 1, 2]) {
      if (status > 0) await stage.api.mine(1);
      await until(`status ${status}`, () => told().blockonomics.length > lost.blockonomics.length + status);
    }
    await allTold({
      cryptoShop: [...lost.cryptoShop, "completed", `transaction:confirmed ${second}`],
      tributary: [...lost.tributary, `payment ${second}`],
      identiPay: [...lost.identiPay, `settlement settled ${second}`],
      blockonomics: [...lost.blockonomics, ...[0, 1, 2].map((status) => `${status} ${ORDER_AMOUNT} ${second}`)],
      transak: [...lost.transak, "ORDER_PROCESSING PROCESSING"],
    });
    await programs.tributary.prints(`Transaction: ${second}`);
  });
});
