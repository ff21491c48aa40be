import { setTimeout as delay } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import type { Limits } from "../../src/kit/limits.ts";
import type { Connection } from "../../src/transports/websocket/connection.ts";
import { textFrame } from "../../src/transports/websocket/frame.ts";
import { frame, RawWebSocket } from "../../testkit/clients/raw-websocket.ts";
import { Echo } from "../../testkit/echo-route.ts";
import { refusal } from "../../testkit/refusal.ts";
import { TransportServer } from "../../testkit/transport-server.ts";
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

  it("messagesPerSecond: pongs that nobody asked for count too", async () => {
    const { server } = await start({ limits: { messagesPerSecond: 5 } });
    const client = await server.open("/echo/a");
    for (let sent = 0; sent < 11; sent += 1) client.ws.pong();
    expect((await client.closed).code).toBe(4108);
  });

  it("messagesPerSecond: who goes on sending after the end is no longer read", async () => {
    const { server } = await start({ limits: { messagesPerSecond: 5, closeTimeoutMs: 3_000 } });
    const client = await RawWebSocket.open(server.port, "/echo/a");
    const flood = Buffer.concat(new Array<Buffer>(10_000).fill(frame({ payload: "x" })));
    // Taken: by the server, or by the system, which has room for a few megabytes.
    let taken = 0;
    for (; taken < 1_000; taken += 1) {
      const more = new Promise<boolean>((resolve) => client.socket.write(flood, (error) => resolve(!error)));
      if (!(await Promise.race([more, delay(500, false)]))) break;
    }
    expect(taken).toBeLessThan(1_000);
    expect(client.closeCode).toBe(4108);
    client.destroy();
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
    expect(await server.connections.drain({ withinMs: 0 })).toBe(1);
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
