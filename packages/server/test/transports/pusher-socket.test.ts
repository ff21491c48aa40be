/** Pusher Channels protocol 7 on a WebSocket, message by message. Source: the protocol's documentation. */
import { createHash } from "node:crypto";
import { xsalsa20poly1305 } from "@noble/ciphers/salsa.js";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { APP, authOf, PusherServer, SECRET, SHOP_APP } from "../../testkit/pusher-server.ts";
import { handshake, type TestClient } from "../../testkit/transport-server.ts";
import { until } from "../../testkit/until.ts";

let server: PusherServer;

beforeEach(async () => {
  server = new PusherServer();
  await server.listen();
});
afterEach(async () => {
  await server.close();
  expect(server.errors).toEqual([]);
});

/** The next messages after those that the client has. */
async function answersTo(client: TestClient, messages: readonly unknown[], count = 1) {
  const before = client.received.length;
  for (const message of messages) client.send(message);
  await until(
    () => `${count} answers in ${client.received.slice(before).join()}`,
    () => client.received.length >= before + count,
  );
  return client.messages.slice(before);
}

const subscribe = (channel: string, more: object = {}) => ({ event: "pusher:subscribe", data: { channel, ...more } });
const succeeded = (channel: string) => ({ event: "pusher_internal:subscription_succeeded", channel, data: "{}" });
const refused = (channel: string, status: number) => ({
  event: "pusher:subscription_error",
  channel,
  data: expect.stringContaining(`"status":${status}`),
});
const PING = { event: "pusher:ping", data: {} };
const PONG = { event: "pusher:pong", data: {} };

describe("the connection", () => {
  it.each(["paybell", "1d9ffac87de599c61283"])("is established with a socket id for the key %s", async (key) => {
    const { client, socketId } = await server.connect(`/app/${key}?protocol=7&client=js&version=8.4.0&flash=false`);
    expect(socketId).toMatch(/^[0-9]+\.[0-9]+$/);
    expect(client.messages).toEqual([
      {
        event: "pusher:connection_established",
        data: JSON.stringify({ socket_id: socketId, activity_timeout: 120 }),
      },
    ]);
  });

  it.each([
    ["/app/unknown?protocol=7", 4001],
    ["/app/paybell/more?protocol=7", 4005],
    ["/app?protocol=7", 4005],
    ["/app/?protocol=7", 4005],
    ["/app/paybell?protocol=seven", 4006],
    ["/app/paybell?protocol=4", 4007],
    ["/app/paybell?protocol=8", 4007],
    ["/app/paybell", 4008],
  ])("%s is closed with %i and nothing before it", async (path, code) => {
    const client = server.client(path);
    expect((await client.closed).code).toBe(code);
    if (!path.endsWith("=4")) expect(client.received).toEqual([]);
  });

  it("protocol 5 is told the error before the close, by whichever side it comes", async () => {
    const unknown = server.client("/app/unknown?protocol=5");
    expect((await unknown.closed).code).toBe(4001);
    expect(unknown.messages).toEqual([{ event: "pusher:error", data: { message: expect.any(String), code: 4001 } }]);
    const { client } = await server.connect("/app/paybell?protocol=5");
    await server.connections.drain({ withinMs: 0 });
    expect((await client.closed).code).toBe(4200);
    expect(client.messages.at(-1)).toEqual({ event: "pusher:error", data: { message: "shutting_down", code: 4200 } });
  });

  it.each([6, 7])("protocol %i is told by the close code alone", async (protocol) => {
    const { client } = await server.connect(`/app/paybell?protocol=${protocol}`);
    await server.connections.drain({ withinMs: 0 });
    expect((await client.closed).code).toBe(4200);
    expect(client.received).toHaveLength(1);
  });

  const PAGE = { headers: { origin: "https://shop.example" } };

  it("a page that comes while the server stops is sent away with a pause, by a close code; a program by HTTP", async () => {
    const draining = server.connections.drain({ withinMs: 0 });
    const page = server.client("/app/paybell?protocol=7", PAGE);
    expect(await page.closed).toEqual({ code: 4100, reason: "shutting_down" });
    const refusal = await server.client("/app/paybell?protocol=7").opened.catch((error: unknown) => error);
    expect(refusal).toMatchObject({ status: 503, code: "shutting_down" });
    await draining;
  });

  it("a page that finds no place is told so by a close code, and cut off where it does not answer", async () => {
    const full = await new PusherServer({ limits: { connections: 1 } }).listen();
    await full.connect();
    const late = full.client("/app/paybell?protocol=7", PAGE);
    expect(await late.closed).toEqual({ code: 4100, reason: "too_many_connections" });
    expect(full.connections.total).toBe(1);
    const deaf = await full.dial();
    deaf.write(handshake("/app/paybell?protocol=7", ["Origin: https://shop.example"]));
    await new Promise<void>((resolve) => deaf.once("close", () => resolve()).resume());
    await full.close();
  });

  it("pings are answered, with data as an object, a string, or none", async () => {
    const { client } = await server.connect();
    const pings = [PING, { event: "pusher:ping", data: "{}" }, { event: "pusher:ping" }];
    expect(await answersTo(client, pings, 3)).toEqual([PONG, PONG, PONG]);
  });

  it("who does not answer the server's ping is closed with 4201", async () => {
    const { client } = await server.connect();
    client.ws.pause();
    server.clock.advance(server.limits.pingIntervalMs);
    server.connections.beat();
    server.clock.advance(server.limits.pingIntervalMs);
    server.connections.beat();
    client.ws.resume();
    expect((await client.closed).code).toBe(4201);
  });

  it("what is no message is told so, and the connection goes on", async () => {
    const { client } = await server.connect();
    const mistakes = ["", "{", "[]", "7", '"x"', "{}", '{"event":7}', { event: "pusher:unheard-of" }, { event: "x" }];
    const answers = await answersTo(client, mistakes, mistakes.length);
    for (const answer of answers) {
      expect(answer).toEqual({ event: "pusher:error", data: { message: expect.any(String), code: null } });
    }
    client.ws.send(Buffer.from("binary"));
    expect(await answersTo(client, [PING], 2)).toEqual([expect.objectContaining({ event: "pusher:error" }), PONG]);
  });

  it("client events and sign-in are refused", async () => {
    const { client } = await server.connect();
    const attempts = [
      { event: "client-typing", channel: "private-x", data: {} },
      { event: "pusher:signin", data: { auth: "paybell:00", user_data: '{"id":"1"}' } },
    ];
    expect(await answersTo(client, attempts, 2)).toEqual([
      { event: "pusher:error", data: { message: expect.stringContaining("Client events"), code: 4301 } },
      { event: "pusher:error", data: { message: expect.stringContaining("sign in"), code: null } },
    ]);
  });
});

