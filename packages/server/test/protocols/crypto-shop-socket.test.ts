/** What Crypto Shop's clients are told, and what they are answered, message by message. */
import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { topics } from "../../src/log/topic.ts";
import { CryptoShopClient } from "../../testkit/clients/crypto-shop-client.ts";
import { type ClientOptions, SOCKET_IO_VERSIONS } from "../../testkit/clients/socketio.ts";
import { MERCHANT, ProtocolServer } from "../../testkit/protocol-server.ts";
import { until } from "../../testkit/until.ts";

const MESSAGE = "Your purchase has been confirmed. You can now place new orders.";
const HOUR_MS = 3_600_000;

let server: ProtocolServer;
let userId: string;
const clients: CryptoShopClient[] = [];

beforeAll(async () => {
  server = await ProtocolServer.start();
});
beforeEach(() => {
  userId = `507f1f77-${randomUUID()}`;
});
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});
afterAll(async () => {
  expect(server.errors).toEqual([]);
  await server.stop();
});

async function connected(options: ClientOptions = {}, version?: string): Promise<CryptoShopClient> {
  const client = new CryptoShopClient(server.url, options, version);
  clients.push(client);
  await client.io.connected();
  return client;
}

async function joined(user: unknown = userId, options: ClientOptions = {}, version?: string) {
  const client = await connected(options, version);
  client.join(user);
  await client.settled();
  client.io.events.length = 0;
  return client;
}

async function pay(customer = userId): Promise<{ orderId: string; txHash: string }> {
  const payment = await server.create({ customer });
  const txHash = await server.pay(payment);
  await server.controls.mine(2);
  return { orderId: payment.id, txHash };
}

describe("a purchase that is confirmed", () => {
  it.each(Object.keys(SOCKET_IO_VERSIONS))("is told as documented, to the library of %s", async (version) => {
    const client = await joined(userId, { transports: ["websocket", "polling"], withCredentials: true }, version);
    const { orderId, txHash } = await pay();
    await client.hears("transaction:confirmed");
    const [confirmed] = client.bodies("transaction:confirmed");
    expect(confirmed).toEqual({ orderId, txHash, message: MESSAGE, timestamp: confirmed.timestamp });
    expect(new Date(confirmed.timestamp).toISOString()).toBe(confirmed.timestamp);
  });

  it("is told at every place where its user is, and to nobody else", async () => {
    const [one, two, other] = await Promise.all([joined(), joined(), joined("somebody-else")]);
    const { orderId } = await pay();
    await Promise.all([one.hears("transaction:confirmed"), two.hears("transaction:confirmed")]);
    await other.settled();
    expect([one.confirmed, two.confirmed, other.confirmed]).toEqual([[orderId], [orderId], []]);
    expect(other.heard).toHaveLength(1);
  });

  it("is told once, however often its user joins", async () => {
    const client = await joined();
    for (let time = 0; time < 5; time += 1) client.join(userId);
    await pay();
    await client.hears("transaction:confirmed");
    client.join(userId);
    await client.settled();
    expect(client.confirmed).toHaveLength(1);
  });

  it("is no standing payment, and none of a customer who was not named", async () => {
    const client = await joined();
    await server.pay(await server.create({ customer: userId, amountAtomic: null }), 5n);
    await server.pay(await server.create({}));
    await server.controls.mine(2);
    await pay();
    await client.hears("transaction:confirmed");
    expect(client.confirmed).toHaveLength(1);
    expect(client.bodies("order:updated").map(({ status }) => status)).toEqual(["pending", "completed"]);
  });
});

