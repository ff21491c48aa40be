/**
 * The browser builds of pusher-js in real Chromium, from a page of another origin: over WebSocket, and where WebSocket is
 * blocked by its HTTP fallback, streaming, polling, and whatever its own strategy chooses.
 */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PUSHER_BUILDS } from "../../testkit/browser-builds.ts";
import { launchChromium, openPage, pageWithScript, type TestPage } from "../../testkit/chromium.ts";
import { pusherBackend } from "../../testkit/clients/pusher-js.ts";
import { PusherServer } from "../../testkit/pusher-server.ts";
import { selfSigned } from "../../testkit/self-signed.ts";
import { until } from "../../testkit/until.ts";

interface Way {
  name: string;
  /** Left out: the library's own strategy. */
  transports?: readonly string[];
  /** What is between the page and the server lets no WebSocket through. */
  blocked: "not" | "absent" | "failing";
  /** What carries the connection at last. */
  carriedBy: string;
}

const WAYS: readonly Way[] = [
  { name: "over WebSocket", transports: ["ws", "wss"], blocked: "not", carriedBy: "ws" },
  { name: "streaming", transports: ["xhr_streaming"], blocked: "absent", carriedBy: "xhr_streaming" },
  { name: "polling", transports: ["xhr_polling"], blocked: "absent", carriedBy: "xhr_polling" },
  { name: "by its own strategy where there is no WebSocket", blocked: "absent", carriedBy: "xhr_streaming" },
  { name: "by its own strategy where WebSockets fail", blocked: "failing", carriedBy: "xhr_streaming" },
];
const CASES = Object.keys(PUSHER_BUILDS).flatMap((version) => WAYS.map((way) => ({ version, ...way })));
const CHANNELS = ["order", "private-order", "private-encrypted-order"];

let browser: Browser;

beforeAll(async () => {
  browser = await launchChromium();
});
afterAll(() => browser.close());

const BLOCKED: Record<Way["blocked"], string> = {
  not: "",
  absent: "delete window.WebSocket;",
  // A firewall that answers no handshake: nothing listens on that port.
  failing: `window.WebSocket = new Proxy(window.WebSocket, {
    construct: (Real) => new Real("ws://127.0.0.1:1/"),
  });`,
};

function scriptFor({ transports, blocked }: Way, port: number, useTLS: boolean): string {
  const options = {
    cluster: "local",
    wsHost: "127.0.0.1",
    wsPort: port,
    wssPort: port,
    httpHost: "127.0.0.1",
    httpPort: port,
    httpsPort: port,
    forceTLS: useTLS,
    enableStats: false,
    ...(transports ? { enabledTransports: transports } : {}),
  };
  return `
    const asked = new Map();
    const pusher = new Pusher("paybell", { ...${JSON.stringify(options)}, authorizer: ({ name }) => ({
      authorize: (socketId, callback) => {
        asked.set(name, (data) => callback(null, data));
        console.log("authorise " + JSON.stringify([socketId, name]));
      },
    }) });
    window.authorised = (name, data) => asked.get(name)(data);
    pusher.connection.bind("connected", () => console.log("connected by " + pusher.connection.connection.transport.name));
    pusher.connection.bind("error", (error) => console.log("error " + JSON.stringify(error)));
    for (const channel of ${JSON.stringify(CHANNELS)}) {
      pusher.subscribe(channel).bind_global((event, data) => console.log(channel + " " + event + " " + JSON.stringify(data)));
    }
  `.replace(/^/, BLOCKED[blocked]);
}

/** Plays the page's backend: authorises what it asks for. */
async function authoriseAll(page: TestPage): Promise<void> {
  for (const channel of CHANNELS.slice(1)) {
    const isFor = (line: string) => line.startsWith("authorise ") && line.includes(`"${channel}"`);
    await page.until(({ printed }) => printed.some(isFor));
    const [socketId, name] = JSON.parse(page.printed.findLast(isFor)?.slice(10) ?? "[]") as [string, string];
    const data = pusherBackend.authorizeChannel(socketId, name);
    await page.page.evaluate(`authorised(${JSON.stringify(name)}, ${JSON.stringify(data)})`);
  }
}

