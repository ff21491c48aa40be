/** The native WebSocket beyond the suite of all protocols: who may follow what, and how mistakes are answered. */
import type { StreamMessage } from "@paybell/protocol";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { positionAt } from "../../src/fanout/cursor.ts";
import { KEY_CACHE_TTL_MS } from "../../src/http/key-authenticator.ts";
import type { Payment } from "../../src/payments/payment.ts";
import { MERCHANT, ProtocolServer } from "../../testkit/protocol-server.ts";
import type { TestClient } from "../../testkit/transport-server.ts";
import { until } from "../../testkit/until.ts";

let server: ProtocolServer;

beforeAll(async () => {
  server = await ProtocolServer.start({ limits: { subscriptionsPerConnection: 3 } });
});
afterEach(() => server.transports.closeClients());
afterAll(() => server.stop());

const messages = (client: TestClient) => client.messages as unknown as StreamMessage[];

/** Sends, and returns what is answered until the pong that was asked for behind it. */
async function ask(client: TestClient, ...requests: unknown[]): Promise<StreamMessage[]> {
  const before = messages(client).length;
  const pongs = messages(client).filter((message) => message.type === "pong").length;
  for (const request of requests) client.send(request);
  client.send({ type: "ping" });
  await until("the pong", () => messages(client).filter((message) => message.type === "pong").length > pongs);
  return messages(client)
    .slice(before)
    .filter((message) => message.type !== "pong");
}

const subscribe = (topic: string, after?: string) => ({ type: "subscribe", topic, ...(after ? { after } : {}) });
const withKey = (key: string) => ({ headers: { authorization: `Bearer ${key}` } });
const secret = async (merchant = MERCHANT) => withKey(await server.addKey("secret", merchant));
const here = async () => positionAt(server.core.log, await server.core.log.head());

async function eventOf(client: TestClient, type: string) {
  return until(
    `the event ${type}`,
    () =>
      messages(client).flatMap((message) =>
        message.type === "event" && message.event.type === type ? [message] : [],
      )[0],
  );
}

const personal = (): Parameters<ProtocolServer["create"]>[0] => ({
  reference: "order 7",
  customer: "alice",
  metadata: { email: "alice@example.com" },
});

describe("an address topic", () => {
  it("is followed however the address is written, under the name that the client gave it", async () => {
    const { address: lower } = await server.create();
    const upper = (lower as string).toUpperCase();
    await server.core.ingest.execute(MERCHANT, (await newest(lower as string)).id, { type: "cancel" });
    const client = await server.transports.open("/v1/stream", await secret());
    const names = [lower, upper].map((address) => `address:${MERCHANT}:sandbox:${address}`);
    await ask(client, ...names.map((name) => subscribe(name)));
    const payment = await server.create({ address: upper });
    expect(payment.address).toBe(lower);
    await server.pay(payment);
    await until("both", () => topicsOfEvents(client, "transfer.seen").length === 2);
    expect(topicsOfEvents(client, "transfer.seen").sort()).toEqual([...names].sort());
    expect(await ask(client, { type: "unsubscribe", topic: names[1] })).toEqual([
      { type: "unsubscribed", topic: names[1] },
    ]);
  });

  it("of no address is refused", async () => {
    const client = await server.transports.open("/v1/stream", await secret());
    expect(await ask(client, subscribe(`address:${MERCHANT}:sandbox:sbx1mistyped`))).toMatchObject([
      { type: "error", code: "invalid_request", details: { field: "topic" } },
    ]);
  });

  const newest = async (address: string) => {
    const found = await server.core.store.latestOnAddress(MERCHANT, "sandbox", address);
    return (found as NonNullable<typeof found>).state.payment;
  };
  const topicsOfEvents = (client: TestClient, type: string) =>
    messages(client).flatMap((message) =>
      message.type === "event" && message.event.type === type ? [message.topic] : [],
    );
});

describe("a key that is revoked", () => {
  it.each(["header", "message"])("ends the connections that it opened (by %s), and no other", async (how) => {
    const [key, kept] = [await server.addKey("secret"), await server.addKey("secret")];
    const client = await server.transports.open("/v1/stream", how === "header" ? withKey(key) : {});
    if (how === "message") await ask(client, { type: "auth", key });
    await ask(client, subscribe(`merchant:${MERCHANT}`));
    const other = await server.transports.open("/v1/stream", withKey(kept));
    await beatLater();
    expect(await ask(client, subscribe(`stock:${MERCHANT}`))).toMatchObject([{ type: "subscribed" }]);
    await server.revoke(key);
    await beatLater();
    expect(await client.closed).toEqual({ code: 4001, reason: "unauthorized" });
    expect(messages(client).at(-1)).toMatchObject({ type: "error", code: "unauthorized" });
    expect(await ask(other, subscribe(`merchant:${MERCHANT}`))).toMatchObject([{ type: "subscribed" }]);
  });

  /** More than the time for which a good key is remembered. */
  async function beatLater() {
    server.transports.clock.advance(KEY_CACHE_TTL_MS + 1);
    server.transports.connections.beat();
  }
});

