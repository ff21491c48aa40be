/** What identiPay's document expects of `/ws/transactions/{id}`, beyond the suite of all protocols. */
import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Payment } from "../../src/payments/payment.ts";
import { ProtocolServer } from "../../testkit/protocol-server.ts";
import type { TestClient } from "../../testkit/transport-server.ts";
import { until } from "../../testkit/until.ts";

const IDLE_MS = 1_800_000;
const NOT_FOUND = { type: "error", message: "Transaction not found" };
let server: ProtocolServer;

beforeAll(async () => {
  server = await ProtocolServer.start();
});
afterEach(() => server.transports.closeClients());
afterAll(() => server.stop());

const dial = (id: string, options = {}) => server.transports.open(`/ws/transactions/${id}`, options);

/** A client that has its first message. */
async function follow({ id }: Pick<Payment, "id">, options = {}): Promise<TestClient> {
  const client = await dial(id, options);
  await until("the first message", () => client.received.length > 0);
  return client;
}

const pending = ({ id }: Payment) => ({ type: "status", transactionId: id, status: "pending", suiTxDigest: null });
const status = ({ id }: Payment, text: string, suiTxDigest: string | null = null) => ({
  type: "status",
  transactionId: id,
  status: text,
  suiTxDigest,
});
const settlement = ({ id }: Payment, suiTxDigest: string | null) => ({
  type: "settlement",
  transactionId: id,
  status: "settled",
  suiTxDigest,
});

async function says(client: TestClient, ...expected: object[]): Promise<void> {
  await until(
    () => `${JSON.stringify(expected)} in ${client.received}`,
    () => client.received.length >= expected.length,
  );
  // Everything that was sent before the answer has arrived when the answer arrives.
  await until("the hub to have everything", async () => server.hub.offset >= (await server.core.log.head()));
  if (client.ws.readyState === client.ws.OPEN) {
    client.ws.ping();
    await new Promise((resolve) => client.ws.once("pong", resolve));
  }
  expect(client.messages).toEqual(expected);
}

async function paid(payment: Payment): Promise<string> {
  const txId = await server.pay(payment);
  await server.controls.mine(2);
  return txId;
}

const execute = (payment: Payment, input: Parameters<typeof server.core.ingest.execute>[2]) =>
  server.core.ingest.execute(payment.merchantId, payment.id, input);

/** Time passes, and has been watched. */
async function pass(ms: number): Promise<void> {
  server.transports.clock.advance(ms);
  await server.controls.mine(1);
  await server.core.ingest.tick();
}

describe("the messages", () => {
  it("are, to the byte, those of the document", async () => {
    const payment = await server.create();
    const client = await follow(payment);
    const txId = await paid(payment);
    await until("the settlement", () => client.received.length === 2);
    expect(client.received).toEqual([
      `{"type":"status","transactionId":"${payment.id}","status":"pending","suiTxDigest":null}`,
      `{"type":"settlement","transactionId":"${payment.id}","status":"settled","suiTxDigest":"${txId}"}`,
    ]);
  });

  it("say settled once: steps within pending and from paid to final are no news", async () => {
    const payment = await server.create();
    const client = await follow(payment);
    await server.pay(payment, 400_000n);
    await server.controls.mine(1);
    const covering = await server.pay(payment, 600_000n);
    await server.controls.mine(1);
    await server.controls.mine(8);
    await server.pay(payment, 5n);
    expect((await server.core.payment(payment.id)).payment.status).toBe("final");
    await says(client, pending(payment), settlement(payment, covering));
  });

  it("begin with settled and its transaction for who comes later", async () => {
    const payment = await server.create();
    const txId = await paid(payment);
    await says(await follow(payment), status(payment, "settled", txId));
  });

  it("take a settlement back when the chain does, and give it again", async () => {
    const payment = await server.create();
    const client = await follow(payment);
    const txId = await paid(payment);
    await server.controls.reorg(2);
    await server.controls.mine(2);
    await says(
      client,
      pending(payment),
      settlement(payment, txId),
      status(payment, "pending"),
      settlement(payment, txId),
    );
  });

  it("never show the transaction of a payment that is not settled", async () => {
    const payment = await server.create();
    const client = await follow(payment);
    await server.pay(payment);
    expect((await server.core.payment(payment.id)).payment.coveringTxId).not.toBeNull();
    await says(client, pending(payment));
    await says(await follow(payment), pending(payment));
  });

  it("tell of expiry, and of money that came after it", async () => {
    const payment = await server.create({ expiresInSeconds: 60 });
    const client = await follow(payment);
    await pass(60_001);
    await says(client, pending(payment), status(payment, "expired"));
    await says(await follow(payment), status(payment, "expired"));
    const txId = await paid(payment);
    await says(
      client,
      pending(payment),
      status(payment, "expired"),
      status(payment, "pending"),
      settlement(payment, txId),
    );
  });

  it("tell of a cancellation", async () => {
    const payment = await server.create();
    const client = await follow(payment);
    await execute(payment, { type: "cancel" });
    await says(client, pending(payment), status(payment, "cancelled"));
  });

  it("say settled without a transaction where a person decided it", async () => {
    const payment = await server.create({ expiresInSeconds: 60 });
    const client = await follow(payment);
    await server.pay(payment, 400_000n);
    await pass(60_001);
    await execute(payment, { type: "resolve", as: "paid" });
    await says(client, pending(payment), status(payment, "expired"), settlement(payment, null));
    await execute(payment, { type: "resolve", as: "failed" });
    const messages = [pending(payment), status(payment, "expired"), settlement(payment, null)];
    await says(client, ...messages, status(payment, "expired"));
  });

  it("carry nothing but what the document lists", async () => {
    const payment = await server.create({ customer: "alice", reference: "order 7", metadata: { card: "4242" } });
    const client = await follow(payment);
    await paid(payment);
    await until("the settlement", () => client.received.length === 2);
    for (const message of client.messages) {
      expect(Object.keys(message)).toEqual(["type", "transactionId", "status", "suiTxDigest"]);
    }
  });

  it("reach any origin, and clients of any number on one payment alike", async () => {
    const payment = await server.create();
    const clients = await Promise.all(
      ["https://shop.example", "https://elsewhere.example", "null"].map((origin) =>
        follow(payment, { headers: { origin } }),
      ),
    );
    const txId = await paid(payment);
    for (const client of clients) await says(client, pending(payment), settlement(payment, txId));
  });

  it("of a standing payment stay at pending", async () => {
    const payment = await server.create({ amountAtomic: null });
    const client = await follow(payment);
    await paid(payment);
    await says(client, pending(payment));
  });
});

