/**
 * The code of the identiPay document, with only host and ids changed, against the server that `npm start` runs: in a
 * real browser (React included), in Node with the `ws` package, and with curl. What was changed, and why:
 * `identipay/patches.json`. What a sample expects the shop to have around it (`showSuccessMessage`, …) is written here.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { launchChromium, openPage, pageWithScript, type TestPage } from "../../testkit/chromium.ts";
import { IdentipayShop } from "../../testkit/clients/identipay-shop.ts";
import { reactPage } from "../../testkit/react-page.ts";
import { NodeSample, readSample } from "../../testkit/samples.ts";
import { ServerProcess } from "../../testkit/server-process.ts";
import { until } from "../../testkit/until.ts";

const SECRET_KEY = "sk_sandbox_paybell";
/** The samples wait up to 8 seconds before they try again. */
const PATIENT = 60_000;
const run = promisify(execFile);

let server: ServerProcess;
let shop: IdentipayShop;
let browser: Browser;
const toClose: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  server = await ServerProcess.start();
  shop = new IdentipayShop(server.url, SECRET_KEY);
  browser = await launchChromium();
});
afterEach(async () => {
  for (const closable of toClose.splice(0)) await closable.close();
});
afterAll(async () => {
  await browser?.close();
  await server?.dispose();
});

/** The shop's page has it from its backend, as in the document's overview. */
async function newProposal(): Promise<{ transactionId: string; uri: string }> {
  const { status, json } = await shop.propose();
  expect(status).toBe(201);
  return json;
}

function sample(name: string, transactionId = ""): string {
  return readSample("identipay", name, { wsUrl: server.wsUrl, url: server.url, host: server.host, transactionId });
}

async function show(html: string): Promise<TestPage> {
  const page = await openPage(browser, html);
  toClose.push(page);
  return page;
}

const showScript = (...parts: string[]) => show(pageWithScript(parts.join("\n")));

/** What the samples call and the shop has; each prints its name and what it was given. */
const SHOP_FUNCTIONS = ["showSuccessMessage", "showErrorMessage", "showPollingFallback", "reconnect", "handleMessage"]
  .map((name) => `function ${name}(...given) { console.log("${name}", ...given.map((it) => JSON.stringify(it))); }`)
  .join("\n");

const types = (page: TestPage): string[] => page.received.map((text) => JSON.parse(text).type);
const sees = (page: TestPage, text: string, timeoutMs?: number) =>
  page.until(({ printed }) => printed.some((line) => line.includes(text)), timeoutMs);

/** The document's own curl. */
async function settleByCurl(transactionId: string): Promise<{ status: string; suiTxDigest: string }> {
  const { stdout } = await run("sh", ["-c", sample("settle-curl", transactionId)]);
  return JSON.parse(stdout);
}

describe("in a browser", () => {
  it("the first sample connects, shows the status, and the success when curl settles it", async () => {
    const { transactionId } = await newProposal();
    const page = await showScript(SHOP_FUNCTIONS, sample("browser", transactionId));
    await page.until(() => types(page).length === 1);
    const { status, suiTxDigest } = await settleByCurl(transactionId);
    await sees(page, "showSuccessMessage");

    expect(status).toBe("settled");
    expect(page.received.map((text) => JSON.parse(text))).toEqual([
      { type: "status", transactionId, status: "pending", suiTxDigest: null },
      { type: "settlement", transactionId, status: "settled", suiTxDigest },
    ]);
    expect(page.printed[0]).toBe("Connected to payment status updates");
    expect(page.printed).toContain(`showSuccessMessage ${JSON.stringify(suiTxDigest)}`);
    await page.page.evaluate("cleanup()");
    await sees(page, "WebSocket connection closed");
    expect(page.errors).toEqual([]);
  });

  it("the React page goes from paying over confirming to success", async () => {
    const proposal = await newProposal();
    const around = `
      globalThis.shopProposal = ${JSON.stringify(proposal)};
      globalThis.PaymentQRCode = ({ proposal }) => <img alt="pay" src={proposal.qrDataUrl} />;
      globalThis.ConfirmingAnimation = () => <p>confirming</p>;
      globalThis.SuccessMessage = ({ txHash }) => <p>paid by {txHash}</p>;
    `;
    const env = { NEXT_PUBLIC_BACKEND_URL: server.url };
    const page = await show(await reactPage({ code: sample("react"), around, env }));
    await page.page.getByAltText("pay").waitFor();
    expect(
      await page.page
        .getByAltText("pay")
        .evaluate((image) => (image as unknown as { naturalWidth: number }).naturalWidth),
    ).toBe(300);
    await page.until(() => types(page).length === 1);
    const { suiTxDigest } = await settleByCurl(proposal.transactionId);
    await page.page.getByText("confirming").waitFor();
    await page.page.getByText(`paid by ${suiTxDigest}`).waitFor();

    expect(types(page)).toEqual(["status", "settlement"]);
    expect(page.errors).toEqual([]);
  });

  it("the React page that opens after the payment shows success too", async () => {
    const proposal = await newProposal();
    const { suiTxDigest } = await settleByCurl(proposal.transactionId);
    const around = `
      globalThis.shopProposal = ${JSON.stringify(proposal)};
      globalThis.PaymentQRCode = globalThis.ConfirmingAnimation = () => null;
      globalThis.SuccessMessage = ({ txHash }) => <p>paid by {txHash}</p>;
    `;
    const env = { NEXT_PUBLIC_BACKEND_URL: server.url };
    const page = await show(await reactPage({ code: sample("react"), around, env }));
    await page.page.getByText(`paid by ${suiTxDigest}`).waitFor();
  });

  it("the developer tools' snippet shows the status at once", async () => {
    const { transactionId } = await newProposal();
    const page = await showScript(sample("developer-tools", transactionId));
    await sees(page, "Received:");
    expect(types(page)).toEqual(["status"]);
  });

  it("server-sent events give the same messages", async () => {
    const { transactionId } = await newProposal();
    const page = await showScript(`const transactionId = "${transactionId}";`, sample("server-sent-events"));
    await sees(page, "status: pending");
    const { suiTxDigest } = await settleByCurl(transactionId);
    await sees(page, "type: settlement");
    expect(page.printed).toEqual([
      `Received: {type: status, transactionId: ${transactionId}, status: pending, suiTxDigest: null}`,
      `Received: {type: settlement, transactionId: ${transactionId}, status: settled, suiTxDigest: ${suiTxDigest}}`,
    ]);
  });

  it("server-sent events of nothing say so, and end", async () => {
    const unknown = "f47ac10b-58cc-4372-a567-0e02b2c3d479";
    const page = await showScript(`const transactionId = "${unknown}";`, sample("server-sent-events"));
    await sees(page, "SSE connection error");
    expect(page.printed[0]).toBe("Received: {type: error, message: Transaction not found}");
  });

  it("the monitor's pings are accepted without an answer", async () => {
    const { transactionId } = await newProposal();
    const socket = `const ws = new WebSocket("${server.wsUrl}/ws/transactions/${transactionId}");`;
    const spy = "const send = ws.send.bind(ws); ws.send = (text) => { console.log('sent', text); send(text); };";
    const page = await showScript(socket, spy, sample("monitoring"));
    await page.until(() => types(page).length === 1);
    await page.page.clock.install();
    await page.page.evaluate(`monitorConnection("${transactionId}", ws)`);
    await page.page.clock.runFor(95_000);
    await settleByCurl(transactionId);
    await page.until(() => types(page).length === 2);
    expect(page.printed).toEqual(['sent {"type":"ping"}', 'sent {"type":"ping"}', 'sent {"type":"ping"}']);
    expect(types(page)).toEqual(["status", "settlement"]);
  });
});

