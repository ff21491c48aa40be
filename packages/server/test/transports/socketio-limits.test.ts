/** Every limit on Socket.IO connections at its edge, over both engine transports, and floods. */
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { PaybellError } from "../../src/kit/errors.ts";
import { eventPacket } from "../../src/transports/socketio/event-packet.ts";
import { RawPolling } from "../../testkit/clients/raw-engine.ts";
import { frame, OPCODES, RawWebSocket } from "../../testkit/clients/raw-websocket.ts";
import { type ClientOptions, SOCKET_IO_WAYS, SocketIoClient } from "../../testkit/clients/socketio.ts";
import { SocketIoEcho } from "../../testkit/socketio-echo.ts";
import { type TestClient, TransportServer, type TransportServerOptions } from "../../testkit/transport-server.ts";
import { until } from "../../testkit/until.ts";

const WS = "/socket.io/?EIO=4&transport=websocket";

let echo: SocketIoEcho;
let server: TransportServer;
let url: string;
let clients: SocketIoClient[];

beforeEach(() => {
  echo = new SocketIoEcho();
  clients = [];
});
afterEach(async () => {
  for (const client of clients) client.close();
  await server.close();
});

async function start(limits: TransportServerOptions["limits"] = {}, options: TransportServerOptions = {}) {
  server = await new TransportServer({ socketIoRoutes: [echo], limits, ...options }).listen();
  url = `http://127.0.0.1:${server.port}`;
}

function client(options: ClientOptions = {}): SocketIoClient {
  const made = new SocketIoClient(url, options);
  clients.push(made);
  return made;
}

/** A bare WebSocket in the main namespace. */
async function raw(): Promise<TestClient> {
  const before = echo.connections.length;
  const opened = await server.open(WS);
  opened.send("40");
  await until("the namespace", () => echo.connections.length > before);
  return opened;
}

const polling = () => RawPolling.connect(`${url}/socket.io`);
const ended = () => server.connections.counters.ended;

describe("places", () => {
  it.each(Object.entries(SOCKET_IO_WAYS))(
    "connections, %s: one more is refused until a place is free",
    async (_way, transports) => {
      await start({ connections: 2 });
      const first = await client({ transports }).connected();
      await client({ transports }).connected();
      const third = client({ transports });
      await until("the refusal", () => third.failures.length > 0);
      expect(server.connections.counters.refused).toMatchObject({ too_many_connections: expect.any(Number) });
      first.close();
      await third.connected();
      expect(server.connections.counters.open).toEqual({ echo: 2 });
    },
  );

  it("a refusal says why and when to come again, before the engine hears of the client", async () => {
    await start({ connections: 0 });
    const answer = await fetch(`${url}/socket.io/?EIO=4&transport=polling`);
    expect([answer.status, await answer.json()]).toMatchObject([503, { error: { code: "too_many_connections" } }]);
    expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
    await expect(server.client(WS).opened).rejects.toMatchObject({ status: 503, code: "too_many_connections" });
  });

  it("connectionsPerAddress: counts the client, not the proxy", async () => {
    await start({ connectionsPerAddress: 1 }, { trustProxy: ["127.0.0.1"] });
    const from = (address: string) => ({ "x-forwarded-for": address });
    await RawPolling.open(`${url}/socket.io`, from("198.51.100.1"));
    await expect(RawPolling.open(`${url}/socket.io`, from("198.51.100.1"))).rejects.toThrow("503");
    await RawPolling.open(`${url}/socket.io`, from("198.51.100.2"));
  });

  it("connectionsPerMerchant: the protocol is told, and its connection lives", async () => {
    await start({ connectionsPerMerchant: 1 });
    await raw();
    echo.last.serve("merchant");
    const second = await raw();
    expect(() => echo.last.serve("merchant")).toThrow(PaybellError);
    second.send('42["still","here"]');
    await until("the echo", () => second.received.includes('42["still","here"]'));
  });

  it("a handshake that the engine does not want takes no place", async () => {
    await start();
    for (const query of [
      "EIO=3&transport=polling",
      "EIO=4&transport=polling&sid=unknown",
      "EIO=4&transport=webtransport",
    ]) {
      expect((await fetch(`${url}/socket.io/?${query}`)).status).toBe(400);
    }
    const dialled = await server.dial();
    // An upgrade without a key: `ws` refuses it.
    dialled.write(`GET ${WS} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n`);
    await new Promise((resolve) => dialled.once("close", resolve).resume());
    expect(server.connections.counters).toEqual({ open: {}, refused: { invalid_request: 1 }, ended: {} });
  });

  it("handshakeTimeoutMs: who never asks for the namespace is ended", async () => {
    await start({ handshakeTimeoutMs: 1_000 });
    const silent = await server.open(WS);
    await RawPolling.open(`${url}/socket.io`);
    server.clock.advance(999);
    server.connections.beat();
    expect(ended()).toEqual({});
    server.clock.advance(1);
    server.connections.beat();
    await silent.closed;
    await until("both places to be free", () => server.connections.total === 0);
    expect(ended()).toEqual({ request_timeout: 2 });
  });

  it("idleTimeoutMs: a client that says nothing is ended, and comes back", async () => {
    await start({ idleTimeoutMs: 1_000 });
    const one = await client({ transports: ["websocket"] }).connected();
    server.clock.advance(1_000);
    server.connections.beat();
    await one.connected(2);
    expect(one.events).toEqual([["farewell", "idle_timeout"]]);
  });
});

