import { request as httpRequest, type IncomingMessage } from "node:http";
import { EventSource } from "eventsource";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import type { Limits } from "../../src/kit/limits.ts";
import { sseMessage } from "../../src/transports/sse/message.ts";
import { SseConnection } from "../../src/transports/sse/sse-connection.ts";
import { TransportServer } from "../../testkit/transport-server.ts";
import { until } from "../../testkit/until.ts";

let server: TransportServer | null = null;
let opened: SseConnection[] = [];
const sources: { close(): void }[] = [];

async function start(limits: Partial<Limits> = {}): Promise<TransportServer> {
  const made = new TransportServer({ limits });
  made.serve((_request, response) => {
    response.setHeader("X-Request-Id", "kept");
    opened.push(
      SseConnection.open({
        response,
        connections: made.connections,
        protocol: "sse",
        remoteAddress: "127.0.0.1",
        limits: made.limits,
        clock: made.clock,
      }),
    );
  });
  server = await made.listen();
  return made;
}

afterEach(async () => {
  for (const source of sources.splice(0)) source.close();
  await server?.close();
  server = null;
  opened = [];
});

/** The response as it comes, without any rules of SSE. */
async function get(port: number): Promise<IncomingMessage & { text: () => string }> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const sent = httpRequest({ port, host: "127.0.0.1" }, resolve);
    sent.on("error", reject);
    sent.end();
    sources.push({ close: () => sent.destroy() });
  });
  let received = "";
  response.on("data", (chunk: Buffer) => (received += chunk.toString()));
  response.on("error", () => undefined);
  return Object.assign(response, { text: () => received });
}

