import { afterEach, describe, expect, it } from "vitest";
import type { Limits } from "../../src/kit/limits.ts";
import type {
  Connection,
  ConnectionHandler,
  SocketRoute,
  UpgradeRequest,
} from "../../src/transports/websocket/connection.ts";
import { textFrame } from "../../src/transports/websocket/frame.ts";
import { handshake, Refused, TransportServer } from "../../testkit/transport-server.ts";
import { until } from "../../testkit/until.ts";

/** Says everything back, and keeps its connections for the test to use. */
class Echo implements SocketRoute {
  readonly protocol = "echo";
  readonly path = "/echo/:name";
  readonly silent: boolean;
  readonly connections: Connection[] = [];
  readonly requests: UpgradeRequest[] = [];
  readonly handled: string[] = [];
  closes = 0;
  binaries = 0;
  onMessage: (text: string, connection: Connection) => void | Promise<void> = (text, connection) =>
    connection.send(textFrame(text));

  constructor(silent = false) {
    this.silent = silent;
  }

  allowsOrigin(origin: string): boolean {
    return origin !== "https://evil.example";
  }

  open(connection: Connection, request: UpgradeRequest): ConnectionHandler {
    this.connections.push(connection);
    this.requests.push(request);
    return {
      onMessage: (text) => {
        this.handled.push(text);
        return this.onMessage(text, connection);
      },
      onBinary: () => {
        this.binaries += 1;
      },
      onClose: () => {
        this.closes += 1;
      },
    };
  }
}

let server: TransportServer | null = null;

async function start(
  options: { echo?: Echo; limits?: Partial<Limits>; trustProxy?: string[] } = {},
): Promise<{ server: TransportServer; echo: Echo }> {
  const { echo = new Echo(), ...rest } = options;
  server = await new TransportServer({ routes: [echo], ...rest }).listen();
  return { server, echo };
}

afterEach(async () => {
  await server?.close();
  server = null;
});

async function refusal(opened: Promise<void>): Promise<Refused> {
  const error = await opened.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (error instanceof Refused) return error;
  throw new Error(`It was not refused: ${error}`);
}

describe("messages", () => {
  it("arrive in one piece at each length of the frame's header", async () => {
    const { server, echo } = await start();
    const client = await server.open("/echo/a");
    const texts = [0, 1, 125, 126, 127, 65_535, 65_536, 200_000].map((length) => "x".repeat(length));
    texts.push("ä€𐍈".repeat(50));
    for (const text of texts) echo.connections[0]?.send(textFrame(text));
    await until("all texts", () => client.received.length === texts.length);
    expect(client.received).toEqual(texts);
  });

  it("are the same bytes for every client", async () => {
    const { server, echo } = await start();
    const clients = await Promise.all([server.open("/echo/a"), server.open("/echo/b")]);
    const frame = textFrame("once");
    for (const connection of echo.connections) connection.send(frame);
    await until("both", () => clients.every((client) => client.received.length === 1));
    expect(clients.map((client) => client.received)).toEqual([["once"], ["once"]]);
  });

  it("are handled one at a time, in order, however long each takes", async () => {
    const echo = new Echo();
    let running = 0;
    let most = 0;
    echo.onMessage = async (text, connection) => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      connection.send(textFrame(text));
    };
    const { server } = await start({ echo });
    const client = await server.open("/echo/a");
    const texts = Array.from({ length: 40 }, (_, index) => `${index}`);
    for (const text of texts) client.send(text);
    await until("all answers", () => client.received.length === texts.length);
    expect(client.received).toEqual(texts);
    expect(most).toBe(1);
  });

  it("that are binary are told to the protocol as such", async () => {
    const { server, echo } = await start();
    const client = await server.open("/echo/a");
    client.ws.send(Buffer.from([1, 2, 3]));
    client.send("text");
    await until("the text", () => client.received.length === 1);
    expect(echo.binaries).toBe(1);
    expect(echo.handled).toEqual(["text"]);
  });

  it("on a silent route never reach the protocol, and are never answered", async () => {
    const echo = new Echo(true);
    const { server } = await start({ echo });
    const client = await server.open("/echo/a");
    client.send("anything");
    client.ws.send(Buffer.from([1]));
    echo.connections[0]?.send(textFrame("news"));
    await until("the news", () => client.received.length > 0);
    client.ws.close();
    await client.closed;
    expect(client.received).toEqual(["news"]);
    expect([echo.handled, echo.binaries]).toEqual([[], 0]);
  });
});

