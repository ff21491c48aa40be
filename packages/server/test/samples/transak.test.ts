/**
 * The code of the Transak document, with only host, keys and ids changed, against the server that `npm start` runs: in
 * Node (CommonJS, `pusher-js`, `jsonwebtoken`), in a real browser with the real React and `jwt-decode`, and as HTML pages
 * with the script of `pusher-js`. What was changed, what was lost in the document and what it lacks:
 * `transak/patches.json`.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { SANDBOX_ACCESS_TOKEN, SANDBOX_PUBLISHABLE_KEY } from "../../src/http/keys.ts";
import type { PageFile, TestPage } from "../../testkit/chromium.ts";
import { type PlacedOrder, TRANSAK_METADATA } from "../../testkit/clients/order-desk.ts";
import { reactPage } from "../../testkit/react-page.ts";
import { prints, SampleStage } from "../../testkit/sample-stage.ts";
import { type NodeSample, readSample } from "../../testkit/samples.ts";
import { until } from "../../testkit/until.ts";

/** The document's table for buying, as far as an order goes that is paid and delivered. */
const STEPS = [
  ["ORDER_CREATED", "AWAITING_PAYMENT_FROM_USER"],
  ["ORDER_PROCESSING", "PROCESSING"],
  ["ORDER_COMPLETED", "COMPLETED"],
] as const;

const require = createRequire(import.meta.url);
const fileOf = (name: string, path: string): PageFile => ({
  type: "text/javascript",
  body: readFileSync(join(dirname(require.resolve(`${name}/package.json`)), path)),
});

let files: Record<string, PageFile>;
let stage: SampleStage;
let order: PlacedOrder;

beforeAll(async () => {
  stage = await SampleStage.open();
  files = {
    "/pusher.min.js": fileOf("pusher-js", "dist/web/pusher.min.js"),
    "/jwt-decode.js": {
      type: "text/javascript",
      body: readFileSync(join(dirname(require.resolve("jwt-decode")), "..", "esm", "index.js")),
    },
  };
});
beforeEach(async () => {
  order = await stage.desk.take();
});
afterEach(() => stage.clear());
afterAll(() => stage?.close());

function sample(name: string): string {
  return readSample("transak", name, {
    port: String(stage.server.port),
    apiKey: SANDBOX_PUBLISHABLE_KEY,
    accessToken: SANDBOX_ACCESS_TOKEN,
    orderId: order.id,
    partnerOrderId: order.reference,
  });
}

/** All on one payment: paid, confirmed, delivered. `seen` waits for each step, as clients see them in reality too. */
async function complete(seen: (event: string, status: string) => Promise<void>): Promise<string> {
  await seen(...STEPS[0]);
  const { txId } = await stage.api.pay(order.id);
  await seen(...STEPS[1]);
  await stage.api.mine(2);
  await stage.desk.deliver(order);
  await seen(...STEPS[2]);
  return txId;
}

describe("in Node", () => {
  const run = (name: string): NodeSample => stage.run(sample(name), "commonjs");

  it("the order's channel tells its completion", async () => {
    const program = run("node-order");
    await until("its connection", async () => (await stage.openConnections("pusher")) === 1);
    await stage.desk.settle(order);
    await stage.desk.deliver(order);
    await program.prints(`${order.id} ORDER_COMPLETED: {`);
    expect(program.output).toContain("status: 'COMPLETED'");
    expect(program.output).toContain(`partnerOrderId: '${order.reference}'`);
    expect(program.output).not.toContain(TRANSAK_METADATA.transak.walletAddress);
    expect(program.count("ORDER_")).toBe(1);
  });

  it("the partner order's channel tells every event, from the one that was missed on", async () => {
    const program = run("node-partner-order");
    await complete((event) => program.prints(`${order.reference} ${event}:`));
    expect([...program.output.matchAll(/ (ORDER_\w+):/g)].map(([, event]) => event)).toEqual(
      STEPS.map(([event]) => event),
    );
    expect(program.output).not.toContain(TRANSAK_METADATA.transak.ipAddress);
  });

  it("the API key's channel tells all orders, verified with the access token, with every field", async () => {
    const other = await stage.desk.take();
    const program = run("node-all-orders");
    const decoded = (id: string) => occurrences(program.output, `Decoded: {`, `id: '${id}'`);
    await complete(async (event) => {
      await until(
        () => `${event} of ${order.id}; the program printed: ${program.output}`,
        () => decoded(order.id).some((text) => text.includes(event)),
      );
    });
    await until("the other order", () => decoded(other.id).length > 0);
    const last = decoded(order.id).at(-1);
    expect(last).toContain("status: 'COMPLETED'");
    expect(last).toContain(TRANSAK_METADATA.transak.walletAddress);
    expect(last).toContain(TRANSAK_METADATA.transak.ipAddress);
    expect(program.output).not.toContain("Failed to decode");
  });

  it("with another access token nothing verifies", async () => {
    const program = stage.run(sample("node-all-orders").replace(SANDBOX_ACCESS_TOKEN, "at_sandbox_wrong"), "commonjs");
    await program.prints("Failed to decode JWT: JsonWebTokenError: invalid signature");
    expect(program.output).not.toContain("Decoded:");
  });
});

