/**
 * The official clients at three versions, each on a real payment from its order to its delivery: in Node and in Chromium,
 * over ws:// and, with a certificate from the configuration, over wss://. All on one server for each, and one browser.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { SANDBOX_PUBLISHABLE_KEY } from "../../src/http/keys.ts";
import { PUSHER_BUILDS, SOCKET_IO_BUILDS } from "../../testkit/browser-builds.ts";
import { pageWithScript } from "../../testkit/chromium.ts";
import type { PlacedOrder } from "../../testkit/clients/order-desk.ts";
import { PusherJsClient } from "../../testkit/clients/pusher-js.ts";
import { SocketIoClient } from "../../testkit/clients/socketio.ts";
import { SampleStage } from "../../testkit/sample-stage.ts";
import { selfSigned } from "../../testkit/self-signed.ts";
import type { ServerProcess } from "../../testkit/server-process.ts";
import { until } from "../../testkit/until.ts";

/** What a client is told, as `name value value`. */
type Told = () => readonly string[];

interface Followed {
  server: ServerProcess;
  order: PlacedOrder;
  version: string;
}

interface Wire {
  builds: Readonly<Record<string, () => string>>;
  /** In this process; closed by `closers`. */
  follow(followed: Followed): Told;
  /** In a page, behind the build. Prints `told …`. */
  script(followed: Followed): string;
  /** In the end. The first one comes at once: then the client follows. */
  expected(order: PlacedOrder, txId: string): readonly string[];
}

const closers: (() => void)[] = [];

const cryptoShop: Wire = {
  builds: SOCKET_IO_BUILDS,
  follow: ({ server, order, version }) => {
    const client = new SocketIoClient(server.url, { transports: ["websocket", "polling"] }, version);
    closers.push(() => client.close());
    client.socket.on("connect", () => client.socket.emit("join-user", order.customer));
    return () => client.events.map(([name, body]) => cryptoShopLine(String(name), body));
  },
  script: ({ server, order }) => `
    const socket = io("${server.url}", { withCredentials: true, transports: ["websocket", "polling"] });
    socket.on("connect", () => socket.emit("join-user", "${order.customer}"));
    socket.onAny((name, body) => console.log("told " + (${cryptoShopLine})(name, body)));
  `,
  expected: ({ id }, txId) => [
    `order:updated ${id} pending`,
    `order:updated ${id} completed`,
    `transaction:confirmed ${id} ${txId}`,
  ],
};

// biome-ignore lint/suspicious/noExplicitAny: runs in the page too, on what was sent.
function cryptoShopLine(name: string, { orderId, status, txHash }: any): string {
  return `${name} ${orderId} ${status || txHash}`;
}

const tributary: Wire = {
  builds: SOCKET_IO_BUILDS,
  follow: ({ server, order, version }) => {
    const client = new SocketIoClient(server.url, { path: "/ws/v1", transports: ["websocket"] }, version);
    closers.push(() => client.close());
    client.socket.emit("subscribe", { trackingId: order.reference });
    return () => client.events.map(([name, message]) => tributaryLine(String(name), message));
  },
  script: ({ server, order }) => `
    const socket = io("${server.url}", { path: "/ws/v1", transports: ["websocket"] });
    socket.emit("subscribe", { trackingId: "${order.reference}" });
    socket.onAny((name, message) => console.log("told " + (${tributaryLine})(name, message)));
  `,
  expected: ({ reference }, txId) => [
    `ack Subscribed to trackingId: ${reference}`,
    `payment ${reference} executed ${txId}`,
  ],
};

// biome-ignore lint/suspicious/noExplicitAny: runs in the page too, on what was sent.
function tributaryLine(name: string, { data }: any): string {
  return name === "payment" ? `${name} ${data.trackingId} ${data.status} ${data.signature}` : `${name} ${data}`;
}