describe("the upgrade", () => {
  it("gives the protocol path parts, query and the client's address", async () => {
    const { server, echo } = await start();
    await server.open("/echo/a%20b?timestamp=1", { headers: { "x-forwarded-for": "203.0.113.9" } });
    const [request] = echo.requests;
    expect(request?.params).toEqual({ name: "a b" });
    expect(request?.url.searchParams.get("timestamp")).toBe("1");
    expect(request?.remoteAddress).toBe("127.0.0.1");
  });

  it("believes X-Forwarded-For where the proxy is trusted, and nothing that stands before what the proxy wrote", async () => {
    const { server, echo } = await start({ trustProxy: ["127.0.0.0/8"] });
    await server.open("/echo/a", { headers: { "x-forwarded-for": "198.51.100.1, 203.0.113.9" } });
    expect(echo.requests[0]?.remoteAddress).toBe("203.0.113.9");
  });

  it("takes the first subprotocol that is offered, as Chromium demands", async () => {
    const { server } = await start();
    const client = await server.open("/echo/a", { protocols: ["protocolOne", "protocolTwo"] });
    expect(client.ws.protocol).toBe("protocolOne");
    expect((await server.open("/echo/a")).ws.protocol).toBe("");
  });

  it("is answered 404 with a JSON body where the path is nobody's", async () => {
    const { server } = await start();
    for (const path of ["/elsewhere", "/echo/", "/echo/a/b", "/echo/%E0%A4%A", "//echo/a"]) {
      const { status, code, headers } = await refusal(server.client(path).opened);
      expect([path, status, code]).toEqual([path, 404, "not_found"]);
      expect(headers["content-type"]).toContain("application/json");
    }
  });

  it("leaves the socket alone where the path is nobody's, so that another transport can take it", async () => {
    const { server } = await start();
    const socket = await server.dial();
    const request = { url: "/socket.io/?EIO=4", headers: {}, socket } as never;
    expect(server.sockets.handleUpgrade(request, socket, Buffer.alloc(0))).toBe(false);
    expect(socket.destroyed).toBe(false);
    expect(socket.writableEnded).toBe(false);
  });

  it("is answered 403 to an origin that the route does not allow", async () => {
    const { server } = await start();
    const { status, code } = await refusal(
      server.client("/echo/a", { headers: { origin: "https://evil.example" } }).opened,
    );
    expect([status, code]).toEqual([403, "forbidden"]);
    await server.open("/echo/a", { headers: { origin: "https://shop.example" } });
  });

  it("is answered 400 when it is no WebSocket handshake, and costs no place", async () => {
    const { server } = await start();
    const socket = await server.dial();
    let answer = "";
    socket.on("data", (chunk) => (answer += chunk.toString()));
    socket.write(handshake("/echo/a").replace("dGhlIHNhbXBsZSBub25jZQ==", "short"));
    await new Promise((resolve) => socket.once("close", resolve));
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain('"code":"invalid_request"');
    expect(server.connections.total).toBe(0);
  });

  it("refuses a second protocol on the same path", async () => {
    const { server } = await start();
    expect(() => server.sockets.mount(new Echo())).toThrow(/Two protocols/);
  });
});

