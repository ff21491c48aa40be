/**
 * The code of the Crypto Shop document, with only host and user changed, against the server that `npm start` runs: in
 * Node, and in a real browser with the real React and Vue. What was changed, what was lost in the document and what it
 * lacks: `crypto-shop/patches.json`.
 */
import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { TestPage } from "../../testkit/chromium.ts";
import { reactPage } from "../../testkit/react-page.ts";
import { prints, SampleStage } from "../../testkit/sample-stage.ts";
import { readSample } from "../../testkit/samples.ts";
import { SHOP_FILES, WATCH_BROWSER } from "../../testkit/shop-page.ts";
import { until } from "../../testkit/until.ts";
import { vuePage } from "../../testkit/vue-page.ts";

const CONFIRMED = "Your purchase has been confirmed. You can now place new orders.";
/** The sample waits up to 5 seconds before it tries again. */
const PATIENT = 120_000;

let stage: SampleStage;
let userId: string;

beforeAll(async () => {
  stage = await SampleStage.open();
});
beforeEach(() => {
  userId = randomUUID();
});
afterEach(() => stage.clear());
afterAll(() => stage?.close());

const sample = (name: string) => readSample("crypto-shop", name, { url: stage.server.url, userId });

describe("in Node", () => {
  it("the basic sample joins its room and is told of the purchase, once it is final, as the document shows", async () => {
    const order = await stage.desk.take({ customer: userId });
    const program = stage.run(sample("basic"));
    await program.prints(`Joined user room: ${userId}`);
    await stage.api.pay(order.id);
    await stage.api.mine(1);
    expect((await stage.api.payment(order.id)).status).toBe("confirming");
    expect(program.output).not.toContain("Transaction confirmed!");
    await stage.api.mine(1);
    await program.prints(CONFIRMED);
    const { transfers } = await stage.api.payment(order.id);

    expect(program.output).toContain("Connected to server: ");
    expect(program.output).toMatch(
      new RegExp(
        `Transaction confirmed! \\{\\s*orderId: '${order.id}',\\s*txHash: '${transfers[0]?.txId}',\\s*message: '${CONFIRMED}',\\s*timestamp: '\\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z'\\s*\\}`,
      ),
    );
    expect(program.count("Transaction confirmed!")).toBe(1);
    expect(await stage.desk.product(order.productId)).toMatchObject({ stock: 8, reserved: 0 });
  });

  it("two clients of one user are both told, and one of another user is not", async () => {
    const order = await stage.desk.take({ customer: userId });
    const [first, second] = [stage.run(sample("basic")), stage.run(sample("basic"))];
    const stranger = stage.run(readSample("crypto-shop", "basic", { url: stage.server.url, userId: "another" }));
    for (const program of [first, second, stranger]) await program.prints("Joined user room:");
    await stage.desk.settle(order);
    for (const program of [first, second]) await program.prints(order.id);
    const own = await stage.desk.take({ customer: "another" });
    await stage.desk.settle(own);
    await stranger.prints(own.id);

    expect(stranger.output).not.toContain(order.id);
    expect(first.output).not.toContain(own.id);
  });

  // The sample itself neither joins at first nor listens; its second join waits for an event that never comes.
  const joinsAndListens = () => `
    socket.emit('join-user', '${userId}');
    socket.on('transaction:confirmed', (data) => console.log('confirmed', data.orderId));
  `;

  it(
    "the sample with error handling comes back after a crash of the server, and has its room and what it missed",
    async () => {
      const gate = await stage.gate();
      const order = await stage.desk.take({ customer: userId });
      const code = readSample("crypto-shop", "connection-errors", { url: gate.url, userId });
      const program = stage.run(code + joinsAndListens());
      await program.prints("Connected successfully");
      await stage.api.pay(order.id);
      gate.shut();
      await stage.server.kill9();
      await program.prints("Disconnected: transport");
      await program.prints("Connection error:");
      gate.hold();
      await stage.server.restart();
      gate.open();
      await stage.api.mine(2);
      await program.prints("Connected successfully", 2);
      await program.prints(`confirmed ${order.id}`);

      expect(program.output).not.toContain("Reconnected after");
      const next = await stage.desk.take({ customer: userId });
      await stage.desk.settle(next);
      await program.prints(`confirmed ${next.id}`);
      expect(program.count(`confirmed ${order.id}`)).toBe(1);
    },
    PATIENT,
  );
});

const show = (html: string, permissions: string[] = []): Promise<TestPage> =>
  stage.show(html, { files: SHOP_FILES, permissions });

describe("in a browser", () => {
  it("the React component lists the order, shows a notification and plays the sound", async () => {
    const order = await stage.desk.take({ customer: userId });
    const page = await show(await reactPage({ code: sample("react"), around: WATCH_BROWSER }), ["notifications"]);
    await prints(page, "Socket connected");
    // Browsers play nothing to somebody who never touched the page.
    await page.page.getByText("Notifications").click();
    const txId = await stage.desk.settle(order);
    await page.page.getByText(`Order ${order.id} confirmed!`).waitFor();
    await page.page.getByText(`TX: ${txId}`).waitFor();
    await prints(page, `notification: Payment Confirmed: ${CONFIRMED}`);
    await prints(page, "playing /notification.mp3");
    expect(page.errors).toEqual([]);

    await page.page.evaluate("leave()");
    await prints(page, "Socket disconnected");
  });

  it("the React component that opens after the payment lists the order too", async () => {
    const order = await stage.desk.take({ customer: userId });
    await stage.desk.settle(order);
    const page = await show(await reactPage({ code: sample("react"), around: WATCH_BROWSER }));
    await page.page.getByText(`Order ${order.id} confirmed!`).waitFor();
  });

  it("the Vue component lists the order", async () => {
    const order = await stage.desk.take({ customer: userId });
    const page = await show(await vuePage(sample("vue")));
    await page.page.getByText("Notifications").waitFor();
    const txId = await stage.desk.settle(order);
    await page.page.getByText(`Order ${order.id} confirmed!`).waitFor();
    await page.page.getByText(`TX: ${txId}`).waitFor();
    expect(page.errors).toEqual([]);

    expect(await stage.openConnections("crypto-shop")).toBe(1);
    await page.page.evaluate("leave()");
    await until("the end of its connection", async () => (await stage.openConnections("crypto-shop")) === 0);
  });

  it("browser notifications are asked for, shown, and lead to the order", async () => {
    const order = await stage.desk.take({ customer: userId });
    const code = `
      import { io } from 'socket.io-client';
      ${sample("browser-notifications")}
      setupNotifications('${userId}').then((socket) => socket.on('connect', () => console.log('connected')));
    `;
    const page = await show(await reactPage({ code: `${code}\nexport default () => null;`, around: WATCH_BROWSER }), [
      "notifications",
    ]);
    await prints(page, "connected");
    await stage.desk.settle(order);
    await prints(page, `notification: Payment Confirmed: Order ${order.id} has been confirmed!`);
    expect(page.errors).toEqual([]);
    await page.page.evaluate("lastNotification.onclick()");
    await page.page.waitForURL(`**/orders/${order.id}`);
  });

  it("without permission the notifications sample still hears of it", async () => {
    const order = await stage.desk.take({ customer: userId });
    const code = `
      import { io } from 'socket.io-client';
      ${sample("browser-notifications")}
      setupNotifications('${userId}');
      export default () => null;
    `;
    const page = await show(await reactPage({ code, around: WATCH_BROWSER }));
    await stage.desk.settle(order);
    await prints(page, "Transaction confirmed:");
    expect(page.printed.filter((line) => line.startsWith("notification"))).toEqual([]);
  });
});