describe("who is asking", () => {
  it("may be said in the header, or in the first message", async () => {
    const key = await server.addKey("secret");
    const byHeader = await server.transports.open("/v1/stream", withKey(key));
    expect(await ask(byHeader, subscribe(`merchant:${MERCHANT}`))).toMatchObject([{ type: "subscribed" }]);
    const byMessage = await server.transports.open("/v1/stream");
    expect(await ask(byMessage, { type: "auth", key }, subscribe(`merchant:${MERCHANT}`))).toMatchObject([
      { type: "authenticated", merchant: MERCHANT },
      { type: "subscribed" },
    ]);
  });

  it("is checked before any message is handled: a wrong header ends the connection", async () => {
    for (const authorization of ["Bearer sk_sandbox_wrong", "Basic YTpi"]) {
      const client = server.transports.client("/v1/stream", { headers: { authorization } });
      expect(await client.closed).toEqual({ code: 4001, reason: "unauthorized" });
      expect(messages(client)).toMatchObject([{ type: "error", code: "unauthorized" }]);
    }
  });

  it("cannot be said twice, nor after something was followed", async () => {
    const key = await server.addKey("secret");
    const payment = await server.create();
    const twice = await server.transports.open("/v1/stream", withKey(key));
    expect(await ask(twice, { type: "auth", key })).toMatchObject([{ code: "invalid_request" }]);
    const late = await server.transports.open("/v1/stream");
    await ask(late, subscribe(`payment:${payment.id}`));
    expect(await ask(late, { type: "auth", key })).toMatchObject([{ code: "invalid_request" }]);
  });
});

describe("what may be followed", () => {
  let payment: Payment;
  beforeEach(async () => {
    payment = await server.create(personal());
  });

  it("without a key: a payment whose id is known, in its public view", async () => {
    const client = await server.transports.open("/v1/stream");
    const [, snapshot] = await ask(client, subscribe(`payment:${payment.id}`));
    await server.pay(payment);
    await eventOf(client, "payment.confirming");
    expect(snapshot).toMatchObject({ type: "snapshot", payment: { id: payment.id, status: "pending" } });
    for (const word of ["order 7", "alice", "reference", "customer", "metadata", MERCHANT]) {
      expect(JSON.stringify(messages(client))).not.toContain(word);
    }
  });

  it("with a secret key: everything of the merchant, in his own view", async () => {
    const client = await server.transports.open("/v1/stream", await secret());
    const [, snapshot] = await ask(client, subscribe(`payment:${payment.id}`));
    expect(snapshot).toMatchObject({ payment: { reference: "order 7", customer: "alice" } });
    const topics = [`customer:${MERCHANT}:alice`, `reference:${MERCHANT}:order 7`];
    expect(await ask(client, ...topics.map((topic) => subscribe(topic)))).toMatchObject(
      topics.map((topic) => ({ type: "subscribed", topic })),
    );
    await server.pay(payment);
    await until("an event under each topic", () => {
      const heard = messages(client).flatMap((message) => (message.type === "event" ? [message.topic] : []));
      return new Set(heard).size === 3;
    });
    expect((await eventOf(client, "payment.confirming")).event.data.reference).toBe("order 7");
  });

  it("with an address: what is paid to it", async () => {
    const client = await server.transports.open("/v1/stream", await secret());
    const topic = `address:${MERCHANT}:sandbox:${payment.address}`;
    await ask(client, subscribe(topic));
    await server.pay(payment);
    expect(await eventOf(client, "transfer.seen")).toMatchObject({ topic, event: { paymentId: payment.id } });
  });

  it("not what belongs to another merchant, nor can one tell that it exists", async () => {
    await server.addMerchant("other");
    const client = await server.transports.open("/v1/stream", await secret("other"));
    const errors = await ask(
      client,
      subscribe(`payment:${payment.id}`),
      subscribe("payment:00000000-0000-4000-8000-000000000000"),
      subscribe(`payment:${payment.id}`, "anotherepoch.0.1"),
      subscribe(`merchant:${MERCHANT}`),
      subscribe(`address:${MERCHANT}:sandbox:${payment.address}`),
    );
    expect(errors.map((error) => (error.type === "error" ? error.code : error.type))).toEqual(
      Array.from({ length: 5 }, () => "not_found"),
    );
    await server.pay(payment);
    expect(await ask(client)).toEqual([]);
  });

  it("with a publishable key no more than without one, and only the merchant's own", async () => {
    const client = await server.transports.open("/v1/stream", withKey(await server.addKey("publishable")));
    const answers = await ask(client, subscribe(`payment:${payment.id}`), subscribe(`merchant:${MERCHANT}`));
    expect(answers).toMatchObject([{ type: "subscribed" }, { type: "snapshot" }, { type: "error", code: "forbidden" }]);
    expect(JSON.stringify(answers)).not.toContain("alice");
  });
});