describe("limits", () => {
  it("connections: the next one is answered 503, and a place that becomes free is given again", async () => {
    const { server } = await start({ limits: { connections: 2 } });
    const first = await server.open("/echo/a");
    await server.open("/echo/b");
    const { status, code, headers } = await refusal(server.client("/echo/c").opened);
    expect([status, code]).toEqual([503, "too_many_connections"]);
    expect(Number(headers["retry-after"])).toBeGreaterThan(0);
    first.ws.close();
    await until("a free place", () => server.connections.total === 1);
    await server.open("/echo/c");
    expect(server.connections.counters).toMatchObject({ open: { echo: 2 }, refused: { too_many_connections: 1 } });
  });

  it("connectionsPerAddress: counts one address, and leaves others alone", async () => {
    const { server } = await start({ limits: { connectionsPerAddress: 1 }, trustProxy: ["127.0.0.1"] });
    const from = (address: string) => ({ headers: { "x-forwarded-for": address } });
    await server.open("/echo/a", from("2001:db8:1:2::1"));
    expect((await refusal(server.client("/echo/a", from("2001:db8:1:2:ffff::9")).opened)).code).toBe(
      "too_many_connections",
    );
    await server.open("/echo/a", from("2001:db8:1:3::1"));
    await server.open("/echo/a", from("198.51.100.1"));
  });

  it("messageBytes: the largest is taken, one byte more closes with 1009", async () => {
    const { server } = await start({ limits: { messageBytes: 100 } });
    const client = await server.open("/echo/a");
    client.send("x".repeat(100));
    await until("the echo", () => client.received.length === 1);
    client.send("x".repeat(101));
    expect((await client.closed).code).toBe(1009);
    expect(server.connections.counters.ended).toEqual({ payload_too_large: 1 });
  });

  it("messagesPerSecond: a burst of twice that is taken, one more closes with 4108", async () => {
    const { server } = await start({ limits: { messagesPerSecond: 5 } });
    const client = await server.open("/echo/a");
    for (let sent = 0; sent < 10; sent += 1) client.send(`${sent}`);
    await until("ten echoes", () => client.received.length === 10);
    server.clock.advance(200);
    client.send("one more, after a fifth of a second");
    await until("eleven echoes", () => client.received.length === 11);
    client.send("too much");
    expect(await client.closed).toEqual({ code: 4108, reason: "rate_limited" });
  });

  it("messagesPerSecond: pings count, because each costs an answer", async () => {
    const { server } = await start({ limits: { messagesPerSecond: 5 } });
    const client = await server.open("/echo/a");
    for (let sent = 0; sent < 11; sent += 1) client.ws.ping();
    expect((await client.closed).code).toBe(4108);
  });

  it("pingIntervalMs: quiet connections are pinged, and one that does not answer is ended with 4101", async () => {
    const { server } = await start({ limits: { pingIntervalMs: 1_000 } });
    const alive = await server.open("/echo/a");
    const deaf = await server.dialDeaf("/echo/b");
    await until("both", () => server.connections.total === 2);
    server.clock.advance(1_000);
    server.connections.beat();
    await until("a ping", () => alive.pings === 1);
    alive.send("still here");
    await until("the echo", () => alive.received.length === 1);
    server.clock.advance(1_000);
    server.connections.beat();
    await until("the deaf one to be gone", () => server.connections.total === 1);
    expect(server.connections.counters.ended).toEqual({ idle_timeout: 1 });
    expect(alive.ws.readyState).toBe(alive.ws.OPEN);
    deaf.destroy();
  });

  it("idleTimeoutMs: a connection on which nothing is heard for so long is ended with 4101", async () => {
    const { server } = await start({ limits: { pingIntervalMs: 60_000, idleTimeoutMs: 1_000 } });
    const client = await server.open("/echo/a");
    server.clock.advance(999);
    client.send("hello");
    await until("the echo", () => client.received.length === 1);
    server.clock.advance(999);
    server.connections.beat();
    expect(server.connections.total).toBe(1);
    server.clock.advance(1);
    server.connections.beat();
    expect(await client.closed).toEqual({ code: 4101, reason: "idle_timeout" });
  });
});

