/**
 * deploy/haproxy.cfg as compose.yaml uses it: the real HAProxy in front of two real servers on one PostgreSQL and one Redis.
 * Clients know nothing but the load balancer.
 */
import { randomUUID } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MerchantPayment, PaymentEvent } from "@paybell/protocol";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { Api } from "../../testkit/clients/api.ts";
import { BlockonomicsClient } from "../../testkit/clients/blockonomics-client.ts";
import { CryptoShopClient } from "../../testkit/clients/crypto-shop-client.ts";
import { type CursorClient, PollingClient, SseClient, StreamClient } from "../../testkit/clients/cursor-client.ts";
import { SOCKET_IO_WAYS } from "../../testkit/clients/socketio.ts";
import { TributaryClient } from "../../testkit/clients/tributary-client.ts";
import { PUSHER_WAYS, type PusherWay, TransakWitness } from "../../testkit/clients/witnesses.ts";
import { LoadBalancerProcess } from "../../testkit/load-balancer-process.ts";
import { usePostgres } from "../../testkit/postgres.ts";
import { useRedis } from "../../testkit/redis.ts";
import { ServerProcess } from "../../testkit/server-process.ts";
import { until } from "../../testkit/until.ts";

const KEY = "sk_sandbox_paybell";
/** More than connections of other kinds are open at one node while a test asks who is sent anything. */
const NEWCOMERS = 24;

const postgres = usePostgres();
const redis = useRedis();
let nodes: [ServerProcess, ServerProcess];
let balancer: LoadBalancerProcess;
let directory: string;
/** The position before the first record. */
let beginning: string;
let api: Api;
const endings: (() => unknown)[] = [];

beforeAll(async () => {
  const env = {
    PAYBELL_DATABASE_URL: await postgres().createDatabase(),
    PAYBELL_REDIS_URL: redis().url,
    PAYBELL_TRUST_PROXY: "127.0.0.1",
  };
  directory = await mkdtemp(join(tmpdir(), "paybell-haproxy-"));
  await configure({ drainNoticeMs: 300_000 });
  const options = { env, args: ["--config", configFile()] };
  nodes = [await ServerProcess.start(options), await ServerProcess.start(options)];
  balancer = await LoadBalancerProcess.start([nodes[0].host, nodes[1].host]);
  api = new Api(balancer.url);
  beginning = (await api.call<{ next: string }>("GET", "/v1/events?limit=1")).next;
});
beforeEach(() => until("those of the last test to be gone", async () => sum(await openAtEach("crypto-shop")) === 0));
afterEach(async () => {
  for (const end of endings.splice(0)) await end();
});
afterAll(async () => {
  await balancer?.stop();
  for (const node of nodes ?? []) await node.dispose();
  await rm(directory, { recursive: true, force: true });
});

const configFile = () => join(directory, "paybell.config.json");
/** What nodes read when they are started the next time. */
const configure = (file: object) => writeFile(configFile(), JSON.stringify(file));

function kept<T extends { close(): unknown } | { stop(): unknown }>(client: T): T {
  endings.push(() => ("close" in client ? client.close() : client.stop()));
  return client;
}

/** Open connections of a protocol at one node. */
async function openAt(node: ServerProcess, protocol: string): Promise<number> {
  const text = await (await fetch(`${node.url}/metrics`)).text();
  return Number(new RegExp(`^paybell_connections\\{protocol="${protocol}"\\} (\\d+)`, "m").exec(text)?.[1] ?? 0);
}

const openAtEach = (protocol: string) => Promise.all(nodes.map((node) => openAt(node, protocol)));

const order = (given: Record<string, unknown> = {}): Promise<MerchantPayment> =>
  api.createPayment({ customer: randomUUID(), reference: randomUUID(), ...given });

/** Paid, and final. */
async function pay({ id }: MerchantPayment): Promise<string> {
  const { txId } = await api.pay(id);
  await api.mine(6);
  return txId;
}

const idsOf = (events: readonly PaymentEvent[]) => events.map(({ id }) => id);

function identipaySocket(payment: MerchantPayment): { statuses: string[]; close(): void } {
  const socket = new WebSocket(`${balancer.wsUrl}/ws/transactions/${payment.id}`);
  const statuses: string[] = [];
  socket.on("message", (data) => statuses.push((JSON.parse(String(data)) as { status: string }).status));
  return { statuses, close: () => socket.close() };
}