describe("the status of an order", () => {
  it("is told when it changes: taken back by a reorganisation, completed and confirmed anew", async () => {
    const client = await joined();
    const { orderId } = await pay();
    await server.controls.reorg(2);
    await server.controls.mine(2);
    await client.hears("transaction:confirmed", 2);
    const updates = client.bodies("order:updated");
    expect(updates.map(({ status }) => status)).toEqual(["pending", "completed", "pending", "completed"]);
    for (const update of updates) expect(update).toEqual({ ...update, orderId });
    expect(client.confirmed).toEqual([orderId, orderId]);
    // The status first: whoever hears that it is confirmed finds it completed.
    expect(client.io.events.map(([name]) => name).slice(-2)).toEqual(["order:updated", "transaction:confirmed"]);
  });

  it("is cancelled when it is cancelled, and nothing is confirmed", async () => {
    const client = await joined();
    const { id } = await server.create({ customer: userId });
    await server.core.ingest.execute(MERCHANT, id, { type: "cancel" });
    await client.hears("order:updated", 2);
    expect(client.bodies("order:updated").map(({ status }) => status)).toEqual(["pending", "cancelled"]);
    expect(client.confirmed).toEqual([]);
  });

  it("is completed when an operator says so, with an empty transaction", async () => {
    const client = await joined();
    const { id } = await server.create({ customer: userId, expiresInSeconds: 60 });
    server.transports.clock.advance(61_000);
    await server.controls.mine(1);
    await server.core.ingest.tick();
    await client.hears("order:updated", 2);
    await server.core.ingest.execute(MERCHANT, id, { type: "resolve", as: "paid" });
    await client.hears("transaction:confirmed");
    expect(client.bodies("order:updated").map(({ status }) => status)).toEqual(["pending", "cancelled", "completed"]);
    expect(client.bodies("transaction:confirmed")[0].txHash).toBe("");
  });
});

describe("stock", () => {
  it("is told to those who asked for it, as what can still be ordered", async () => {
    const watching = await connected();
    watching.io.socket.emit("join-products");
    await watching.settled();
    const other = await joined();
    const product = await server.core.productIngest.create({
      merchantId: MERCHANT,
      name: "Mug",
      priceAtomic: 500n,
      chain: "sandbox",
      asset: "SBX",
      stock: 5,
    });
    await server.core.ingest.createOrder({
      merchantId: MERCHANT,
      customer: userId,
      items: [{ productId: product.id, quantity: 2 }],
    });
    await watching.hears("stock:updated", 2);
    const updates = watching.bodies("stock:updated");
    expect(updates).toEqual(
      [5, 3].map((stock, at) => ({ productId: product.id, stock, timestamp: updates[at].timestamp })),
    );
    await other.hears("order:updated");
    expect(other.bodies("stock:updated")).toEqual([]);
  });
});

describe("what happened before a join", () => {
  it("is told from the window on, in order, in the very same words", async () => {
    const early = await joined();
    await pay();
    await pay();
    await early.hears("transaction:confirmed", 2);
    const late = await joined();
    late.join(userId);
    const again = await connected();
    again.join(userId);
    await again.hears("transaction:confirmed", 2);
    expect(again.heard).toEqual(early.heard);
  });

  it("is not told when it is older than the window", async () => {
    await pay();
    server.transports.clock.advance(HOUR_MS + 1);
    const { orderId } = await pay();
    const client = await connected();
    client.join(userId);
    await client.hears("transaction:confirmed");
    expect(client.confirmed).toEqual([orderId]);
  });
});

