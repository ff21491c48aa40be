/** Tributary's WebSocket API, message by message. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { topics } from "../../src/log/topic.ts";
import type { Payment } from "../../src/payments/payment.ts";
import { SOCKET_IO_VERSIONS } from "../../testkit/clients/socketio.ts";
import { TributaryClient } from "../../testkit/clients/tributary-client.ts";
import { MERCHANT, ProtocolServer } from "../../testkit/protocol-server.ts";

const INVALID = "INVALID_TRACKING_ID: Tracking ID is required and must be a string";
const INVALID_SHORT = "INVALID_TRACKING_ID: Tracking ID is required";

let server: ProtocolServer;
const clients: TributaryClient[] = [];

beforeAll(async () => {
  server = await ProtocolServer.start();
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await server.transports.closeClients();
  expect(server.errors).toEqual([]);
});
afterAll(() => server.stop());

async function open(transport = "websocket", version?: string): Promise<TributaryClient> {
  const client = await TributaryClient.open(server.url, { transports: [transport] }, version);
  clients.push(client);
  return client;
}

/** Paid, and deep enough to be executed. */
async function execute(payment: Payment, amountAtomic?: bigint): Promise<string> {
  const txId = await server.pay(payment, amountAtomic);
  await server.controls.mine(2);
  return txId;
}

describe("as documented", () => {
  it("a payment is told with all fields of the document, and two that Paybell adds", async () => {
    const client = await open();
    expect(await client.subscribe("my-subscription-id")).toBe("Subscribed to trackingId: my-subscription-id");
    const payment = await server.create({ reference: "my-subscription-id" });
    const signature = await execute(payment);
    await client.paid(1);
    const [message] = client.messages("payment");
    const atMs = server.transports.clock.nowMs();
    expect(message).toEqual({
      type: "payment_notification",
      data: {
        trackingId: "my-subscription-id",
        amount: 1_000_000,
        timestamp: Math.floor(atMs / 1_000),
        status: "executed",
        signature,
        id: expect.stringMatching(/^exe_[A-Za-z0-9_-]{22}$/),
        amountAtomic: "1000000",
      },
      timestamp: atMs,
    });
    expect(JSON.stringify(client.io.events)).not.toContain(payment.id);
  });

  it("acks and errors have type, data and a timestamp in milliseconds", async () => {
    const client = await open();
    const timestamp = server.transports.clock.nowMs();
    await client.subscribe("x");
    await client.unsubscribe("x");
    await client.subscribe("");
    expect(client.messages("ack")).toEqual([
      { type: "ack", data: "Subscribed to trackingId: x", timestamp },
      { type: "ack", data: "Unsubscribed from trackingId: x", timestamp },
    ]);
    const data = { code: "INVALID_TRACKING_ID", message: "Tracking ID is required and must be a string" };
    expect(client.messages("error")).toEqual([{ type: "error", data, timestamp }]);
  });

  it.each(Object.keys(SOCKET_IO_VERSIONS))("socket.io-client %s, over both engine transports", async (version) => {
    const reference = `with ${version}`;
    const following = [await open("websocket", version), await open("polling", version)];
    for (const client of following) await client.subscribe(reference);
    const signature = await execute(await server.create({ reference }));
    for (const client of following) {
      await client.paid(1);
      expect(client.signatures).toEqual([signature]);
      expect(await client.unsubscribe(reference)).toBe(`Unsubscribed from trackingId: ${reference}`);
    }
  });

  it("what is emitted before the connection is there is not lost", async () => {
    const client = new TributaryClient(server.url);
    clients.push(client);
    client.io.socket.emit("subscribe", { trackingId: "early" });
    const signature = await execute(await server.create({ reference: "early" }));
    await client.paid(1);
    expect([client.acks, client.signatures]).toEqual([["Subscribed to trackingId: early"], [signature]]);
  });

  it("unsubscribing is acknowledged, whether it was followed or not, and ends it", async () => {
    const client = await open();
    await client.subscribe("ended");
    await client.subscribe("followed");
    expect(await client.unsubscribe("ended")).toBe("Unsubscribed from trackingId: ended");
    expect(await client.unsubscribe("never")).toBe("Unsubscribed from trackingId: never");
    await execute(await server.create({ reference: "ended" }));
    const signature = await execute(await server.create({ reference: "followed" }));
    await client.paid(1);
    expect(client.signatures).toEqual([signature]);
  });

  it("many ids on one socket are told in the order of the log", async () => {
    const client = await open();
    const payments: Payment[] = [];
    for (let at = 0; at < 12; at += 1) {
      await client.subscribe(`many-${at}`);
      payments.push(await server.create({ reference: `many-${at}` }));
    }
    const paid = payments.toReversed();
    for (const payment of paid) await server.pay(payment);
    await server.controls.mine(2);
    await client.paid(12);
    const logged = await server.records(topics.merchant(MERCHANT));
    const inLog = logged.filter(({ type }) => type === "payment.paid").map(({ data }) => data.payment?.txId);
    expect(client.signatures).toEqual(inLog.slice(-12));
  });
});

