/** Crypto Shop clients, on both engine transports and at three versions, under the suite that all protocols pass. */
import { randomUUID } from "node:crypto";
import type { LogRecord } from "../../src/log/event-log.ts";
import type { Payment } from "../../src/payments/payment.ts";
import { CryptoShopClient } from "../../testkit/clients/crypto-shop-client.ts";
import type { ClientOptions } from "../../testkit/clients/socketio.ts";
import { type FollowingClient, type ProtocolHarness, testProtocol } from "../../testkit/protocol.ts";
import type { ProtocolServer } from "../../testkit/protocol-server.ts";
import { until } from "../../testkit/until.ts";

const MESSAGE = "Your purchase has been confirmed. You can now place new orders.";
const COMPLETED = ["paid", "final"];
const PENDING = ["pending", "confirming", "reversed"];

/** From the life of the payment, step by step: the shop's status whenever it is another one, and each time the order has
 * become completed, the confirmation. */
function told(records: readonly LogRecord[]): readonly string[] {
  const heard: string[] = [];
  let before: string | null = null;
  for (const { data, atMs } of records) {
    const { payment } = data;
    if (!payment) continue;
    const open = PENDING.includes(payment.status) ? "pending" : "cancelled";
    const status = COMPLETED.includes(payment.status) ? "completed" : open;
    if (status === before) continue;
    before = status;
    const timestamp = new Date(atMs).toISOString();
    const orderId = payment.id;
    heard.push(`order:updated ${JSON.stringify({ orderId, status, timestamp })}`);
    if (status !== "completed") continue;
    const body = { orderId, txHash: payment.txId, message: MESSAGE, timestamp };
    heard.push(`transaction:confirmed ${JSON.stringify(body)}`);
  }
  return heard;
}

interface Cursor {
  pid: string | null;
  offset: string | null;
}

const following =
  (options: ClientOptions, version?: string) =>
  async (server: ProtocolServer, payment: Payment, cursor: string | null): Promise<FollowingClient> => {
    const before = cursor === null ? null : (JSON.parse(cursor) as Cursor);
    const client = await CryptoShopClient.joined(
      server.url,
      payment.customer,
      { ...options, auth: before ?? {} },
      version,
    );
    return {
      get heard() {
        return client.heard;
      },
      contained: null,
      get cursor() {
        return JSON.stringify({ pid: client.pid, offset: client.offset ?? before?.offset ?? null });
      },
      close: async () => {
        // Who goes in the middle of his first join has no place to go on from, and is told all of it at the next one.
        if (before === null) await until("the first word of the payment", () => client.heard.length > 0);
        client.close();
      },
    };
  };

const answersError =
  (options: ClientOptions, ...args: unknown[]) =>
  async (server: ProtocolServer): Promise<void> => {
    const client = new CryptoShopClient(server.url, options);
    await client.io.connected();
    client.io.socket.emit("join-user", ...args);
    await client.hears("error");
    if (client.errors[0] !== "invalid_request") throw new Error(`It was answered ${client.errors}`);
    client.close();
  };

function harness(options: ClientOptions, version?: string): ProtocolHarness {
  return {
    request: () => ({ customer: `user-${randomUUID()}` }),
    connect: following(options, version),
    expected: told,
    // Libraries from 4.6 on come back with what they had last.
    hasCursor: version === undefined,
    tellsPast: true,
    malformed: {
      "no user": answersError(options),
      "a user who is null": answersError(options, null),
      "an empty user": answersError(options, ""),
      "a user of too many characters": answersError(options, "x".repeat(201)),
      "an event that nobody knows": async (server) => {
        const client = new CryptoShopClient(server.url, options);
        await client.io.connected();
        client.io.socket.emit("constructor", "x");
        await client.settled();
        client.close();
      },
      "a client that is gone before it is served": async (server, payment) => {
        const client = new CryptoShopClient(server.url, options);
        await client.io.connected();
        for (let sent = 0; sent < 20; sent += 1) client.join(payment.customer);
        client.io.socket.io.engine.close();
        client.close();
      },
    },
  };
}

testProtocol("Crypto Shop over WebSocket", harness({ transports: ["websocket"] }));
testProtocol("Crypto Shop over HTTP long-polling", harness({ transports: ["polling"] }));
testProtocol("Crypto Shop with the library of 4.0", harness({ transports: ["websocket", "polling"] }, "4.0"));