describe("what a client sends", () => {
  it("messageBytes, WebSocket: the largest is taken; one more byte, and it is told why before close 1009", async () => {
    await start({ messageBytes: 100 });
    const one = await raw();
    one.send(`42["x","${"y".repeat(100 - 10)}"]`);
    await until("the echo", () => one.received.length === 3);
    one.send(`42["x","${"y".repeat(101 - 10)}"]`);
    expect((await one.closed).code).toBe(1009);
    expect(one.received.at(-1)).toBe('42["farewell","payload_too_large"]');
    expect(ended()).toEqual({ payload_too_large: 1 });
  });

  it.each([
    ["with its length said", (body: string) => body],
    ["in chunks", (body: string) => new Blob([body]).stream()],
  ])("messageBytes, polling, %s: the largest is taken; one more byte is 413, and the end", async (_how, bodyOf) => {
    await start({ messageBytes: 100 });
    const one = await polling();
    const push = (body: string) => one.ask({ method: "POST", body: bodyOf(body), duplex: "half" } as RequestInit);
    expect((await push(`42["x","${"y".repeat(100 - 10)}"]`)).status).toBe(200);
    expect(await one.packets()).toHaveLength(1);
    const told = one.packets();
    await delay(20);
    expect((await push(`42["x","${"y".repeat(101 - 10)}"]`)).status).toBe(413);
    expect(await told).toEqual(['42["farewell","payload_too_large"]']);
    await until("the end", () => echo.last.closed && echo.closes === 1);
    expect(ended()).toEqual({ payload_too_large: 1 });
  });

  it.each(Object.entries(SOCKET_IO_WAYS))(
    "10 MB, %s: a clear end, and others do not notice",
    async (_way, transports) => {
      await start();
      const other = await client().connected();
      const one = await client({ transports }).connected();
      if (transports.length === 2) await until("the upgrade", () => one.wire === "websocket");
      one.socket.emit("huge", { text: "z".repeat(10_000_000) });
      await until("the end", () => one.disconnects.length === 1);
      await one.connected(2);
      expect(ended()).toEqual({ payload_too_large: 1 });
      expect(await other.ask("still", "here")).toEqual(["here"]);
      expect(other.disconnects).toEqual([]);
    },
  );

  it("framesPerMessage: one more ends it", async () => {
    await start({ framesPerMessage: 3 });
    const one = await raw();
    const inPieces = (...pieces: string[]) => {
      for (const [place, piece] of pieces.entries()) one.ws.send(piece, { fin: place === pieces.length - 1 });
    };
    inPieces('42["', "a", '"]');
    await until("the echo", () => one.received.includes('42["a"]'));
    inPieces('42["', "a", "", '"]');
    expect((await one.closed).code).toBe(1008);
    expect(ended()).toEqual({ invalid_request: 1 });
  });

  it("messagesPerSecond: bursts of twice that, in one body or one by one", async () => {
    await start({ messagesPerSecond: 5 });
    const one = await polling();
    // "40" was the first of ten.
    await one.push(...Array<string>(9).fill('42["a"]'));
    await until("nine", () => echo.handled.length === 9);
    server.clock.advance(200);
    await one.push('42["a"]');
    await until("one more", () => echo.handled.length === 10);
    await one.push('42["a"]');
    expect((await one.packets()).at(-1)).toBe('42["farewell","rate_limited"]');
    await until("the end", () => server.connections.total === 0);
    expect(ended()).toEqual({ rate_limited: 1 });
  });

  it("messagesPerSecond: pings of WebSocket count, also on one that has not taken over yet", async () => {
    await start({ messagesPerSecond: 5 });
    const path = async () => `${WS}&sid=${(await polling()).sid}`;
    for (const target of [WS, await path()]) {
      const before = ended().rate_limited ?? 0;
      const flooder = await RawWebSocket.open(server.port, target);
      for (let sent = 0; sent < 11; sent += 1) flooder.send(frame({ opcode: OPCODES.ping, payload: Buffer.from("p") }));
      await until("the end", () => ended().rate_limited === before + 1);
      flooder.destroy();
    }
  });

  it("events are handed over one at a time, and no more wait than may be sent in a burst", async () => {
    await start({ messagesPerSecond: 5 });
    let letGo = () => {};
    echo.onEvent = () => new Promise<void>((resolve) => (letGo = resolve));
    const one = await raw();
    for (let sent = 0; sent < 5; sent += 1) one.send(`42["a",${sent}]`);
    await until("the first", () => echo.handled.length === 1);
    letGo();
    await until("the second", () => echo.handled.length === 2);
    expect(echo.handled.map(({ args }) => args)).toEqual([[0], [1]]);
    for (let sent = 5; !echo.last.closed; sent += 1) {
      server.clock.advance(1_000);
      one.send(`42["a",${sent}]`);
      await delay(1);
      expect(sent).toBeLessThan(20);
    }
    expect(ended()).toEqual({ rate_limited: 1 });
  });

  it("keylessRequestsPerSecond: requests that belong to no connection are counted by address", async () => {
    await start({ keylessRequestsPerSecond: 5 });
    const one = await polling();
    const ask = async () => (await fetch(`${url}/socket.io/?EIO=4&transport=polling&sid=guess`)).status;
    const statuses: number[] = [];
    for (let sent = 0; sent < 10; sent += 1) statuses.push(await ask());
    expect(statuses).toEqual([...Array(9).fill(400), 429]);
    // What belongs to one is not.
    for (let sent = 0; sent < 20; sent += 1) {
      echo.last.send(eventPacket("n", [sent]));
      expect(await one.packets()).toEqual([`42["n",${sent}]`]);
    }
    server.clock.advance(200);
    expect(await ask()).toBe(400);
    expect(server.connections.counters.refused).toEqual({ rate_limited: 1 });
  });
});