describe("an SSE response", () => {
  it("has the headers that keep proxies from holding it back, and those that were set before", async () => {
    const { port } = await start();
    const { statusCode, headers } = await get(port);
    expect(statusCode).toBe(200);
    expect(headers).toMatchObject({
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store, no-transform",
      "x-accel-buffering": "no",
      "x-request-id": "kept",
    });
  });

  it("begins by saying after what time to come back", async () => {
    const { port } = await start();
    const response = await get(port);
    await until("the first bytes", () => response.text() !== "");
    const retryMs = Number(/^retry: ([0-9]+)\n\n/.exec(response.text())?.[1]);
    expect(retryMs).toBeGreaterThanOrEqual(1_000);
    expect(retryMs).toBeLessThanOrEqual(2_000);
  });

  it("carries any text, line breaks included, to a real EventSource", async () => {
    const { port } = await start();
    const source = new EventSource(`http://127.0.0.1:${port}/`);
    sources.push(source);
    const received: { data: string; lastEventId: string }[] = [];
    source.onmessage = ({ data, lastEventId }) => received.push({ data, lastEventId });
    await until("the connection", () => opened.length === 1);
    const texts = ["one line", "two\nlines", "\n", "", "data: x", ": no comment", " leading space", "ä€𐍈"];
    texts.push(...fc.sample(fc.string({ unit: fc.constantFrom("a", "\n", ":", " ", "é") }), 50));
    for (const [index, data] of texts.entries()) opened[0]?.send(sseMessage({ id: `${index}`, data }));
    opened[0]?.send(sseMessage({ id: "last", data: "end" }));
    await until("the end", () => received.at(-1)?.lastEventId === "last");
    expect(received.slice(0, -1)).toEqual(texts.map((data, index) => ({ data, lastEventId: `${index}` })));
  });

  it("refuses a field that would become two lines", () => {
    expect(() => sseMessage({ id: "1\ndata: forged", data: "x" })).toThrow(/line break/);
    expect(() => sseMessage({ event: "a\rb", data: "x" })).toThrow(/line break/);
  });

  it("beats in the interval, with what no client sees", async () => {
    const { port, clock, connections } = await start({ pingIntervalMs: 1_000 });
    const response = await get(port);
    await until("the connection", () => opened.length === 1);
    connections.beat();
    clock.advance(1_000);
    connections.beat();
    await until("the beat", () => response.text().includes(":"));
    await until("the beat", () => response.text().endsWith("\n\n: beat\n\n"));
    expect(response.text().match(/beat/g)).toHaveLength(1);
  });

  it("counts under the same limits as WebSockets, and is refused before its first byte", async () => {
    const { port, connections } = await start({ connections: 1 });
    await get(port);
    expect(() => connections.admit("websocket", "198.51.100.1")).toThrow(/as many connections/);
    expect(connections.counters.open).toEqual({ sse: 1 });
  });

  it("gives its place back when the client leaves, and says so once", async () => {
    const { port, connections } = await start();
    const response = await get(port);
    await until("the connection", () => opened.length === 1);
    let closes = 0;
    opened[0]?.onClose(() => (closes += 1));
    response.destroy();
    await until("its place", () => connections.total === 0);
    opened[0]?.send(sseMessage({ data: "to nobody" }));
    opened[0]?.end("internal_error");
    expect(closes).toBe(1);
    opened[0]?.onClose(() => (closes += 1));
    expect(closes).toBe(2);
  });

  it("to a client that has left before it begins takes no place", async () => {
    const made = new TransportServer({});
    let closed = false;
    made.serve(async (_request, response) => {
      // The time that it takes to look up the payment.
      await new Promise((resolve) => response.once("close", resolve));
      const connection = SseConnection.open({
        response,
        connections: made.connections,
        protocol: "sse",
        remoteAddress: "127.0.0.1",
        limits: made.limits,
        clock: made.clock,
      });
      connection.onClose(() => (closed = true));
    });
    server = await made.listen();
    const socket = await made.dial();
    socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    socket.end();
    socket.destroy();
    await until("it to be over", () => closed);
    expect(made.connections.total).toBe(0);
  });

  it("to a client that never reads is cut off in bounded memory", async () => {
    const { port, connections } = await start({ bufferedBytes: 200_000 });
    const response = await get(port);
    response.pause();
    await until("the connection", () => opened.length === 1);
    const message = sseMessage({ data: "x".repeat(10_000) });
    let sent = 0;
    for (; sent < 2_000 && !opened[0]?.closed; sent += 1) {
      opened[0]?.send(message);
      if (sent % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(sent * message.length).toBeLessThan(12_000_000);
    await until("its place", () => connections.total === 0);
    expect(connections.counters.ended).toEqual({ slow_consumer: 1 });
  });

  it("may be waited for: writable() resolves when enough was taken", async () => {
    const { port } = await start({ bufferedBytes: 200_000 });
    const response = await get(port);
    await until("the connection", () => opened.length === 1);
    const message = sseMessage({ data: "x".repeat(10_000) });
    for (let sent = 0; sent < 500; sent += 1) {
      await opened[0]?.writable();
      opened[0]?.send(message);
    }
    await until("everything", () => response.text().length > 500 * message.length);
    expect(opened[0]?.closed).toBe(false);
  });

  it("from which a client takes nothing for idleTimeoutMs is cut off, also while it is being waited for", async () => {
    const { port, clock, connections } = await start({ bufferedBytes: 50_000_000, idleTimeoutMs: 1_000 });
    const response = await get(port);
    response.pause();
    await until("the connection", () => opened.length === 1);
    const message = sseMessage({ data: "x".repeat(1_000_000) });
    for (let sent = 0; sent < 20; sent += 1) opened[0]?.send(message);
    const waits = opened[0]?.writable();
    await new Promise((resolve) => setTimeout(resolve, 20));
    connections.beat();
    clock.advance(1_000);
    connections.beat();
    await waits;
    await until("its place", () => connections.total === 0);
    expect(connections.counters.ended).toEqual({ idle_timeout: 1 });
  });

  it("is ended by a drain", async () => {
    const { port, connections } = await start();
    const response = await get(port);
    const ended = new Promise((resolve) => response.once("end", resolve));
    await until("the connection", () => opened.length === 1);
    await connections.drain({ withinMs: 0 });
    await ended;
    expect(connections.total).toBe(0);
  });
});