describe("channels", () => {
  it("an event comes with its data as a string, and ends with the subscription", async () => {
    const client = await server.subscribed("order-1");
    expect(client.messages[1]).toEqual(succeeded("order-1"));
    server.news.publish("order-1", { name: "ORDER_CREATED", data: '{"id":"1"}' });
    const event = { event: "ORDER_CREATED", channel: "order-1", data: '{"id":"1"}' };
    expect(await answersTo(client, [], 0)).toEqual([]);
    expect(await answersTo(client, [PING], 2)).toEqual([event, PONG]);
    client.send({ event: "pusher:unsubscribe", data: { channel: "order-1" } });
    client.send({ event: "pusher:unsubscribe", data: { channel: "order-1" } });
    client.send({ event: "pusher:unsubscribe", data: {} });
    expect((await answersTo(client, [PING], 2))[0]).toMatchObject({ event: "pusher:error" });
    expect(server.news.subscriptions).toHaveLength(0);
    expect(server.news.closes).toBe(1);
    server.news.publish("order-1", { name: "ORDER_CREATED", data: "{}" });
    expect(await answersTo(client, [PING])).toEqual([PONG]);
  });

  it("subscribing twice succeeds twice and opens one feed", async () => {
    const { client } = await server.connect();
    const twice = [subscribe("order-1"), { event: "pusher:subscribe", data: '{"channel":"order-1"}' }];
    expect(await answersTo(client, twice, 2)).toEqual([succeeded("order-1"), succeeded("order-1")]);
    expect(server.news.subscriptions).toHaveLength(1);
  });

  it("a channel of nobody is subscribed to, and stays silent", async () => {
    const { client } = await server.connect();
    expect(await answersTo(client, [subscribe("nobody-1"), PING], 2)).toEqual([succeeded("nobody-1"), PONG]);
    expect(server.pusher.occupancy.count(APP.id, "nobody-1")).toBe(1);
  });

  it("names that cannot be, presence channels and what the protocol refuses come back as subscription errors", async () => {
    const { client } = await server.connect();
    const names: [string, number][] = [
      ["with space", 400],
      ["#hash", 400],
      ["ü", 400],
      ["a/b", 400],
      ["private-", 400],
      ["x".repeat(201), 400],
      ["presence-room", 422],
      ["refused-1", 403],
    ];
    const answers = await answersTo(
      client,
      names.map(([name]) => subscribe(name)),
      names.length,
    );
    expect(answers).toEqual(names.map(([name, status]) => refused(name, status)));
    const allowed = "A-z_0=9@,.;";
    expect(await answersTo(client, [subscribe(allowed), subscribe("x".repeat(200))], 2)).toEqual([
      succeeded(allowed),
      succeeded("x".repeat(200)),
    ]);
    const nameless = [
      { event: "pusher:subscribe", data: {} },
      subscribe(""),
      { event: "pusher:subscribe", data: { channel: 7 } },
    ];
    for (const answer of await answersTo(client, nameless, 3)) expect(answer.event).toBe("pusher:error");
  });

  it("the past of a feed comes after the success, live events after the past", async () => {
    server.news.past.set("order-1", [
      { name: "A", data: "1" },
      { name: "B", data: "2" },
    ]);
    const client = await server.subscribed("order-1");
    server.news.publish("order-1", { name: "C", data: "3" });
    await until("all events", () => client.received.length === 5);
    expect(client.messages.slice(1).map(({ event }) => event)).toEqual([
      "pusher_internal:subscription_succeeded",
      "A",
      "B",
      "C",
    ]);
  });
});