const transak: Wire = {
  builds: PUSHER_BUILDS,
  follow: ({ server, order, version }) => {
    const client = new PusherJsClient(version, server.port, { useTLS: server.url.startsWith("https") });
    closers.push(() => client.close());
    client.follow(`${SANDBOX_PUBLISHABLE_KEY}_${order.reference}`);
    return () => client.news.map(([, name, told]) => transakLine(name, told));
  },
  script: ({ server, order }) => `
    const pusher = new Pusher("paybell", {
      cluster: "local", wsHost: "127.0.0.1", wsPort: ${server.port}, wssPort: ${server.port},
      forceTLS: ${server.url.startsWith("https")}, enabledTransports: ["ws", "wss"],
    });
    pusher.subscribe("${SANDBOX_PUBLISHABLE_KEY}_${order.reference}").bind_global((name, order) => {
      if (!name.startsWith("pusher:")) console.log("told " + (${transakLine})(name, order));
    });
  `,
  expected: ({ id }) => [
    `ORDER_CREATED ${id} AWAITING_PAYMENT_FROM_USER`,
    `ORDER_PROCESSING ${id} PROCESSING`,
    `ORDER_COMPLETED ${id} COMPLETED`,
  ],
};

// biome-ignore lint/suspicious/noExplicitAny: runs in the page too, on what was sent.
function transakLine(name: string, { id, status }: any): string {
  return `${name} ${id} ${status}`;
}

const CASES = Object.entries({ "Crypto Shop": cryptoShop, Tributary: tributary, Transak: transak }).flatMap(
  ([protocol, wire]) => Object.keys(wire.builds).map((version) => ({ protocol, version, wire })),
);

const trusted = getCACertificates("default");
let dir: string;

/** The files that the configuration names. */
async function certificate(): Promise<Record<string, string>> {
  const { cert, key } = selfSigned();
  dir = await mkdtemp(join(tmpdir(), "paybell-tls-"));
  const [certFile, keyFile] = [join(dir, "cert.pem"), join(dir, "key.pem")];
  await writeFile(certFile, cert);
  await writeFile(keyFile, key);
  setDefaultCACertificates([...trusted, cert]);
  return { PAYBELL_TLS_CERT: certFile, PAYBELL_TLS_KEY: keyFile };
}

afterAll(async () => {
  setDefaultCACertificates(trusted);
  if (dir !== undefined) await rm(dir, { recursive: true });
});

describe.each([
  ["ws://", async () => ({})],
  ["wss://", certificate],
])("over %s", (_scheme, environment: () => Promise<Record<string, string>>) => {
  let stage: SampleStage;

  beforeAll(async () => {
    stage = await SampleStage.open({ env: await environment() });
  });
  afterEach(async () => {
    for (const close of closers.splice(0)) close();
    await stage.clear();
  });
  afterAll(() => stage?.close());

  /** Paid, confirmed, delivered, while somebody follows. */
  async function walk(wire: Wire, order: PlacedOrder, told: Told): Promise<void> {
    const isTold = (count: number) =>
      until(
        () => `${count} of ${JSON.stringify(told())}`,
        () => told().length >= count,
      );
    await isTold(1);
    const txId = await stage.desk.settle(order);
    await stage.desk.deliver(order);
    const expected = wire.expected(order, txId);
    await isTold(expected.length);
    expect(told()).toEqual(expected);
  }

  it.each(CASES)("$protocol in Node, client $version", async ({ wire, version }) => {
    const order = await stage.desk.take();
    await walk(wire, order, wire.follow({ server: stage.server, order, version }));
  });

  it.each(CASES)("$protocol in Chromium, client $version", async ({ wire, version }) => {
    const order = await stage.desk.take();
    const script = wire.script({ server: stage.server, order, version });
    const html = pageWithScript(`${wire.builds[version]?.()}\n${script}`);
    const page = await stage.show(html, { ignoreHTTPSErrors: true });
    await walk(wire, order, () =>
      page.printed.filter((line) => line.startsWith("told ")).map((line) => line.slice("told ".length)),
    );
    expect(page.errors).toEqual([]);
  });
});
