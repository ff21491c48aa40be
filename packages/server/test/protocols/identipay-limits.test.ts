/** How many may follow at once: per merchant, and in live mode per transaction and per client address. */
import { EventSource } from "eventsource";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Payment } from "../../src/payments/payment.ts";
import { ProtocolServer } from "../../testkit/protocol-server.ts";
import type { TestClient } from "../../testkit/transport-server.ts";
import { until } from "../../testkit/until.ts";

let server: ProtocolServer;

/** A client that has its first message, whatever it is. */
async function follow({ id }: Payment, headers: Record<string, string> = {}): Promise<TestClient> {
  const client = await server.transports.open(`/ws/transactions/${id}`, { headers });
  await until("the first message", () => client.received.length > 0);
  return client;
}

const followAll = (payment: Payment, count: number) =>
  Promise.all(Array.from({ length: count }, () => follow(payment)));

/** The upgrade is accepted, an error tells why, and the close says that it may be tried again. */
async function isRefused(client: TestClient, message: string): Promise<void> {
  expect(await client.closed).toEqual({ code: 1013, reason: "too_many_connections" });
  expect(client.messages).toEqual([{ type: "error", message }]);
}

const lives = (client: TestClient) => expect(client.messages[0]).toMatchObject({ type: "status", status: "pending" });

async function leave(client: TestClient): Promise<void> {
  const held = server.transports.connections.total;
  client.ws.close();
  await client.closed;
  await until("its place to be free", () => server.transports.connections.total < held);
}

describe("in the sandbox", () => {
  beforeAll(async () => {
    server = await ProtocolServer.start();
  });
  afterEach(() => server.transports.closeClients());
  afterAll(() => server.stop());

  it("the 51st of one merchant is refused, over all his payments, until one leaves", async () => {
    const payments = await Promise.all([server.create(), server.create()]);
    const [first, second] = payments as [Payment, Payment];
    const clients = await Promise.all([followAll(first, 25), followAll(second, 25)]);
    for (const client of clients.flat()) lives(client);
    await isRefused(await follow(first), "Too many connections for this merchant");
    await leave(clients[0][0] as TestClient);
    lives(await follow(second));
    await isRefused(await follow(first), "Too many connections for this merchant");
  });

  it("another merchant has places of his own", async () => {
    await server.addMerchant("other");
    await followAll(await server.create(), 50);
    lives(await follow(await server.create({ merchantId: "other" })));
  });

  it("server-sent events take places too, and are told to come back after a pause", async () => {
    const payment = await server.create();
    await followAll(payment, 50);
    const response = await fetch(`${server.url}/sse/transactions/${payment.id}`);
    const text = await response.text();
    expect(text).toContain("retry: 30000\n\n");
    expect(text.endsWith('data: {"type":"error","message":"Too many connections for this merchant"}\n\n')).toBe(true);
    await server.transports.closeClients();

    const sources = Array.from({ length: 50 }, () => new EventSource(`${server.url}/sse/transactions/${payment.id}`));
    await until("50 open streams", () => sources.every(({ readyState }) => readyState === EventSource.OPEN));
    await isRefused(await follow(payment), "Too many connections for this merchant");
    for (const source of sources) source.close();
  });

  it("those who hear that there is nothing take no place", async () => {
    for (let asked = 0; asked < 60; asked += 1) {
      const client = await server.transports.open(`/ws/transactions/none-${asked}`);
      expect((await client.closed).code).toBe(4004);
    }
    expect(server.identipayPlaces?.size).toBe(0);
  });
});

describe("in live mode", () => {
  beforeAll(async () => {
    server = await ProtocolServer.start({ mode: "live", trustProxy: ["127.0.0.1"] });
  });
  afterEach(() => server.transports.closeClients());
  afterAll(() => server.stop());

  const from = (address: string) => ({ "x-forwarded-for": address });

  it("the 11th on one transaction is refused, wherever it comes from", async () => {
    const payment = await server.create();
    const clients = [];
    for (let at = 1; at <= 10; at += 1) clients.push(await follow(payment, from(`192.0.2.${at}`)));
    for (const client of clients) lives(client);
    await isRefused(await follow(payment, from("192.0.2.11")), "Too many connections for this transaction");
    lives(await follow(await server.create(), from("192.0.2.11")));
    await leave(clients[0] as TestClient);
    lives(await follow(payment, from("192.0.2.11")));
  });

  it("the 21st from one address is refused, whatever it follows, and others are not", async () => {
    const payments = await Promise.all([server.create(), server.create(), server.create()]);
    for (let at = 0; at < 20; at += 1) lives(await follow(payments[at % 3] as Payment, from("198.51.100.7")));
    const fresh = await server.create();
    await isRefused(await follow(fresh, from("198.51.100.7")), "Too many connections from this address");
    lives(await follow(fresh, from("198.51.100.8")));
  });

  it("an IPv6 network is one address", async () => {
    const payments = await Promise.all([server.create(), server.create(), server.create()]);
    for (let at = 0; at < 20; at += 1) lives(await follow(payments[at % 3] as Payment, from(`2001:db8::${at + 1}`)));
    const fresh = await server.create();
    await isRefused(await follow(fresh, from("2001:db8::ffff")), "Too many connections from this address");
    lives(await follow(fresh, from("2001:db8:0:1::1")));
  });

  it("one buyer with a network of his own cannot lock a shop out", async () => {
    const his = await server.create();
    const another = await server.create();
    for (let at = 0; at < 60; at += 1) {
      await server.transports.open(`/ws/transactions/${his.id}`, { headers: from(`2001:db8::${at.toString(16)}`) });
    }
    lives(await follow(another, from("192.0.2.1")));
  });
});

it("the limits are those of the configuration", async () => {
  const limits = { identipayConnectionsPerMerchant: 2, identipayConnectionsPerTransaction: 1 };
  server = await ProtocolServer.start({ mode: "live", limits });
  const [first, second, third] = (await Promise.all([server.create(), server.create(), server.create()])) as [
    Payment,
    Payment,
    Payment,
  ];
  lives(await follow(first));
  await isRefused(await follow(first), "Too many connections for this transaction");
  lives(await follow(second));
  await isRefused(await follow(third), "Too many connections for this merchant");
  await server.stop();
});