describe("what waits for a client", () => {
  const packet = eventPacket("filler", ["x".repeat(10_000)]);

  it("bufferedBytes, polling: it may let that much wait, and not more", async () => {
    await start({ bufferedBytes: 100_000 });
    const one = await polling();
    const fitting = Math.floor(100_000 / packet.frame.length);
    for (let sent = 0; sent < fitting; sent += 1) echo.last.send(packet);
    expect(echo.last.closed).toBe(false);
    expect(await one.packets()).toHaveLength(fitting);
    for (let sent = 0; sent < fitting + 1; sent += 1) echo.last.send(packet);
    expect([echo.last.closed, ended()]).toEqual([true, { slow_consumer: 1 }]);
    expect((await one.packets()).at(-1)).toBe('42["farewell","slow_consumer"]');
    expect((await one.packets()).at(-1)).toBe("1");
    await until("the place to be free", () => server.connections.total === 0);
  });

  it("bufferedBytes, WebSocket: who does not read is ended, and cut off", async () => {
    await start({ bufferedBytes: 1_000_000 });
    const one = await raw();
    one.ws.pause();
    let sent = 0;
    while (!echo.last.closed) {
      echo.last.send(packet);
      sent += 1;
      if (sent % 20 === 0) await delay(1);
      expect(sent * 10_000).toBeLessThan(100_000_000);
    }
    expect(ended()).toEqual({ slow_consumer: 1 });
    await until("the place to be free", () => server.connections.total === 0);
  });

  it.each(Object.entries(SOCKET_IO_WAYS))(
    "writable, %s: pages as fast as the client reads, all of them in order",
    async (_way, transports) => {
      await start({ bufferedBytes: 200_000 });
      const one = await client({ transports }).connected();
      const { last } = echo;
      for (let page = 0; page < 40; page += 1) {
        await last.writable();
        for (let sent = 0; sent < 10; sent += 1) last.send(eventPacket("page", [page * 10 + sent, "x".repeat(10_000)]));
      }
      await until("all of it", () => one.events.length === 400);
      expect(one.events.map(([, count]) => count)).toEqual([...Array(400).keys()]);
      expect(ended()).toEqual({});
    },
  );

  it("writable resolves when the client is gone", async () => {
    await start({ bufferedBytes: 100_000 });
    await polling();
    for (let sent = 0; sent < 8; sent += 1) echo.last.send(packet);
    const waited = echo.last.writable();
    echo.last.end("shutting_down");
    await waited;
    await echo.last.writable();
  });
});
