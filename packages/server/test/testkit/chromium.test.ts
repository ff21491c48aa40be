/** The browser harness shows what a page printed, received and failed with. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { WebSocketServer } from "ws";
import { launchChromium, openPage, pageWithScript } from "../../testkit/chromium.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await launchChromium();
});
afterAll(() => browser.close());

it("reads what a page prints and what its WebSocket receives, in order", async () => {
  const sockets = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  await once(sockets, "listening");
  sockets.on("connection", (socket) => ["one", "two", "three"].map((text) => socket.send(text)));
  const { port } = sockets.address() as AddressInfo;
  const page = await openPage(
    browser,
    pageWithScript(`new WebSocket("ws://127.0.0.1:${port}/").onmessage = (event) => console.log("got", event.data);`),
  );
  await page.until(({ printed }) => printed.length === 3);
  expect(page.printed).toEqual(["got one", "got two", "got three"]);
  expect(page.received).toEqual(["one", "two", "three"]);
  expect(page.errors).toEqual([]);
  await page.close();
  sockets.close();
});

it("says what it saw when a page never gets there", async () => {
  const page = await openPage(browser, pageWithScript('console.log("so far"); throw new Error("broken page");'));
  await expect(page.until(() => false, 200)).rejects.toThrow(/so far[\s\S]*broken page/);
  await page.close();
});