describe("a slow consumer", () => {
  const LIMITS = { bufferedBytes: 200_000, closeTimeoutMs: 100 };
  const frame = textFrame("x".repeat(10_000));

  it("that never reads is cut off in bounded time and memory, and nobody else notices", async () => {
    const { server, echo } = await start({ limits: LIMITS });
    await server.dialDeaf("/echo/deaf");
    const good = await server.open("/echo/good");
    const [deaf, fine] = echo.connections as [Connection, Connection];
    let accepted = 0;
    for (let sent = 0; sent < 2_000; sent += 1) {
      if (!deaf.closed) accepted += 1;
      deaf.send(frame);
      fine.send(textFrame(`${sent}`));
      if (sent % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await until("the deaf one to be gone", () => server.connections.total === 1);
    await until("the good one to have everything", () => good.received.length === 2_000);
    // What the system's buffers take, and `bufferedBytes`; not the 20 MB that were offered.
    expect(accepted * frame.length).toBeLessThan(12_000_000);
    expect(server.connections.counters.ended).toEqual({ slow_consumer: 1 });
    expect(echo.closes).toBe(1);
  });

  it("that comes back to life in time is told why", async () => {
    const { server, echo } = await start({ limits: { ...LIMITS, closeTimeoutMs: 10_000 } });
    const client = await server.open("/echo/a");
    client.ws.pause();
    const [connection] = echo.connections as [Connection];
    while (!connection.closed) {
      for (let sent = 0; sent < 20; sent += 1) connection.send(frame);
      await new Promise((resolve) => setImmediate(resolve));
    }
    client.ws.resume();
    expect(await client.closed).toEqual({ code: 4100, reason: "slow_consumer" });
  });

  it("may be waited for: writable() resolves when enough was taken", async () => {
    const { server, echo } = await start({ limits: LIMITS });
    const client = await server.open("/echo/a");
    const [connection] = echo.connections as [Connection];
    for (let sent = 0; sent < 1_000; sent += 1) {
      await connection.writable();
      connection.send(frame);
    }
    await until("everything", () => client.received.length === 1_000);
    expect(connection.closed).toBe(false);
  });

  it("that is being waited for and goes away ends the wait", async () => {
    const { server, echo } = await start({ limits: LIMITS });
    const socket = await server.dialDeaf("/echo/deaf");
    const [connection] = echo.connections as [Connection];
    const big = textFrame("x".repeat(60_000));
    let waits: Promise<void> | null = null;
    // Until the system's buffers are full and writable() has to wait.
    for (let sent = 0; sent < 1_000 && waits === null; sent += 1) {
      connection.send(big);
      const asked = connection.writable();
      const settled = await Promise.race([
        asked.then(() => true),
        new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 50)),
      ]);
      if (!settled) waits = asked;
    }
    expect(waits).not.toBeNull();
    socket.destroy();
    await waits;
    await until("it to be gone", () => server.connections.total === 0);
  });
});