describe("a feed that fails", () => {
  const failure = new Error("the log cannot be read");
  afterEach(() => {
    expect(server.errors.splice(0)).toEqual([failure]);
  });

  it("ends the connection with 4100, after which a client comes back", async () => {
    server.news.beforeStart = () => Promise.reject(failure);
    const client = await server.subscribed("order-1");
    expect(await client.closed).toEqual({ code: 4100, reason: "internal_error" });
  });

  it("leaves the connection of a client alone that has left the channel", async () => {
    let fail: () => void = () => undefined;
    server.news.beforeStart = () => new Promise((_resolve, reject) => (fail = () => reject(failure)));
    const client = await server.subscribed("order-1");
    client.send({ event: "pusher:unsubscribe", data: { channel: "order-1" } });
    await until("the end of the feed", () => server.news.closes === 1);
    fail();
    expect(await answersTo(client, [PING])).toEqual([PONG]);
  });
});

describe("cache channels", () => {
  it("tell the last event, or that there is none", async () => {
    server.news.past.set("order-1", [
      { name: "A", data: "1" },
      { name: "B", data: "2" },
    ]);
    const { client } = await server.connect();
    expect(
      await answersTo(client, [subscribe("cache-order-1"), subscribe("cache-order-2"), subscribe("cache-nobody")], 6),
    ).toEqual([
      succeeded("cache-order-1"),
      { event: "B", channel: "cache-order-1", data: "2" },
      succeeded("cache-order-2"),
      { event: "pusher:cache_miss", channel: "cache-order-2", data: "{}" },
      succeeded("cache-nobody"),
      { event: "pusher:cache_miss", channel: "cache-nobody", data: "{}" },
    ]);
  });
});