/** The parts of a text that begin with `start` and hold `within`. */
function occurrences(text: string, start: string, within: string): string[] {
  // What stands before the start names the event.
  return text
    .split(new RegExp(`(?=\\S+ ORDER_\\w+ ${start})`))
    .filter((part) => part.includes(start) && part.includes(within));
}

/** The samples print objects, which a browser's console shows shortened. */
const PRINT_WHOLE = `
  const log = console.log.bind(console);
  console.log = (...given) => log(...given.map((it) => (typeof it === "object" ? JSON.stringify(it) : it)));
`;

/** How the samples for browsers begin their lines. */
const KINDS = [
  { kind: "order", events: ["ORDER_COMPLETED"], begins: () => `${order.id} `, isWhole: false },
  {
    kind: "partner-order",
    events: STEPS.map(([event]) => event),
    begins: () => `${order.reference} `,
    isWhole: false,
  },
  { kind: "all-orders", events: STEPS.map(([event]) => event), begins: () => "[allOrders] ", isWhole: true },
] as const;

describe.each([
  [
    "React",
    async (name: string) => stage.show(await reactPage({ code: sample(`react-${name}`), around: PRINT_WHOLE })),
  ],
  ["HTML", (name: string) => stage.show(sample(`html-${name}`), { files })],
])("%s", (_way, open: (name: string) => Promise<TestPage>) => {
  it.each(KINDS)("the page of $kind", async ({ kind, events, begins, isWhole }) => {
    const page = await open(kind);
    const own = () => page.printed.filter((line) => line.startsWith(begins()) && line.includes(order.id));
    await page.until(({ received }) => received.some((text) => text.includes("subscription_succeeded")));
    const txId = await complete(async (event) => {
      const isTold = (events as readonly string[]).includes(event);
      if (isTold) await page.until(() => own().some((line) => line.includes(event)));
    });

    expect(own().map((line) => /ORDER_\w+/.exec(line)?.[0])).toEqual(events);
    const told = JSON.parse((own().at(-1) ?? "").replace(/^.*?: ?(?=\{)/, ""));
    expect(told).toMatchObject({
      id: order.id,
      status: "COMPLETED",
      isBuyOrSell: "BUY",
      fiatAmount: 30,
      amountPaid: 30,
      cryptoAmount: 3,
      partnerOrderId: order.reference,
      statusHistories: STEPS.map(([, status]) => ({ status })),
    });
    const personal = isWhole ? { ...TRANSAK_METADATA.transak, transactionHash: txId } : {};
    expect(told).toMatchObject(personal);
    if (!isWhole)
      for (const name of ["walletAddress", "ipAddress", "transactionHash"]) expect(told).not.toHaveProperty(name);
    expect(page.errors).toEqual([]);
  });
});

it("the React component disconnects when it goes", async () => {
  const page = await stage.show(await reactPage({ code: sample("react-partner-order"), around: PRINT_WHOLE }));
  await prints(page, "ORDER_CREATED");
  expect(await stage.openConnections("pusher")).toBe(1);
  await page.page.evaluate("leave()");
  await until("the end of its connection", async () => (await stage.openConnections("pusher")) === 0);
  expect(page.errors).toEqual([]);
});