/** By server-sent events, long-polling and the native WebSocket, from the payment's first event on. */
function cursorClients({ id }: MerchantPayment): CursorClient[] {
  const { url, wsUrl } = balancer;
  return [
    kept(new SseClient({ url, paymentId: id })),
    kept(new PollingClient({ url, key: KEY, after: beginning, paymentId: id })),
    kept(new StreamClient({ wsUrl, key: null, topic: `payment:${id}`, after: beginning })),
  ];
}

/** Every one of them has the whole history, each event once. */
async function haveHistory(payment: MerchantPayment, clients: readonly CursorClient[]): Promise<void> {
  const history = idsOf(await api.allEvents(payment.id));
  await until(
    () => `${history.length} events at each of ${clients.map(({ told }) => told.length)}`,
    () => clients.every(({ told }) => told.length >= history.length),
  );
  for (const { told } of clients) expect(idsOf(told)).toEqual(history);
}

/** Clients of one customer, that poll and never do anything else. */
async function pollingShoppers(customer: string, count: number): Promise<CryptoShopClient[]> {
  const join = () => CryptoShopClient.joined(balancer.url, customer, { transports: ["polling"] });
  const shoppers = await Promise.all(Array.from({ length: count }, join));
  for (const shopper of shoppers) {
    kept(shopper);
    await shopper.settled();
  }
  return shoppers;
}

const failuresOf = ({ io }: CryptoShopClient) => [...io.failures.map(String), ...io.disconnects];

describe("through the load balancer", () => {
  it("every protocol's clients are told, by whichever node", async () => {
    const payment = await order();
    const { customer, reference, address, id } = payment;
    const { url, wsUrl, port } = balancer;
    const shops = await Promise.all(
      Object.values(SOCKET_IO_WAYS).map((transports) => CryptoShopClient.joined(url, customer, { transports })),
    );
    const tributary = await Promise.all(
      Object.values(SOCKET_IO_WAYS).map((transports) => TributaryClient.open(url, { transports })),
    );
    for (const client of tributary) await client.subscribe(reference);
    const identipay = [identipaySocket(payment), identipaySocket(payment)];
    const blockonomics = [1, 2].map(() => new BlockonomicsClient({ wsUrl, address: address as string }));
    const transak = (Object.keys(PUSHER_WAYS) as PusherWay[]).map((way) => TransakWitness.ofMerchant(port, way));
    for (const client of [...shops, ...tributary, ...identipay, ...blockonomics, ...transak]) kept(client);
    const cursors = cursorClients(payment);
    for (const shop of shops) await shop.settled();
    await until("identiPay's first word", () => identipay.every(({ statuses }) => statuses.length === 1));
    await until("Blockonomics' sockets", async () => sum(await openAtEach("blockonomics")) === 2);
    await until("Pusher's subscriptions", () => transak.every(({ connections }) => connections.length === 1));
    expect(Math.min(...(await openAtEach("crypto-shop")))).toBeGreaterThan(0);

    const txId = await pay(payment);
    await haveHistory(payment, cursors);
    for (const shop of shops) await shop.hears("transaction:confirmed");
    for (const client of tributary) expect((await client.paid(1)).map(({ signature }) => signature)).toEqual([txId]);
    await until("identiPay", () => identipay.every(({ statuses }) => statuses.at(-1) === "settled"));
    await until("Blockonomics", () => blockonomics.every((client) => client.statusesOf(txId).at(-1) === 2));
    await until(
      () => `Transak ${JSON.stringify(transak.map(({ connections }) => connections))}`,
      () =>
        transak.every(({ connections }) =>
          connections[0]?.some(([about, what]) => about === id && what.includes("PROCESSING")),
        ),
    );
    for (const { connections } of transak) expect(connections).toHaveLength(1);
    for (const shop of shops) expect(failuresOf(shop)).toEqual([]);
  });

  it("clients that only poll stay with the node that has their session, some with each", async () => {
    const payment = await order();
    const shoppers = await pollingShoppers(payment.customer as string, 12);
    const open = await openAtEach("crypto-shop");
    expect(sum(open)).toBe(12);
    expect(Math.min(...open)).toBeGreaterThan(0);
    await pay(payment);
    for (const shopper of shoppers) {
      await shopper.hears("transaction:confirmed");
      expect(shopper.io.wire).toBe("polling");
      expect(failuresOf(shopper)).toEqual([]);
    }
  });

  it("what the balancer was told of a session goes no further", async () => {
    const answer = await fetch(`${balancer.url}/socket.io/?EIO=4&transport=polling`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get("paybell-session")).toBeNull();
    expect(answer.headers.get("set-cookie")).toBeNull();
  });
});

