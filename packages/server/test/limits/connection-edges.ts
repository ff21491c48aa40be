/** Limits on open connections and on what comes over them. */
import { expect } from "vitest";
import { SANDBOX_SECRET_KEY } from "../../src/http/keys.ts";
import type { Connection, SocketRoute } from "../../src/transports/websocket/connection.ts";
import { textFrame } from "../../src/transports/websocket/frame.ts";
import { TransportServer } from "../../testkit/transport-server.ts";
import { until } from "../../testkit/until.ts";
import type { TestServer } from "../http/harness.ts";
import { type Edges, type EdgeTable, expectFull, refusalOf } from "./edge.ts";

type ConnectionLimit =
  | "connections"
  | "connectionsPerAddress"
  | "connectionsPerMerchant"
  | "subscriptionsPerConnection"
  | "messageBytes"
  | "framesPerMessage"
  | "messagesPerSecond"
  | "messagesPerSecondPerAddress"
  | "bufferedBytes"
  | "idleTimeoutMs"
  | "closeTimeoutMs"
  | "pingIntervalMs";

const KEY = { authorization: `Bearer ${SANDBOX_SECRET_KEY}` };
const PING = '{"type":"ping"}';

/** The three ways in: each is refused in its own words. */
async function expectAllRefused(at: Edges, server: TestServer, paymentId: string, headers = {}): Promise<void> {
  await expectFull(await refusalOf(at.socket(server, "/v1/stream", headers)));
  await expectFull(await at.request(server, `/v1/payments/${paymentId}/events`, headers));
  await expectFull(
    await at.request(server, `/v1/events?paymentId=${paymentId}&after=${await end(server)}&waitMs=1000`, headers),
  );
}

/** A cursor behind which there is nothing yet, so that a poll waits. */
async function end(server: TestServer): Promise<string> {
  return (await server.get("/v1/events?limit=1000")).json.next;
}

/** A server of the WebSocket transport alone, whose connections the test holds in its hands. */
async function transport(at: Edges, limits: ConstructorParameters<typeof TransportServer>[0]["limits"]) {
  const connections: Connection[] = [];
  const route: SocketRoute = {
    protocol: "echo",
    path: "/echo",
    silent: false,
    open: (connection) => {
      connections.push(connection);
      return { onMessage: (text) => connection.send(textFrame(text)), onClose: () => undefined };
    },
  };
  const server = await new TransportServer({ routes: [route], ...(limits ? { limits } : {}) }).listen();
  at.onEnd(() => server.close());
  return { server, connections };
}