describe.each([
  ["http and ws", {}],
  ["https and wss", { tls: selfSigned() }],
])("over %s", (_scheme, options: { tls?: { cert: string; key: string } }) => {
  it.each(CASES)("pusher-js $version follows $name", async (way) => {
    const server = await new PusherServer(options).listen();
    const script = scriptFor(way, server.port, options.tls !== undefined);
    const page = await openPage(browser, pageWithScript(`${PUSHER_BUILDS[way.version]?.()}\n${script}`), {
      ignoreHTTPSErrors: true,
    });
    try {
      await page.until(({ printed }) => printed.some((line) => line.startsWith("connected by")));
      await authoriseAll(page);
      for (const channel of CHANNELS) {
        await page.until(({ printed }) => printed.includes(`${channel} pusher:subscription_succeeded {}`));
      }
      for (let n = 0; n < 20; n += 1)
        server.news.publish("order", { name: "PAID", data: `{"n":${n},"text":"Grüße ✓"}` });
      const news = (channel: string) => page.printed.filter((line) => line.startsWith(`${channel} PAID`));
      await page.until(() => CHANNELS.every((channel) => news(channel).length >= 20));
      for (const channel of CHANNELS) {
        const expected = Array.from({ length: 20 }, (_, n) => `${channel} PAID {"n":${n},"text":"Grüße ✓"}`);
        expect(news(channel)).toEqual(expected);
      }
      expect(page.printed.findLast((line) => line.startsWith("connected by"))).toContain(way.carriedBy);
      expect(page.errors).toEqual([]);
    } finally {
      await page.close();
      await server.close();
    }
    expect(server.errors).toEqual([]);
  });
});

describe("on the HTTP fallback", () => {
  async function open(transport: string): Promise<{ server: PusherServer; page: TestPage; requests: Requests }> {
    const server = await new PusherServer().listen();
    const requests = new Requests(server);
    const way: Way = { name: "", transports: [transport], blocked: "absent", carriedBy: transport };
    const script = scriptFor(way, server.port, false);
    const page = await openPage(browser, pageWithScript(`${PUSHER_BUILDS.newest?.()}\n${script}`));
    await page.until(({ printed }) => printed.includes("order pusher:subscription_succeeded {}"));
    return { server, page, requests };
  }

  it("far more than 256 KB come without a gap and without a second connection", async () => {
    const { server, page } = await open("xhr_streaming");
    const count = 1_200;
    const text = "x".repeat(1_000);
    for (let n = 0; n < count; n += 1) {
      server.news.publish("order", { name: "PAID", data: JSON.stringify({ n, text }) });
      // No faster than it may buffer.
      await Promise.all(server.news.subscriptions.map((subscription) => subscription.writable()));
    }
    const numbers = () =>
      page.printed
        .filter((line) => line.startsWith("order PAID"))
        .map((line) => (JSON.parse(line.slice("order PAID ".length)) as { n: number }).n);
    await page.until(() => numbers().length >= count);
    expect(numbers()).toEqual(Array.from({ length: count }, (_, n) => n));
    expect(page.printed.filter((line) => line.startsWith("connected by"))).toHaveLength(1);
    await page.close();
    await server.close();
    expect(server.errors).toEqual([]);
  });

  it.each(["xhr_streaming", "xhr_polling"])(
    "%s answers heartbeats, and is told of a drain by 4200",
    async (transport) => {
      const { server, page, requests } = await open(transport);
      for (let round = 0; round < 4; round += 1) {
        await until("the page to read", () => requests.isRead);
        const before = requests.answers;
        server.clock.advance(server.limits.pingIntervalMs);
        server.connections.beat();
        await until("the answer to a heartbeat", () => requests.answers > before);
      }
      await until("the page to read", () => requests.isRead);
      expect(server.connections.total).toBe(1);
      await server.connections.drain({ withinMs: 0 });
      await page.until(({ printed }) => printed.some((line) => line.startsWith("error") && line.includes("4200")));
      await page.close();
      await server.close();
    },
  );
});

/** What of the page's requests has arrived: its answers to heartbeats come by requests. */
class Requests {
  answers = 0;
  isRead = false;

  constructor(server: PusherServer) {
    server.http.on("request", ({ url = "", method }, response) => {
      if (method !== "POST") return;
      if (url.includes("/xhr_send")) response.once("finish", () => (this.answers += 1));
      else {
        this.answers += 1;
        this.isRead = true;
        response.once("close", () => (this.isRead = false));
      }
    });
  }
}