describe("what is not there", () => {
  it.each([
    ["an id of nothing", "f47ac10b-58cc-4372-a567-0e02b2c3d479"],
    ["no UUID", "hello"],
    ["a UUID of another version", "f47ac10b-58cc-1372-a567-0e02b2c3d479"],
    ["a UUID in capitals", "F47AC10B-58CC-4372-A567-0E02B2C3D479"],
    ["an address", "sb1qqqqqqqqqq"],
  ])("%s: an error, then close 4004", async (_what, id) => {
    const client = await dial(id);
    expect(await client.closed).toEqual({ code: 4004, reason: "not_found" });
    expect(client.messages).toEqual([NOT_FOUND]);
  });

  it("a payment that is deleted while it is followed: the same", async () => {
    const payment = await server.create();
    const client = await follow(payment);
    await execute(payment, { type: "erase" });
    expect(await client.closed).toEqual({ code: 4004, reason: "not_found" });
    expect(client.messages).toEqual([pending(payment), NOT_FOUND]);
    const later = await dial(payment.id);
    expect(await later.closed).toEqual({ code: 4004, reason: "not_found" });
    expect(later.messages).toEqual([NOT_FOUND]);
  });

  it("leaves nothing behind, however many ask", async () => {
    for (let round = 0; round < 40; round += 1) {
      const clients = await Promise.all(
        Array.from({ length: 50 }, (_, at) => dial(at % 2 === 0 ? randomUUID() : `odd-${round}-${at}`)),
      );
      for (const client of clients) {
        expect((await client.closed).code).toBe(4004);
        expect(client.messages).toEqual([NOT_FOUND]);
      }
    }
    expect(server.hub.topicCount).toBe(0);
    expect(server.identipayPlaces?.size).toBe(0);
    await until("all connections to be gone", () => server.transports.connections.total === 0);
  });
});

describe("what clients send", () => {
  it("is never answered: neither the document's ping nor anything else", async () => {
    const payment = await server.create();
    const client = await follow(payment);
    for (const message of ['{"type":"ping"}', "ping", "{", '{"type":"subscribe"}', "null", "[]", ""])
      client.send(message);
    client.ws.send(Buffer.from([1, 2, 3]));
    const txId = await paid(payment);
    await says(client, pending(payment), settlement(payment, txId));
  });

  it("ends the connection when it is a flood, with 4108, and nobody else's", async () => {
    const payment = await server.create();
    const other = await follow(payment);
    const client = await follow(payment);
    for (let sent = 0; sent < 1_000; sent += 1) client.send({ type: "ping" });
    expect(await client.closed).toEqual({ code: 4108, reason: "rate_limited" });
    expect(client.messages).toEqual([pending(payment)]);
    const txId = await paid(payment);
    await says(other, pending(payment), settlement(payment, txId));
  });
});

describe("30 minutes without a message", () => {
  /** In steps that a transport's own ping is answered in. */
  async function wait(client: TestClient, ms: number): Promise<void> {
    const { clock, connections, limits } = server.transports;
    for (let left = ms; left > 0; left -= limits.pingIntervalMs) {
      const pings = client.pings;
      clock.advance(Math.min(left, limits.pingIntervalMs));
      connections.beat();
      if (left >= limits.pingIntervalMs) {
        await until("the ping", () => client.pings > pings || client.ws.readyState !== client.ws.OPEN);
      }
      // Answered, or closed: either way it has come before the answer.
      client.ws.ping();
      await Promise.race([new Promise((resolve) => client.ws.once("pong", resolve)), client.closed]);
    }
  }

  it("close with 4101, whatever pongs came in between", async () => {
    const client = await follow(await server.create());
    await wait(client, IDLE_MS - 1);
    expect(client.ws.readyState).toBe(client.ws.OPEN);
    expect(client.pings).toBeGreaterThan(50);
    server.transports.clock.advance(1);
    server.transports.connections.beat();
    expect(await client.closed).toEqual({ code: 4101, reason: "idle_timeout" });
  });

  it.each(["the client's ping", "a settlement"])("begin anew with %s", async (what) => {
    const payment = await server.create();
    const client = await follow(payment);
    server.transports.clock.advance(20_000);
    if (what === "a settlement") {
      await paid(payment);
      await until("the settlement", () => client.received.length === 2);
    } else {
      client.send({ type: "ping" });
      client.ws.ping();
      await new Promise((resolve) => client.ws.once("pong", resolve));
    }
    await wait(client, IDLE_MS - 1);
    expect(client.ws.readyState).toBe(client.ws.OPEN);
    server.transports.clock.advance(1);
    server.transports.connections.beat();
    expect((await client.closed).code).toBe(4101);
  });
});