export const connectionEdges: EdgeTable<ConnectionLimit> = {
  connections: async (at) => {
    const server = await at.start({ connections: 3 });
    const { id } = await server.payment();
    const socket = await at.open(server, "/v1/stream");
    expect((await at.request(server, `/v1/payments/${id}/events`)).status).toBe(200);
    void at.request(server, `/v1/events?after=${await end(server)}&waitMs=30000`, KEY).catch(() => undefined);
    await until("the third to wait", async () =>
      (await server.get("/metrics")).text.includes('paybell_connections{protocol="polling"} 1'),
    );
    await expectAllRefused(at, server, id);
    socket.ws.close();
    await socket.closed;
    await until("the place to be free", async () => (await at.request(server, `/v1/payments/${id}/events`)).ok);
  },

  connectionsPerAddress: async (at) => {
    const trust = { environment: { PAYBELL_TRUST_PROXY: "127.0.0.1" } };
    const server = await at.start({ connectionsPerAddress: 2 }, trust);
    const { id } = await server.payment();
    const from = (address: string) => ({ "x-forwarded-for": address });
    await at.open(server, "/v1/stream", from("2001:db8:1:2::1"));
    await at.open(server, "/v1/stream", from("2001:db8:1:2:ffff::9"));
    await expectAllRefused(at, server, id, from("2001:db8:1:2::7"));
    await at.open(server, "/v1/stream", from("2001:db8:1:3::1"));
  },

  connectionsPerMerchant: async (at) => {
    const server = await at.start({ connectionsPerMerchant: 2 });
    const { id, address } = await server.payment();
    const other = await server.merchant("other");
    const others = await server.payment({}, { key: other.secret });
    const follow = async (paymentId: string) => {
      const client = await at.open(server, "/v1/stream");
      client.send({ type: "subscribe", topic: `payment:${paymentId}` });
      await until("the answer", () => client.received.length > 0);
      return client;
    };
    expect((await follow(id)).messages[0]).toMatchObject({ type: "subscribed" });
    expect((await at.request(server, `/v1/payments/${id}/events`)).status).toBe(200);
    const refused = await follow(id);
    expect(refused.messages).toMatchObject([{ type: "error", code: "too_many_connections", topic: `payment:${id}` }]);
    await expectFull(await at.request(server, `/v1/payments/${id}/events`));
    await expectFull(await at.request(server, `/v1/events?after=${await end(server)}&waitMs=1000`, KEY));
    const silent = await at.open(server, `/payment/${address}`);
    expect((await silent.closed).code).toBe(1013);
    expect(silent.received).toEqual([]);
    // The connection that was refused lives, and what belongs to somebody else has room.
    refused.send({ type: "subscribe", topic: `payment:${others.id}` });
    await until("the other merchant's payment", () => refused.messages[1]?.type === "subscribed");
  },

  subscriptionsPerConnection: async (at) => {
    const server = await at.start({ subscriptionsPerConnection: 2 });
    const ids = [await server.payment(), await server.payment(), await server.payment()].map(({ id }) => id);
    const client = await at.open(server, "/v1/stream");
    for (const id of ids) client.send({ type: "subscribe", topic: `payment:${id}` });
    await until("the refusal", () => client.messages.some(({ type }) => type === "error"));
    expect(client.messages.filter(({ type }) => type === "subscribed")).toHaveLength(2);
    expect(client.messages.at(-1)).toMatchObject({
      type: "error",
      code: "too_many_subscriptions",
      topic: `payment:${ids[2]}`,
      details: { limit: "subscriptionsPerConnection", value: 2 },
    });
    client.send({ type: "unsubscribe", topic: `payment:${ids[0]}` });
    client.send({ type: "subscribe", topic: `payment:${ids[2]}` });
    await until("the third", () => client.messages.some(({ topic }) => topic === `payment:${ids[2]}`));
  },

  messageBytes: async (at) => {
    const server = await at.start({ messageBytes: 100 });
    const client = await at.open(server, "/v1/stream");
    client.send(PING.padEnd(100));
    await until("the pong", () => client.received.length === 1);
    client.send(PING.padEnd(101));
    expect((await client.closed).code).toBe(1009);
  },

  framesPerMessage: async (at) => {
    const server = await at.start({ framesPerMessage: 3 });
    const client = await at.open(server, "/v1/stream");
    const inPieces = (...pieces: string[]) => {
      for (const [place, piece] of pieces.entries()) client.ws.send(piece, { fin: place === pieces.length - 1 });
    };
    inPieces('{"type":', '"ping"', "}");
    await until("the pong", () => client.received.length === 1);
    inPieces('{"type":', "", '"ping"', "}");
    expect((await client.closed).code).toBe(1008);
  },

  messagesPerSecond: async (at) => {
    const server = await at.start({ messagesPerSecond: 5 });
    const client = await at.open(server, "/v1/stream");
    for (let sent = 0; sent < 10; sent += 1) client.send(PING);
    await until("ten pongs", () => client.received.length === 10);
    at.clock.advance(200);
    client.send(PING);
    await until("eleven pongs", () => client.received.length === 11);
    client.send(PING);
    expect(await client.closed).toEqual({ code: 4108, reason: "rate_limited" });
  },

  messagesPerSecondPerAddress: async (at) => {
    const trust = { environment: { PAYBELL_TRUST_PROXY: "127.0.0.1" } };
    const server = await at.start({ messagesPerSecondPerAddress: 5, messagesPerSecond: 5 }, trust);
    const from = (address: string) => ({ "x-forwarded-for": address });
    const one = await at.open(server, "/v1/stream", from("2001:db8:1:2::1"));
    const other = await at.open(server, "/v1/stream", from("2001:db8:1:2::2"));
    const neighbours = [
      await at.open(server, "/v1/stream", from("2001:db8:1:2::3")),
      await at.open(server, "/v1/stream", from("2001:db8:1:3::1")),
    ];
    for (const client of [one, other]) {
      for (let sent = 0; sent < 5; sent += 1) client.send(PING);
      await until("five pongs", () => client.received.length === 5);
    }
    other.send(PING);
    expect(await other.closed).toEqual({ code: 4108, reason: "rate_limited" });
    for (const neighbour of neighbours) neighbour.send(PING);
    await until("pongs for others, also at that address", () =>
      neighbours.every(({ received }) => received.length === 1),
    );
    at.clock.advance(200);
    one.send(PING);
    await until("its share", () => one.received.length === 6);
  },

  bufferedBytes: async (at) => {
    const bufferedBytes = 1_000_000;
    const { server, connections } = await transport(at, { bufferedBytes, closeTimeoutMs: 10_000 });
    const client = await server.open("/echo");
    client.ws.pause();
    const [connection] = connections as [Connection];
    const frame = textFrame("x".repeat(10_000));
    // What the system takes first, then up to the limit: until then the client only waits.
    let waiting = 0;
    while (!connection.closed) {
      const taken = connection.writable().then(() => true);
      const isFull = !(await Promise.race([taken, new Promise<boolean>((done) => setTimeout(done, 20, false))]));
      connection.send(frame);
      waiting = isFull ? waiting + frame.length : 0;
    }
    expect(waiting).toBeGreaterThan(bufferedBytes / 2);
    expect(waiting).toBeLessThanOrEqual(bufferedBytes + frame.length);
    client.ws.resume();
    expect((await client.closed).code).toBe(4100);
  },

  idleTimeoutMs: async (at) => {
    const { server } = await transport(at, { idleTimeoutMs: 1_000, pingIntervalMs: 60_000 });
    const client = await server.open("/echo");
    server.clock.advance(999);
    server.connections.beat();
    client.send("still here");
    await until("the echo", () => client.received.length === 1);
    server.clock.advance(999);
    server.connections.beat();
    expect(server.connections.counters.ended).toEqual({});
    server.clock.advance(1);
    server.connections.beat();
    expect(await client.closed).toEqual({ code: 4101, reason: "idle_timeout" });
  },

  closeTimeoutMs: async (at) => {
    const { server, connections } = await transport(at, { closeTimeoutMs: 300 });
    const polite = await server.open("/echo");
    await server.dialDeaf("/echo");
    await until("both", () => connections.length === 2);
    for (const connection of connections) connection.end("shutting_down");
    expect((await polite.closed).code).toBe(1012);
    // The other never answers the close.
    await until("the deaf one to be cut off", () => server.connections.total === 0);
  },

  pingIntervalMs: async (at) => {
    const { server } = await transport(at, { pingIntervalMs: 1_000 });
    const alive = await server.open("/echo");
    await server.dialDeaf("/echo");
    await until("both", () => server.connections.total === 2);
    server.clock.advance(999);
    server.connections.beat();
    server.clock.advance(1);
    server.connections.beat();
    await until("the ping", () => alive.pings === 1);
    alive.send("the pong went before this");
    await until("the echo", () => alive.received.length === 1);
    server.clock.advance(1_000);
    server.connections.beat();
    await until("the deaf one to be gone", () => server.connections.total === 1);
    expect(server.connections.counters.ended).toEqual({ idle_timeout: 1 });
    expect(alive.ws.readyState).toBe(alive.ws.OPEN);
  },
};