describe("failures", () => {
  it("of a protocol end its connection with 1011, are reported, and hurt nobody else", async () => {
    const echo = new Echo();
    echo.onMessage = (text, connection) => {
      if (text === "throw") throw new Error("a fault of the protocol");
      if (text === "reject") return Promise.reject(new Error("a late fault of the protocol"));
      connection.send(textFrame(text));
    };
    const { server } = await start({ echo });
    const good = await server.open("/echo/good");
    for (const fault of ["throw", "reject"]) {
      const bad = await server.open("/echo/bad");
      bad.send(fault);
      expect(await bad.closed).toEqual({ code: 1011, reason: "internal_error" });
    }
    good.send("still here");
    await until("the echo", () => good.received.length === 1);
    expect(server.errors.map(String)).toEqual([
      "Error: a fault of the protocol",
      "Error: a late fault of the protocol",
    ]);
  });

  it("of a protocol at its very beginning end the connection with 1011", async () => {
    const echo = new Echo();
    echo.open = () => {
      throw new Error("cannot begin");
    };
    const { server } = await start({ echo });
    expect((await server.client("/echo/a").closed).code).toBe(1011);
    await until("its place to be free", () => server.connections.total === 0);
  });

  it("in the bytes of a client end its connection, and the server lives", async () => {
    const { server } = await start();
    const wrong = [
      Buffer.from([0x81, 0x01, 0x61]), // not masked
      Buffer.from([0xf1, 0x80, 0, 0, 0, 0]), // reserved bits
      Buffer.from([0x83, 0x80, 0, 0, 0, 0]), // reserved opcode
      Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0xc3, 0x28]), // not UTF-8
      Buffer.from([0x89, 0xfe, 0x00, 0x7e, 0, 0, 0, 0]), // a ping of 126 bytes
      Buffer.from([0x88, 0x81, 0, 0, 0, 0, 0x03]), // a close frame of one byte
      Buffer.from([0x80, 0x80, 0, 0, 0, 0]), // continues nothing
      Buffer.from("GET / HTTP/1.1\r\n\r\n"),
    ];
    for (const bytes of wrong) {
      const socket = await server.dial();
      socket.write(handshake("/echo/a"));
      await new Promise<void>((resolve) => socket.once("data", () => resolve()));
      socket.write(bytes);
      socket.resume();
      await new Promise<void>((resolve) => socket.once("close", () => resolve()));
    }
    await until("all places to be free", () => server.connections.total === 0);
    const good = await server.open("/echo/a");
    good.send("still here");
    await until("the echo", () => good.received.length === 1);
    expect(server.errors).toEqual([]);
  });

  it("of the network end the connection once, and give back what it held", async () => {
    const { server, echo } = await start();
    const client = await server.open("/echo/a");
    client.terminate();
    await until("it to be gone", () => server.connections.total === 0);
    echo.connections[0]?.send(textFrame("to nobody"));
    echo.connections[0]?.end("internal_error");
    await echo.connections[0]?.writable();
    expect(echo.closes).toBe(1);
    expect(server.connections.counters.open).toEqual({});
  });
});

describe("the drain", () => {
  it("ends everybody with 1012 over the given time, and answers newcomers 503", async () => {
    const { server } = await start();
    const clients = await Promise.all(Array.from({ length: 10 }, (_, index) => server.open(`/echo/${index}`)));
    let gone = 0;
    for (const client of clients) client.closed.then(() => (gone += 1));
    const drained = server.connections.drain({ withinMs: 300 });
    const { status, code } = await refusal(server.client("/echo/late").opened);
    expect([status, code]).toEqual([503, "shutting_down"]);
    await until("the first", () => gone > 0);
    const atFirst = gone;
    await drained;
    expect(atFirst).toBeLessThan(10);
    for (const client of clients) expect(await client.closed).toEqual({ code: 1012, reason: "shutting_down" });
    expect(server.connections.total).toBe(0);
  });

  it("does not wait for ever for what is never given back, and says so", async () => {
    const { server } = await start({ limits: { closeTimeoutMs: 20 } });
    const slot = server.connections.admit("forgotten", null);
    await server.connections.drain({ withinMs: 0 });
    expect(server.errors.map(String)).toEqual(["Error: 1 connections were not closed in time."]);
    slot.release();
  });

  it("does not wait for ever for a client that does not answer", async () => {
    const { server } = await start({ limits: { closeTimeoutMs: 50 } });
    await server.dialDeaf("/echo/deaf");
    await until("it to be there", () => server.connections.total === 1);
    await server.connections.drain({ withinMs: 0 });
    expect(server.connections.total).toBe(0);
  });
});
