/** Beginnings and ends: sessions that come back, ends after which a client comes back, restarts, and what is given back. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventPacket } from "../../src/transports/socketio/event-packet.ts";
import { RawPolling } from "../../testkit/clients/raw-engine.ts";
import {
  type ClientOptions,
  SOCKET_IO_VERSIONS,
  SOCKET_IO_WAYS,
  SocketIoClient,
} from "../../testkit/clients/socketio.ts";
import { SocketIoEcho } from "../../testkit/socketio-echo.ts";
import { TransportServer, type TransportServerOptions } from "../../testkit/transport-server.ts";
import { until } from "../../testkit/until.ts";

const WS = "/socket.io/?EIO=4&transport=websocket";
const WAYS = Object.entries(SOCKET_IO_WAYS);

let echo: SocketIoEcho;
let servers: TransportServer[];
let clients: SocketIoClient[];

beforeEach(() => {
  echo = new SocketIoEcho();
  servers = [];
  clients = [];
});
afterEach(async () => {
  for (const client of clients) client.close();
  for (const server of servers) await server.close();
});

async function start(options: TransportServerOptions = {}, port = 0): Promise<TransportServer> {
  const server = await new TransportServer({ socketIoRoutes: [echo], ...options }).listen(port);
  servers.push(server);
  return server;
}

function client({ port }: { port: number }, options: ClientOptions = {}, version?: string): SocketIoClient {
  const made = new SocketIoClient(`http://127.0.0.1:${port}`, options, version);
  clients.push(made);
  return made;
}

describe("an end by the server", () => {
  it.each(WAYS)("%s: says why, frees the place, and the client comes back by itself", async (_way, transports) => {
    const server = await start();
    const one = await client(server, { transports }).connected();
    if (transports.length === 2) await until("the upgrade", () => one.wire === "websocket");
    echo.last.end("idle_timeout");
    expect(echo.last.closed).toBe(true);
    await one.connected(2);
    expect(one.events).toEqual([["farewell", "idle_timeout"]]);
    // Not "io server disconnect", after which a client stays away.
    expect(one.disconnects).toEqual(["transport close"]);
    await until("the first place to be free", () => server.connections.total === 1);
    expect([echo.closes, server.connections.counters.ended]).toEqual([1, { idle_timeout: 1 }]);
  });

  it("gives a WebSocket the close code of the reason", async () => {
    const server = await start();
    const raw = await server.open(WS);
    raw.send("40");
    await until("the namespace", () => echo.connections.length === 1);
    echo.last.end("shutting_down");
    expect(await raw.closed).toEqual({ code: 1012, reason: "shutting_down" });
    expect(raw.received.at(-1)).toBe('42["farewell","shutting_down"]');
  });

  it("waits until the protocol has opened its side, which then says why", async () => {
    const server = await start();
    echo.onOpen = (connection) => {
      connection.end("too_many_connections");
      expect(connection.closed).toBe(false);
    };
    const one = client(server, { reconnection: false });
    await until("the end", () => one.disconnects.length === 1);
    expect(one.events).toEqual([["farewell", "too_many_connections"]]);
    expect(echo.closes).toBe(1);
  });

  it("cuts off who does not take it, after closeTimeoutMs", async () => {
    const server = await start({ limits: { closeTimeoutMs: 100 } });
    const deaf = await server.dialDeaf(WS);
    const absent = await RawPolling.connect(`http://127.0.0.1:${server.port}/socket.io`);
    await until("both", () => server.connections.total === 2);
    void server.connections.drain({ withinMs: 0 });
    await until("both to be gone", () => server.connections.total === 0);
    expect((await absent.poll()).status).toBe(400);
    deaf.destroy();
  });

  it("a protocol that throws ends its own connection only", async () => {
    const server = await start();
    const one = await client(server).connected();
    const two = await client(server).connected();
    echo.onEvent = (name) => {
      if (name === "bad") throw new Error("a fault of the protocol");
    };
    one.socket.emit("bad");
    await one.connected(2);
    expect(server.errors).toEqual([new Error("a fault of the protocol")]);
    expect(one.events).toEqual([["farewell", "internal_error"]]);
    expect(two.disconnects).toEqual([]);
  });
});

describe("a client that goes", () => {
  it.each(WAYS)("%s: gives its place back at once", async (_way, transports) => {
    const server = await start();
    const one = await client(server, { transports }).connected();
    one.close();
    await until("the place to be free", () => server.connections.total === 0);
    expect(echo.closes).toBe(1);
  });

  it("without a word while it polls: its place comes back when it answers no ping", async () => {
    const server = await start({ limits: { pingIntervalMs: 60 } });
    await RawPolling.connect(`http://127.0.0.1:${server.port}/socket.io`);
    await until("the place to be free", () => server.connections.total === 0);
    expect([echo.closes, server.connections.counters.ended]).toEqual([1, { idle_timeout: 1 }]);
  });

  it("out of the namespace, but not of the engine: is closed after handshakeTimeoutMs", async () => {
    const server = await start({ limits: { handshakeTimeoutMs: 1_000 } });
    const raw = await server.open(WS);
    raw.send("40");
    await until("the namespace", () => echo.connections.length === 1);
    raw.send("41");
    await until("its protocol to know", () => echo.closes === 1);
    expect([echo.last.closed, server.connections.total]).toEqual([true, 1]);
    server.clock.advance(1_000);
    server.connections.beat();
    await raw.closed;
    await until("the place to be free", () => server.connections.total === 0);
  });
});

describe("a restart", () => {
  it.each(WAYS)("%s: drained clients come back to the next process", async (_way, transports) => {
    const first = await start();
    const { port } = first;
    const several = await Promise.all([...Array(5)].map(() => client({ port }, { transports }).connected()));
    await first.close();
    expect(first.connections.total).toBe(0);
    for (const one of several) expect(one.events).toEqual([["farewell", "shutting_down"]]);
    await start({}, port);
    for (const one of several) await one.connected(2);
    expect(await (several[0] as SocketIoClient).ask("hello", 1)).toEqual([1]);
  });

  it("while it drains, nobody gets in", async () => {
    const server = await start();
    const drained = server.connections.drain({ withinMs: 0 });
    const refused = client(server, { reconnection: false });
    await until("the refusal", () => refused.failures.length === 1);
    await drained;
    expect([server.connections.counters.refused, refused.connects]).toEqual([{ shutting_down: 1 }, 0]);
  });
});

describe("a session", () => {
  it("has an id, which a client from 4.6 on brings back with the last offset that it saw", async () => {
    const server = await start();
    const one = await client(server).connected();
    const [first] = echo.handshakes;
    expect(first?.session).toEqual({
      id: expect.stringMatching(/^[A-Za-z0-9_-]{20}$/),
      isReturning: false,
      offset: null,
    });
    echo.last.send(eventPacket("news", [{ a: 1 }], "offset-1"));
    echo.last.send(eventPacket("news", [{ a: 2 }], "offset-2"));
    await until("both", () => one.events.length === 2);
    expect(one.events).toEqual([
      ["news", { a: 1 }, "offset-1"],
      ["news", { a: 2 }, "offset-2"],
    ]);
    echo.last.end("slow_consumer");
    await one.connected(2);
    expect(echo.handshakes[1]?.session).toEqual({ id: first?.session.id, isReturning: true, offset: "slow_consumer" });
  });

  it.each(["4.0", "4.5"])("of a client %s is a new one each time", async (version) => {
    const server = await start();
    const one = await client(server, {}, version).connected();
    echo.last.end("idle_timeout");
    await one.connected(2);
    const [first, second] = echo.handshakes;
    expect(second?.session).toMatchObject({ isReturning: false, offset: null });
    expect(second?.session.id).not.toBe(first?.session.id);
    expect(Object.keys(SOCKET_IO_VERSIONS)).toContain(version);
  });

  it.each([
    ["too short", '{"pid":"abc","offset":"x"}'],
    ["no text", '{"pid":{"length":20},"offset":"x"}'],
    ["of other characters", '{"pid":"aaaaaaaaaaaaaaaaaaa\\n"}'],
    ["of a prototype", '{"__proto__":{"pid":"aaaaaaaaaaaaaaaaaaaa"}}'],
  ])("is a new one when the id is %s", async (_what, auth) => {
    const server = await start();
    const raw = await server.open(WS);
    raw.send(`40${auth}`);
    await until("the answer", () => raw.received.length === 2);
    const session = echo.handshakes[0]?.session;
    expect(session).toEqual({ id: expect.stringMatching(/^[A-Za-z0-9_-]{20}$/), isReturning: false, offset: null });
    expect(JSON.parse(raw.received[1]?.slice(2) ?? "")).toEqual({ sid: echo.last.id, pid: session?.id });
  });

  it("forgets an offset that is no text or too long to be one", async () => {
    const server = await start();
    for (const offset of ["1", JSON.stringify("x".repeat(8_193))]) {
      const raw = await server.open(WS);
      raw.send(`40{"pid":"aaaaaaaaaaaaaaaaaaaa","offset":${offset}}`);
      await until("the answer", () => raw.received.length === 2);
    }
    const expected = { id: "aaaaaaaaaaaaaaaaaaaa", isReturning: true, offset: null };
    expect(echo.handshakes.map(({ session }) => session)).toEqual([expected, expected]);
  });

  it("comes with what the client sent: query, headers and auth", async () => {
    const server = await start();
    await client(server, { auth: { token: "t" }, query: { shop: "one" }, extraHeaders: { cookie: "a=b" } }).connected();
    const [handshake] = echo.handshakes;
    expect(handshake?.auth).toMatchObject({ token: "t" });
    expect(handshake?.url.searchParams.get("shop")).toBe("one");
    expect([handshake?.headers.cookie, handshake?.remoteAddress]).toEqual(["a=b", "127.0.0.1"]);
  });
});
