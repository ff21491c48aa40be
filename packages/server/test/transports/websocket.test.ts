import { afterEach, describe, expect, it } from "vitest";
import type { Limits } from "../../src/kit/limits.ts";
import { textFrame } from "../../src/transports/websocket/frame.ts";
import { Echo } from "../../testkit/echo-route.ts";
import { refusal } from "../../testkit/refusal.ts";
import { handshake, TransportServer } from "../../testkit/transport-server.ts";
import { until } from "../../testkit/until.ts";

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