describe.each(["websocket", "polling"])("over %s, the documented error for", (transport) => {
  let nested: unknown = "x";
  for (let depth = 0; depth < 1_500; depth += 1) nested = [nested];
  const prototype = JSON.parse('{"__proto__":{"trackingId":"x"},"constructor":{"prototype":{"trackingId":"x"}}}');

  it.each<[string, unknown[]]>([
    ["no payload", []],
    ["null", [null]],
    ["undefined", [undefined]],
    ["a number", [42]],
    ["a boolean", [true]],
    ["a text", ["my-subscription-id"]],
    ["an empty object", [{}]],
    ["an array", [["my-subscription-id"]]],
    ["an array with the id in it", [[{ trackingId: "x" }]]],
    ["an id that is a number", [{ trackingId: 7 }]],
    ["an id that is null", [{ trackingId: null }]],
    ["an id that is an object", [{ trackingId: { toString: "x" } }]],
    ["an id that is an array", [{ trackingId: ["x"] }]],
    ["an empty id", [{ trackingId: "" }]],
    ["an id of nothing but padding", [{ trackingId: "\0\0\0" }]],
    ["an id of 65 bytes", [{ trackingId: "x".repeat(65) }]],
    ["an id of 17 characters and 68 bytes", [{ trackingId: "😀".repeat(17) }]],
    ["half a surrogate pair", [{ trackingId: "a\ud83d" }]],
    ["the id in the wrong case", [{ trackingid: "x" }]],
    ["keys of the prototype", [prototype]],
    ["deep nesting", [{ trackingId: nested }]],
    ["bytes", [Buffer.from("x")]],
    ["an id in bytes", [{ trackingId: Buffer.from("x") }]],
    ["the payload as the second argument", [null, { trackingId: "x" }]],
    ["a callback alone", [() => undefined]],
  ])("%s", async (_what, args) => {
    const client = await open(transport);
    expect(await client.send("subscribe", ...args)).toBe(INVALID);
    expect(await client.send("unsubscribe", ...args)).toBe(INVALID_SHORT);
    expect(await client.subscribe("still there")).toBe("Subscribed to trackingId: still there");
    expect(client.io.disconnects).toEqual([]);
  });

  it("no more than what is wrong: arguments and keys too many, and callbacks, do no harm", async () => {
    const client = await open(transport);
    let called = false;
    const callback = () => {
      called = true;
    };
    const payload = { trackingId: "plain", amount: 5, __proto__: null };
    expect(await client.send("subscribe", payload, "more", null, callback)).toBe("Subscribed to trackingId: plain");
    expect(await client.send("unsubscribe", payload, callback)).toBe("Unsubscribed from trackingId: plain");
    expect(called).toBe(false);
  });

  it("10 MB end the connection that sent them, after CONNECTION_ERROR where it still listens", async () => {
    const client = new TributaryClient(server.url, { transports: [transport], reconnection: false });
    clients.push(client);
    const other = await open(transport);
    await client.io.connected();
    client.io.socket.emit("subscribe", { trackingId: "x".repeat(10_000_000) });
    await expect.poll(() => client.io.disconnects.length, { timeout: 10_000 }).toBe(1);
    for (const { code } of client.errors) expect(code).toBe("CONNECTION_ERROR");
    expect(await other.subscribe("as before")).toBe("Subscribed to trackingId: as before");
  });
});

describe("ids are compared as bytes", () => {
  it.each([
    ["exactly 64 bytes", "ü".repeat(32)],
    ["emoji", "😀".repeat(16)],
    ["spaces at both ends", " a "],
    ["the names of a prototype", "__proto__"],
    ["a colon", "a:b:c"],
  ])("%s", async (_what, reference) => {
    const client = await open();
    await client.subscribe(reference);
    const signature = await execute(await server.create({ reference }));
    expect((await client.paid(1))[0]).toMatchObject({ trackingId: reference, signature });
  });

  it("what looks alike is another id", async () => {
    const client = await open();
    for (const id of ["cafe\u0301", "CAFÉ", "café ", " café"]) await client.subscribe(id);
    await execute(await server.create({ reference: "café" }));
    await client.subscribe("last");
    const signature = await execute(await server.create({ reference: "last" }));
    await client.paid(1);
    expect(client.signatures).toEqual([signature]);
  });

  it("zero bytes at the end are padding: the ack repeats them, the payment has the id", async () => {
    const client = await open();
    const padded = "memo".padEnd(64, "\0");
    expect(await client.subscribe(padded)).toBe(`Subscribed to trackingId: ${padded}`);
    await client.subscribe("memo");
    await execute(await server.create({ reference: "memo" }));
    await client.paid(1);
    expect(client.payments.map(({ trackingId }) => trackingId)).toEqual(["memo"]);
  });
});

it("a connection that is ended by the server hears CONNECTION_ERROR first, and comes back", async () => {
  const own = await ProtocolServer.start();
  const client = await TributaryClient.open(own.url, { reconnectionDelay: 10_000, reconnectionDelayMax: 10_000 });
  await client.subscribe("x");
  await own.stop();
  expect(client.errors).toEqual([
    { code: "CONNECTION_ERROR", message: "WebSocket connection error: The server is being restarted." },
  ]);
  await expect.poll(() => client.io.disconnects).toEqual(["transport close"]);
  expect(client.io.socket.active).toBe(true);
  client.close();
});