describe("private channels", () => {
  it.each(["private-order-1", "private-cache-order-1"])(
    "%s needs the signature for this connection",
    async (channel) => {
      const { client, socketId } = await server.connect();
      const other = await server.connect();
      const signature = authOf(`${socketId}:${channel}`);
      const bad = [
        undefined,
        7,
        "",
        "paybell",
        signature.replace("paybell:", "other:"),
        `${signature}0`,
        `${signature}:x`,
        signature.toUpperCase(),
        authOf(`${other.socketId}:${channel}`),
        authOf(`${socketId}:${channel}2`),
        authOf(`${socketId}:${channel}`, SHOP_APP),
        authOf(`${socketId}:${channel}:{}`),
      ];
      const answers = await answersTo(
        client,
        bad.map((auth) => subscribe(channel, { auth })),
        bad.length,
      );
      expect(answers).toEqual(bad.map(() => refused(channel, 401)));
      const [answer] = await answersTo(client, [subscribe(channel, { auth: signature })]);
      expect(answer).toEqual(succeeded(channel));
    },
  );

  it("channel data is part of the signature wherever it is sent", async () => {
    const { client, socketId } = await server.connect();
    const data = '{"user_id":"1"}';
    const auth = authOf(`${socketId}:private-order-1:${data}`);
    const attempts = [
      subscribe("private-order-1", { auth, channel_data: '{"user_id":"2"}' }),
      subscribe("private-order-1", { auth }),
      subscribe("private-order-1", { auth, channel_data: 7 }),
      subscribe("private-order-1", { auth, channel_data: data }),
    ];
    expect(await answersTo(client, attempts, 4)).toEqual([
      refused("private-order-1", 401),
      refused("private-order-1", 401),
      refused("private-order-1", 400),
      succeeded("private-order-1"),
    ]);
  });

  it("any of the app's keys may sign, whichever one the client connected with", async () => {
    const { client, socketId } = await server.connect("/app/1d9ffac87de599c61283?protocol=7");
    const auth = authOf(`${socketId}:private-order-1`);
    const other = auth.replace("paybell:", "1d9ffac87de599c61283:");
    expect(await answersTo(client, [subscribe("private-order-1", { auth: other })])).toEqual([
      succeeded("private-order-1"),
    ]);
  });

  it("a merchant's own app signs for his channels only", async () => {
    server.news.owners.set("his", "shop").set("hers", "other");
    const { client, socketId } = await server.connect("/app/shop-key?protocol=7");
    const of = (channel: string) => subscribe(channel, { auth: authOf(`${socketId}:${channel}`, SHOP_APP) });
    expect(await answersTo(client, [of("private-his"), of("private-hers")], 2)).toEqual([
      succeeded("private-his"),
      refused("private-hers", 403),
    ]);
    expect(server.news.requests).toMatchObject([{ appKey: "shop-key", appMerchantId: "shop" }]);
  });

  it("an app without a secret has public channels only, one without a master key no encrypted ones", async () => {
    const open = await server.connect("/app/open-key?protocol=7");
    const attempts = [subscribe("private-x", { auth: "open-key:" }), subscribe("order-1")];
    expect(await answersTo(open.client, attempts, 2)).toEqual([refused("private-x", 422), succeeded("order-1")]);
    server.news.owners.set("x", "shop");
    const shop = await server.connect("/app/shop-key?protocol=7");
    const auth = authOf(`${shop.socketId}:private-encrypted-x`, SHOP_APP);
    expect(await answersTo(shop.client, [subscribe("private-encrypted-x", { auth })])).toEqual([
      refused("private-encrypted-x", 422),
    ]);
  });

  it("on encrypted channels each event is sealed once, with a nonce of its own, for this channel", async () => {
    const clients = [await server.connect(), await server.connect()];
    const channels = ["private-encrypted-a", "private-encrypted-cache-a", "private-encrypted-b"];
    for (const { client, socketId } of clients) {
      for (const channel of channels) client.send(subscribe(channel, { auth: authOf(`${socketId}:${channel}`) }));
    }
    await until("all subscriptions", () => server.news.subscriptions.length === 6);
    const event = { name: "PAID", data: '{"amount":"ü 1"}' };
    server.news.publish("a", event);
    server.news.publish("b", event);
    const boxes: string[][] = [];
    for (const { client } of clients) {
      await until("all events", () => client.messages.filter(({ event: name }) => name === "PAID").length === 3);
      const sealed = client.messages.filter(({ event: name }) => name === "PAID") as {
        channel: string;
        data: string;
      }[];
      for (const { channel, data } of sealed) {
        const { nonce, ciphertext } = JSON.parse(data) as Record<"nonce" | "ciphertext", string>;
        const key = createHash("sha256")
          .update(channel)
          .update(APP.encryptionMasterKey ?? "")
          .digest();
        const opened = xsalsa20poly1305(key, Buffer.from(nonce, "base64")).decrypt(Buffer.from(ciphertext, "base64"));
        expect(Buffer.from(opened).toString()).toBe(event.data);
      }
      boxes.push(sealed.map(({ data }) => data));
    }
    expect(boxes[0]).toEqual(boxes[1]);
    expect(new Set(boxes[0]).size).toBe(3);
    expect(boxes.flat().join()).not.toContain(SECRET);
  });
});
