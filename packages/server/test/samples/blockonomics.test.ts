/**
 * The code of the Blockonomics document, with only host and address changed, against the server that `npm start` runs:
 * in a real browser, and in Node with the `ws` package. What was changed, and why: `blockonomics/patches.json`.
 */
import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { launchChromium, openPage, pageWithScript, type TestPage } from "../../testkit/chromium.ts";
import { Api } from "../../testkit/clients/api.ts";
import { NodeSample, readSample } from "../../testkit/samples.ts";
import { ServerProcess } from "../../testkit/server-process.ts";
import { until } from "../../testkit/until.ts";

/** The production example waits 5 seconds before it connects again. */
const RECONNECT_TIMEOUT_MS = 40_000;

let server: ServerProcess;
let api: Api;
let browser: Browser;
const toClose: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  server = await ServerProcess.start();
  api = new Api(server.url);
  browser = await launchChromium();
});
afterEach(async () => {
  for (const closable of toClose.splice(0)) await closable.close();
});
afterAll(async () => {
  await browser?.close();
  await server?.dispose();
});

async function newPayment(amount = "1000000"): Promise<{ id: string; address: string }> {
  const { id, address } = await api.createPayment({ amount });
  if (address === null) throw new Error("The sandbox allocated no address.");
  return { id, address };
}

function sample(name: string, address: string): string {
  return readSample("blockonomics", name, { wsUrl: server.wsUrl, address });
}

async function show(script: string): Promise<TestPage> {
  const page = await openPage(browser, pageWithScript(script));
  toClose.push(page);
  return page;
}

/** Mempool, one block, two blocks; each step is waited for, as a client sees them one by one in reality too. */
async function payAndConfirm(paymentId: string, seen: (status: number) => Promise<unknown>): Promise<string> {
  const { txId } = await api.pay(paymentId);
  await seen(0);
  await api.mine(1);
  await seen(1);
  await api.mine(1);
  await seen(2);
  return txId;
}

interface Message {
  status: number;
  timestamp: number;
  value: number;
  txid: string;
}

const messages = (page: TestPage): Message[] => page.received.map((text) => JSON.parse(text));
const statuses = (page: TestPage): number[] => messages(page).map(({ status }) => status);
const seenBy = (page: TestPage) => (status: number) => page.until((shown) => statuses(shown).includes(status));

/** Until the page's socket is open: a payment made earlier would be told as a snapshot, without status 0. */
async function connected(page: TestPage): Promise<void> {
  await page.page.waitForFunction("typeof ws === 'object' && ws.readyState === WebSocket.OPEN");
}

describe("in a browser", () => {
  it("basic usage receives one message for each of the statuses 0, 1 and 2, in the document's format", async () => {
    const payment = await newPayment("2500000");
    const page = await show(sample("basic-usage", payment.address));
    await connected(page);
    const txid = await payAndConfirm(payment.id, seenBy(page));

    const timestamp = expect.any(Number);
    expect(messages(page)).toEqual([0, 1, 2].map((status) => ({ status, timestamp, value: 2_500_000, txid })));
    expect(page.printed).toHaveLength(3);
    for (const line of page.printed) expect(line).toMatch(/^Payment received: /);
    expect(page.errors).toEqual([]);
  });

  it("the handler of the document says detected, then confirmed", async () => {
    const payment = await newPayment();
    const script = `${sample("basic-usage", payment.address)}\n${sample("handling-payments", payment.address)}`;
    const page = await show(script);
    await connected(page);
    await payAndConfirm(payment.id, seenBy(page));

    expect(page.printed).toEqual(["Payment detected, waiting for confirmation...", "Payment confirmed!"]);
  });

  it("the production example confirms once, with the amount in coins", async () => {
    const payment = await newPayment("25000000");
    const page = await show(sample("production-example", payment.address));
    await connected(page);
    await payAndConfirm(payment.id, seenBy(page));

    expect(statuses(page)).toEqual([0, 1, 2]);
    expect(page.printed).toEqual(["Confirmed: 0.25 BTC"]);
    expect(page.errors).toEqual([]);
  });

  it("a page that opens late is told the current status at once", async () => {
    const payment = await newPayment();
    const { txId: txid } = await api.pay(payment.id);
    await api.mine(1);
    await until("one confirmation", async () => (await api.payment(payment.id)).confirmations === 1);
    const page = await show(sample("basic-usage", payment.address));
    await seenBy(page)(1);

    expect(messages(page)).toEqual([{ status: 1, timestamp: expect.any(Number), value: 1_000_000, txid }]);
  });

  it("the production example reconnects after a crash of the server and is told what it missed", async () => {
    const payment = await newPayment();
    const page = await show(sample("production-example", payment.address));
    await connected(page);
    await api.pay(payment.id);
    await seenBy(page)(0);

    await server.kill9();
    await page.until(({ printed }) => printed.includes("Reconnecting in 5 seconds..."));
    await server.restart();
    await api.mine(2);
    await page.until((shown) => statuses(shown).includes(2), RECONNECT_TIMEOUT_MS);

    expect(statuses(page)).toEqual(statuses(page).toSorted());
    expect(page.printed).toContain("Confirmed: 0.01 BTC");
  }, 120_000);
});

it("in Node with ws, basic usage receives the statuses 0, 1 and 2", async () => {
  const payment = await newPayment();
  const program = new NodeSample(sample("basic-usage-node", payment.address));
  toClose.push(program);
  const shown = () => [...program.output.matchAll(/Payment received: \{\s*status: (\d)/g)].map(([, digit]) => digit);
  const { txId } = await api.pay(payment.id);
  await until(
    () => `a message; the program printed: ${program.output}`,
    () => shown().length > 0,
  );
  await api.mine(1);
  await until("status 1", () => shown().includes("1"));
  await api.mine(1);
  await until("status 2", () => shown().includes("2"));

  expect(shown()).toEqual(["0", "1", "2"]);
  expect(program.output).toContain(txId);
});