describe("a join that makes no sense", () => {
  class Odd {
    readonly toString = () => userId;
  }
  it.each([
    ["nothing", []],
    ["null", [null]],
    ["a number", [7]],
    ["a boolean", [true]],
    ["an object", [{ userId: "x" }]],
    ["an array", [["x"]]],
    ["an object with the keys of prototypes", [JSON.parse('{"__proto__":{"x":1},"constructor":{"prototype":{}}}')]],
    ["an object that calls itself a text", [new Odd()]],
    ["deep nesting", [JSON.parse(`${"[".repeat(500)}${"]".repeat(500)}`)]],
    ["an empty text", [""]],
    ["control characters", ["a\u0000b"]],
    ["half a character", ["\ud800"]],
    ["201 characters", ["x".repeat(201)]],
    ["10,000 characters", ["x".repeat(10_000)]],
    ["binary", [Buffer.from("user")]],
  ])("of %s is answered by an error, and the client goes on", async (_what, args) => {
    const client = await connected({ reconnection: false });
    client.io.socket.emit("join-user", ...args);
    if (Buffer.isBuffer(args[0])) {
      // Binary packets are nothing that this protocol has: the transport ends such a client.
      await until("an answer or the end", () => client.errors.length > 0 || client.io.disconnects.length > 0);
      return;
    }
    await client.hears("error");
    expect(client.bodies("error")).toEqual([
      { code: "invalid_request", message: expect.stringContaining("join-user") },
    ]);
    client.join(userId);
    await pay();
    await client.hears("transaction:confirmed");
  });

  it("of the longest id that a payment may have is none of these", async () => {
    const longest = "ü".repeat(200);
    const client = await joined(longest);
    await pay(longest);
    await client.hears("transaction:confirmed");
  });

  it("of one room too many is refused; those before stay", async () => {
    const limit = server.transports.limits.cryptoShopRoomsPerConnection;
    const client = await joined();
    for (let room = 1; room < limit; room += 1) client.join(`${userId}/${room}`);
    await client.settled();
    expect(client.errors).toEqual(["invalid_request"]);
    client.io.socket.emit("join-products");
    await client.hears("error", 2);
    expect(client.errors.at(-1)).toBe("too_many_subscriptions");
    await pay();
    await pay(`${userId}/${limit - 1}`);
    await client.hears("transaction:confirmed", 2);
  });
});

describe("several shops on one server", () => {
  it("are told apart by the publishable key; without one nobody is joined", async () => {
    const own = await ProtocolServer.start();
    await own.addMerchant("other");
    const key = await own.addKey("publishable", "other");
    const secret = await own.addKey("secret", "other");
    const open = async (path: string, options: ClientOptions) => {
      const client = await CryptoShopClient.joined(`${own.url}${path}`, userId, options);
      clients.push(client);
      await client.settled();
      return client;
    };
    const named = [await open("", { query: { key } }), await open("", { auth: { key } })];
    const nameless = [
      await open("", {}),
      await open("", { query: { key: secret } }),
      await open("", { auth: { key: 7 } }),
    ];
    const payment = await own.create({ customer: userId, merchantId: "other" });
    for (const client of named) await client.hears("order:updated");
    for (const client of nameless) expect(client.errors[0]).toBe("not_found");
    expect((await own.records(topics.customer("other", userId))).at(-1)?.paymentId).toBe(payment.id);
    expect(nameless.flatMap((client) => client.bodies("order:updated"))).toEqual([]);
    for (const client of clients.splice(0)) client.close();
    await own.stop();
  });
});

describe("an order that is short of stock", () => {
  it("is pending again when an operator calls it paid and its units are gone, until there are some", async () => {
    const client = await joined();
    const { ingest, productIngest } = server.core;
    const product = await productIngest.create({
      merchantId: MERCHANT,
      name: "Mug",
      priceAtomic: 100n,
      chain: "sandbox",
      asset: "SBX",
      stock: 1,
    });
    const items = [{ productId: product.id, quantity: 1 }];
    const wanted = { merchantId: MERCHANT, customer: userId, items, expiresInSeconds: 60 };
    const { payment } = await ingest.createOrder(wanted);
    server.transports.clock.advance(61_000);
    await server.controls.mine(1);
    await ingest.tick();
    await client.hears("order:updated", 2);
    await productIngest.edit(MERCHANT, product.id, { addStock: -1 });
    await ingest.execute(MERCHANT, payment.id, { type: "resolve", as: "paid" });
    await client.hears("order:updated", 3);
    await productIngest.edit(MERCHANT, product.id, { addStock: 1 });
    await ingest.execute(MERCHANT, payment.id, { type: "resolve", as: "paid" });
    await client.hears("transaction:confirmed");
    const statuses = client.bodies("order:updated").map(({ status }) => status);
    expect(statuses).toEqual(["pending", "cancelled", "pending", "completed"]);
  });
});