describe("when a node goes", () => {
  afterEach(async () => {
    for (const node of nodes) if (node.pid === undefined) await node.restart();
    await until("both nodes to be used again", async () => (await usedNodes()) === 2);
  });

  /** How many of them are sent something. More sockets than one: a node that has more other connections than its neighbour
   * gets none until that one has as many. */
  async function usedNodes(): Promise<number> {
    const sockets = Array.from({ length: NEWCOMERS }, () => new WebSocket(`${balancer.wsUrl}/v1/stream`));
    for (const socket of sockets) socket.on("error", () => undefined);
    try {
      await until("the sockets", () => sockets.every(({ readyState }) => readyState !== WebSocket.CONNECTING));
      return (await openAtEach("native")).filter((count) => count > 0).length;
    } finally {
      for (const socket of sockets) socket.terminate();
    }
  }

  it("killed: its clients come back to the other one and miss nothing", async () => {
    const payment = await order();
    const cursors = [...cursorClients(payment), ...cursorClients(payment)];
    const shoppers = await pollingShoppers(payment.customer as string, 8);
    const open = await openAt(nodes[0], "crypto-shop");
    expect(open).toBeGreaterThan(0);
    await nodes[0].kill9();
    await api.insist(() => api.pay(payment.id));
    await api.insist(() => api.mine(6));
    await haveHistory(payment, cursors);
    for (const shopper of shoppers) await shopper.hears("transaction:confirmed");
    expect(shoppers.filter(({ io }) => io.connects > 1)).toHaveLength(open);
  });

  it("about to stop: nobody new is sent there, and whoever has a session there stays", async () => {
    const payment = await order();
    const shoppers = await pollingShoppers(payment.customer as string, 8);
    const open = await openAt(nodes[0], "crypto-shop");
    expect(open).toBeGreaterThan(0);
    process.kill(nodes[0].pid as number, "SIGTERM");
    await until("the balancer to notice", async () => (await usedNodes()) === 1);
    await pay(payment);
    for (const shopper of shoppers) await shopper.hears("transaction:confirmed");
    expect(shoppers.flatMap((shopper) => failuresOf(shopper))).toEqual([]);
    expect(await openAt(nodes[0], "crypto-shop")).toBe(open);
    // It has been given minutes to be noticed.
    await nodes[0].kill9();
    await configure({ drainNoticeMs: 2_500, drainMs: 500 });
  });

  it("stopped: its clients are told, come back to the other one and miss nothing", async () => {
    const payment = await order();
    const cursors = [...cursorClients(payment), ...cursorClients(payment)];
    const shoppers = await pollingShoppers(payment.customer as string, 8);
    expect(await nodes[0].stop()).toEqual({ code: 0, signal: null });
    await until("all at the other one", async () => (await openAt(nodes[1], "crypto-shop")) === 8);
    await pay(payment);
    await haveHistory(payment, cursors);
    for (const shopper of shoppers) await shopper.hears("transaction:confirmed");
  });

  it("paused: its clients are cut off, and requests go to the other one", async () => {
    const { pid } = nodes[0];
    const before = timesDown();
    const sockets = [1, 2, 3, 4].map(() => new WebSocket(`${balancer.wsUrl}/v1/stream`));
    for (const socket of sockets) endings.push(() => socket.terminate());
    await until("four sockets", () => sockets.every(({ readyState }) => readyState === WebSocket.OPEN));
    const there = await openAt(nodes[0], "native");
    expect(there).toBeGreaterThan(0);
    process.kill(pid as number, "SIGSTOP");
    try {
      await until("the balancer to notice", () => timesDown() > before);
      const gone = () => sockets.filter(({ readyState }) => readyState === WebSocket.CLOSED).length;
      await until("its clients to be cut off", () => gone() === there);
      const payment = await order();
      await pay(payment);
      expect((await api.payment(payment.id)).status).toBe("final");
    } finally {
      process.kill(pid as number, "SIGCONT");
    }
  });
});

const timesDown = () => balancer.output.split("Server nodes/one is DOWN").length;
const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0);
