/**
 * Promise 6: one bad client hurts nobody. While some clients never read, others send a byte now and then, and very many
 * never finish their handshake, a good client hears everything in order and every good request is answered.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Api } from "../../testkit/clients/api.ts";
import { ServerProcess } from "../../testkit/server-process.ts";
import { handshake, TestClient } from "../../testkit/transport-server.ts";
import { until } from "../../testkit/until.ts";

const HALF_OPEN = 1_500;
const DEAF = 20;
const EVENTS = 300;

let dataDir: string;
let server: ServerProcess;
let api: Api;
const bad: Socket[] = [];

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "paybell-bad-clients-"));
  await writeFile(join(dataDir, "paybell.config.json"), JSON.stringify({ limits: { handshakeTimeoutMs: 5_000 } }));
  server = await ServerProcess.start({ dataDir, env: { PAYBELL_LOG_LEVEL: "error" }, args: ["--quiet"] });
  api = new Api(server.url);
});
afterAll(async () => {
  for (const socket of bad) socket.destroy();
  await server.dispose();
  await rm(dataDir, { recursive: true });
});

/** A bare connection from another loopback address; resolves when it is there. */
async function dial(from: string): Promise<Socket> {
  const socket = connect({ port: server.port, host: "127.0.0.1", localAddress: from });
  // Whatever becomes of them: they are the bad ones.
  socket.on("error", () => undefined);
  bad.push(socket);
  await new Promise<void>((resolve) => socket.once("connect", resolve));
  return socket;
}

/** Follows the merchant's whole feed and never reads it. */
async function deaf(place: number): Promise<void> {
  const socket = await dial(`127.0.1.${1 + (place % 200)}`);
  socket.write(handshake("/v1/stream", ["Authorization: Bearer sk_sandbox_paybell"]));
  await new Promise<void>((resolve) => socket.once("data", () => resolve()));
  socket.pause();
  const subscribe = Buffer.from('{"type":"subscribe","topic":"merchant:sandbox"}');
  // Masked with zeros, which changes nothing.
  socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | subscribe.length, 0, 0, 0, 0]), subscribe]));
}

async function halfOpen(place: number): Promise<void> {
  const socket = await dial(`127.0.2.${1 + (place % 200)}`);
  if (place % 2 === 0) socket.write("GET /v1/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgr");
}

/** Sends a head one byte at a time, for as long as it is let. */
async function dripping(): Promise<void> {
  const socket = await dial("127.0.3.1");
  const head = "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ".padEnd(5_000, "x");
  let sent = 0;
  const timer = setInterval(() => socket.write(head[sent++] ?? "x"), 50);
  socket.once("close", () => clearInterval(timer));
}

async function goodClient(paymentId: string): Promise<TestClient> {
  const client = new TestClient(`${server.wsUrl}/v1/stream`, {});
  await client.opened;
  client.send({ type: "subscribe", topic: `payment:${paymentId}` });
  await until("the snapshot", () => client.received.length === 2);
  return client;
}

describe("with very many bad clients", () => {
  it("a good one hears everything in order, and every good request is answered", async () => {
    const { id } = await api.createPayment({ amount: null });
    const before = await goodClient(id);
    await Promise.all(Array.from({ length: DEAF }, (_, place) => deaf(place)));
    await dripping();
    for (let opened = 0; opened < HALF_OPEN; opened += 100) {
      await Promise.all(Array.from({ length: 100 }, (_, place) => halfOpen(opened + place)));
    }
    const during = await goodClient(id);
    for (let sent = 0; sent < EVENTS; sent += 1) {
      await api.call("POST", "/v1/sandbox/pay", { paymentId: id, amount: "1" });
    }
    for (const client of [before, during]) {
      const events = () => client.messages.filter(({ type }) => type === "event");
      await until("every event", () => events().length >= EVENTS);
      const sequences = events().map((message) => (message.event as { sequence: number }).sequence);
      expect(sequences).toEqual(Array.from({ length: sequences.length }, (_, place) => 2 + place));
      expect(client.ws.readyState).toBe(client.ws.OPEN);
      client.terminate();
    }
    expect((await api.payment(id)).received).toBe(String(EVENTS));
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
  });

  it("those that never finish are gone after their time", async () => {
    const halfOpened = bad.filter((socket) => socket.localAddress?.startsWith("127.0.2.") && !socket.destroyed);
    for (const socket of halfOpened) socket.resume();
    await until("the half-open ones to be cut off", () => halfOpened.every((socket) => socket.destroyed));
    expect(server.pid).toBeDefined();
    expect((await api.createPayment()).status).toBe("pending");
  });
});
