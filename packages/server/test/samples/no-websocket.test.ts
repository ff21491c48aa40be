/**
 * A network that lets no WebSocket through: Transak's clients follow a payment by the HTTP fallback of `pusher-js`, Crypto
 * Shop's by long-polling. The browser, the libraries and what blocks are real: a proxy that refuses every upgrade.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { SANDBOX_PUBLISHABLE_KEY } from "../../src/http/keys.ts";
import { PUSHER_BUILDS } from "../../testkit/browser-builds.ts";
import { bundlePage } from "../../testkit/bundle-page.ts";
import { pageWithScript, type TestPage } from "../../testkit/chromium.ts";
import type { PlacedOrder } from "../../testkit/clients/order-desk.ts";
import { NoUpgrades } from "../../testkit/no-upgrades.ts";
import { prints, SampleStage } from "../../testkit/sample-stage.ts";
import { readSample } from "../../testkit/samples.ts";
import { until } from "../../testkit/until.ts";

/** `pusher-js` gives a WebSocket several seconds, and a second chance. */
const PATIENT_MS = 60_000;

let stage: SampleStage;
let proxy: NoUpgrades;
let order: PlacedOrder;

beforeAll(async () => {
  stage = await SampleStage.open();
});
beforeEach(async () => {
  proxy = await NoUpgrades.before(stage.server.port);
  order = await stage.desk.take();
});
afterEach(async () => {
  await stage.clear();
  await proxy.close();
});
afterAll(() => stage?.close());

/** The document's page, except that it may use whatever transport works. */
function page(version: string, transports: readonly string[] | null): Promise<TestPage> {
  const options = {
    cluster: "ap2",
    wsHost: "127.0.0.1",
    wsPort: proxy.port,
    wssPort: proxy.port,
    httpHost: "127.0.0.1",
    httpPort: proxy.port,
    httpsPort: proxy.port,
    forceTLS: false,
    enableStats: false,
    ...(transports === null ? {} : { enabledTransports: transports }),
  };
  const script = `
    const pusher = new Pusher("1d9ffac87de599c61283", ${JSON.stringify(options)});
    pusher.connection.bind("connected", () => console.log("by " + pusher.connection.connection.transport.name));
    pusher.subscribe("${SANDBOX_PUBLISHABLE_KEY}_${order.reference}").bind_global((event, order) => {
      if (event !== "pusher:subscription_succeeded") console.log("told " + event + " " + order.status);
    });
  `;
  return stage.show(pageWithScript(`${PUSHER_BUILDS[version]?.()}\n${script}`));
}

const told = ({ printed }: TestPage) => printed.filter((line) => line.startsWith("told "));

/** From its creation to its delivery, each step waited for: nothing may come by another way later. */
async function walk(shown: TestPage): Promise<void> {
  await prints(shown, "told ORDER_CREATED AWAITING_PAYMENT_FROM_USER", 1, PATIENT_MS);
  await stage.api.pay(order.id);
  await prints(shown, "told ORDER_PROCESSING PROCESSING");
  await stage.api.mine(2);
  await stage.desk.deliver(order);
  await prints(shown, "told ORDER_COMPLETED COMPLETED");
  expect(told(shown)).toHaveLength(3);
  expect(shown.received).toEqual([]);
}

describe("Transak's channel", () => {
  it.each(Object.keys(PUSHER_BUILDS))(
    "pusher-js %s finds the streaming fallback by itself",
    async (version) => {
      const shown = await page(version, null);
      await walk(shown);
      expect(proxy.refused).toBeGreaterThan(0);
      expect(shown.printed).toContain("by xhr_streaming");
      expect(proxy.paths.some((path) => path.endsWith("/xhr_streaming"))).toBe(true);
    },
    2 * PATIENT_MS,
  );

  it("pusher-js told to poll polls", async () => {
    const shown = await page("newest", ["xhr_polling"]);
    await walk(shown);
    expect(shown.printed).toContain("by xhr_polling");
    expect(proxy.paths.filter((path) => path.endsWith("/xhr")).length).toBeGreaterThan(1);
  });
});

it("Crypto Shop's sample for notifications, which polls first, is told of its purchase by polling", async () => {
  const sample = readSample("crypto-shop", "browser-notifications", { url: `http://127.0.0.1:${proxy.port}` });
  const code = `
    import { io } from "socket.io-client";
    ${sample}
    setupNotifications("${order.customer}").then((socket) => socket.on("connect", () => console.log("connected")));
  `;
  const shown = await stage.show(await bundlePage({ modules: { "\0sample.js": code }, entry: "\0sample.js" }));
  await prints(shown, "connected");
  const txId = await stage.desk.settle(order);
  await prints(shown, `txHash: ${txId}`);
  await until("its attempt to upgrade", () => proxy.refused > 0);
  expect(shown.received).toEqual([]);
});
