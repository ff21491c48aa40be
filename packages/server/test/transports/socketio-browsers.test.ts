/** The browser builds of the official clients in real Chromium, from a page of another origin, with credentials. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventPacket } from "../../src/transports/socketio/event-packet.ts";
import { SOCKET_IO_BUILDS } from "../../testkit/browser-builds.ts";
import { launchChromium, openPage, pageWithScript } from "../../testkit/chromium.ts";
import { SOCKET_IO_VERSIONS, SOCKET_IO_WAYS } from "../../testkit/clients/socketio.ts";
import { selfSigned } from "../../testkit/self-signed.ts";
import { SocketIoEcho } from "../../testkit/socketio-echo.ts";
import { TransportServer } from "../../testkit/transport-server.ts";
import { until } from "../../testkit/until.ts";

const COMBINATIONS = Object.keys(SOCKET_IO_VERSIONS).flatMap((version) =>
  Object.entries(SOCKET_IO_WAYS).map(([way, transports]) => ({ version, way, transports })),
);

let browser: Browser;

beforeAll(async () => {
  browser = await launchChromium();
});
afterAll(() => browser.close());

describe.each([
  ["http and ws", {}],
  ["https and wss", { tls: selfSigned() }],
])("over %s", (_scheme, serverOptions: { tls?: { cert: string; key: string } }) => {
  it.each(COMBINATIONS)("socket.io-client $version, $way", async ({ version, transports }) => {
    const echo = new SocketIoEcho();
    const server = await new TransportServer({ socketIoRoutes: [echo], ...serverOptions }).listen();
    const url = `${serverOptions.tls ? "https" : "http"}://127.0.0.1:${server.port}`;
    const script = `
      const socket = io("${url}", { withCredentials: true, transports: ${JSON.stringify(transports)} });
      let connects = 0;
      socket.on("connect", () => {
        connects += 1;
        socket.emit("hello", { connects, text: "Grüße ✓" });
      });
      socket.on("hello", (hello) => console.log("hello " + JSON.stringify(hello)));
      socket.on("news", (news) => console.log("news " + news + " by " + socket.io.engine.transport.name));
    `;
    const page = await openPage(browser, pageWithScript(`${SOCKET_IO_BUILDS[version]?.()}\n${script}`), {
      ignoreHTTPSErrors: true,
    });
    try {
      await page.until(({ printed }) => printed.includes('hello {"connects":1,"text":"Grüße ✓"}'));
      // Again and again, until the upgrade is through.
      const wanted = `news now by ${transports.at(-1)}`;
      await until("an event by the last transport", () => {
        echo.last.send(eventPacket("news", ["now"]));
        return page.printed.includes(wanted);
      });
      echo.last.end("shutting_down");
      await page.until(({ printed }) => printed.includes('hello {"connects":2,"text":"Grüße ✓"}'));
      expect(page.errors).toEqual([]);
    } finally {
      await page.close();
      await server.close();
    }
    expect(server.errors).toEqual([]);
  });
});