describe("in a browser, through trouble", () => {
  afterEach(async () => {
    if (server.pid === undefined) await server.restart();
  });

  it(
    "the retries of the reconnection strategy find a server that was down, and what was paid meanwhile",
    async () => {
      const { transactionId } = await newProposal();
      await settleByCurl(transactionId);
      await server.kill9();
      const start = `const socket = connectWithRetry("${transactionId}");`;
      const page = await showScript(SHOP_FUNCTIONS, sample("reconnection"), sample("polling"), start);
      await sees(page, "Retrying in 2000 ms...");
      await server.restart();
      await sees(page, '"status":"settled"', PATIENT);
      expect(page.printed.filter((line) => line.startsWith("handleMessage"))).toHaveLength(1);
      expect(page.printed.join()).not.toContain("falling back");
    },
    PATIENT,
  );

  it(
    "polling takes over where there is no WebSocket, and ends at success",
    async () => {
      const { transactionId } = await newProposal();
      await server.kill9();
      const key = `const apiKey = "${SECRET_KEY}";`;
      const start = `connectWithRetry("${transactionId}", 0);`;
      const page = await showScript(SHOP_FUNCTIONS, key, sample("reconnection"), sample("polling"), start);
      await sees(page, "Max retries reached, falling back to polling");
      await server.restart();
      const { suiTxDigest } = await settleByCurl(transactionId);
      await sees(page, `showSuccessMessage ${JSON.stringify(suiTxDigest)}`, PATIENT);
      expect(page.received).toEqual([]);
    },
    PATIENT,
  );

  it("polling ends at a cancellation too", async () => {
    const { transactionId } = await newProposal();
    await shop.call("POST", `/v1/payments/${transactionId}/cancel`);
    const page = await showScript(
      SHOP_FUNCTIONS,
      `const apiKey = "${SECRET_KEY}"; const transactionId = "${transactionId}";`,
      sample("polling"),
      "startPolling(transactionId);",
    );
    await sees(page, 'showErrorMessage "cancelled"');
  });

  it.each([
    ["a crash", () => server.kill9()],
    ["a restart", () => server.stop()],
  ] as const)(
    "the error handlers see %s as unclean and reconnect",
    async (_what, end) => {
      const { transactionId } = await newProposal();
      const wsUrl = `const wsUrl = "${server.wsUrl}/ws/transactions/${transactionId}";`;
      const page = await showScript(SHOP_FUNCTIONS, wsUrl, sample("connection-errors"));
      await page.until(() => types(page).length === 1);
      await end();
      await sees(page, "Connection closed unexpectedly");
      await sees(page, "reconnect", PATIENT);
      await server.restart();
    },
    PATIENT,
  );
});

it("in Node with ws, the sample prints the status, then the settlement, and ends", async () => {
  const { transactionId } = await newProposal();
  const program = new NodeSample(sample("node", transactionId), "commonjs");
  toClose.push(program);
  await until(
    () => `the status; the program printed: ${program.output}`,
    () => program.output.includes("status: 'pending'"),
  );
  const { suiTxDigest } = await settleByCurl(transactionId);
  await until(
    () => `the settlement; the program printed: ${program.output}`,
    () => program.output.includes(`Payment settled! Tx: ${suiTxDigest}`),
  );
  expect(program.output.split("\n")[0]).toBe("Connected");
});

it("the document's curl settles at once, and again without a change", async () => {
  const { transactionId } = await newProposal();
  const first = await settleByCurl(transactionId);
  expect(first).toEqual({ transactionId, status: "settled", suiTxDigest: expect.any(String) });
  expect(await settleByCurl(transactionId)).toEqual(first);
});