describe("a subscription", () => {
  it("to a payment begins with how it stands, or behind the cursor that is given", async () => {
    const payment = await server.create();
    const cursor = await here();
    await server.pay(payment);
    const fresh = await server.transports.open("/v1/stream");
    const [subscribed, snapshot] = await ask(fresh, subscribe(`payment:${payment.id}`));
    expect(subscribed).toEqual({ type: "subscribed", topic: `payment:${payment.id}`, position: await here() });
    expect(snapshot).toMatchObject({ position: await here(), payment: { sequence: 3 } });
    const back = await server.transports.open("/v1/stream");
    await ask(back, subscribe(`payment:${payment.id}`, cursor));
    await eventOf(back, "payment.confirming");
    expect(messages(back).map((message) => (message.type === "event" ? message.event.sequence : message.type))).toEqual(
      expect.arrayContaining(["subscribed", 2, 3]),
    );
    expect(messages(back).some((message) => message.type === "snapshot")).toBe(false);
  });

  it("to anything else begins now, and sends no snapshot", async () => {
    await server.create();
    const client = await server.transports.open("/v1/stream", await secret());
    const answers = await ask(client, subscribe(`merchant:${MERCHANT}`));
    expect(answers).toEqual([{ type: "subscribed", topic: `merchant:${MERCHANT}`, position: await here() }]);
    await server.create();
    expect((await eventOf(client, "payment.created")).event.sequence).toBe(1);
  });

  it("that is there already is answered with its position, and sends nothing twice", async () => {
    const payment = await server.create();
    const client = await server.transports.open("/v1/stream");
    const topic = `payment:${payment.id}`;
    await ask(client, subscribe(topic));
    await server.pay(payment);
    await eventOf(client, "payment.confirming");
    expect(await ask(client, subscribe(topic))).toEqual([{ type: "subscribed", topic, position: await here() }]);
    await server.controls.mine(1);
    await eventOf(client, "transfer.included");
    const sequences = messages(client).flatMap((message) => (message.type === "event" ? [message.event.sequence] : []));
    expect(new Set(sequences).size).toBe(sequences.length);
  });

  it("ends with unsubscribe, which is acknowledged also where there was none", async () => {
    const payment = await server.create();
    const client = await server.transports.open("/v1/stream");
    const topic = `payment:${payment.id}`;
    await ask(client, subscribe(topic));
    expect(await ask(client, { type: "unsubscribe", topic }, { type: "unsubscribe", topic })).toEqual([
      { type: "unsubscribed", topic },
      { type: "unsubscribed", topic },
    ]);
    expect(server.hub.topicCount).toBe(0);
    await server.pay(payment);
    expect(await ask(client)).toEqual([]);
  });

  it("beyond subscriptionsPerConnection is refused, and one that ends makes room", async () => {
    const client = await server.transports.open("/v1/stream", await secret());
    const topics = [1, 2, 3, 4].map((number) => `reference:${MERCHANT}:${number}`);
    const answers = await ask(client, ...topics.map((topic) => subscribe(topic)));
    expect(answers.map((answer) => answer.type)).toEqual(["subscribed", "subscribed", "subscribed", "error"]);
    expect(answers[3]).toMatchObject({ code: "too_many_subscriptions", topic: topics[3], details: { value: 3 } });
    const again = await ask(client, { type: "unsubscribe", topic: topics[0] }, subscribe(topics[3] as string));
    expect(again.map((answer) => answer.type)).toEqual(["unsubscribed", "subscribed"]);
  });

  it("behind an expired cursor is told so; a payment's goes on with a snapshot", async () => {
    const payment = await server.create();
    const client = await server.transports.open("/v1/stream", await secret());
    const expired = "anotherepoch.0.1";
    const answers = await ask(
      client,
      subscribe(`payment:${payment.id}`, expired),
      subscribe("merchant:merchant", expired),
    );
    expect(answers).toMatchObject([
      { type: "error", code: "cursor_expired", topic: `payment:${payment.id}` },
      { type: "subscribed" },
      { type: "snapshot" },
      { type: "error", code: "cursor_expired", topic: "merchant:merchant" },
    ]);
    await server.pay(payment);
    expect((await eventOf(client, "payment.confirming")).topic).toBe(`payment:${payment.id}`);
  });

  it("to a payment that is erased ends with not_found, and cannot be had again", async () => {
    const payment = await server.create();
    const client = await server.transports.open("/v1/stream");
    const topic = `payment:${payment.id}`;
    await ask(client, subscribe(topic));
    await server.core.ingest.execute(MERCHANT, payment.id, { type: "erase" });
    await eventOf(client, "payment.erased");
    expect(messages(client).at(-1)).toMatchObject({ type: "error", code: "not_found", topic });
    expect(await ask(client, subscribe(topic))).toMatchObject([{ type: "error", code: "not_found", topic }]);
    expect(server.hub.topicCount).toBe(0);
  });
});
