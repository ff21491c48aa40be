/** Limits on TCP connections and HTTP requests, seen from a bare socket. */
import { expect } from "vitest";
import { SANDBOX_SECRET_KEY } from "../../src/http/keys.ts";
import { until } from "../../testkit/until.ts";
import { PAYMENT } from "../http/harness.ts";
import { type Dialled, type EdgeTable, HEALTH } from "./edge.ts";

type RequestLimit =
  | "sockets"
  | "socketsPerAddress"
  | "pendingHandshakes"
  | "handshakeTimeoutMs"
  | "requestTimeoutMs"
  | "responseTimeoutMs"
  | "keepAliveMs"
  | "headerBytes"
  | "bodyBytes"
  | "keylessRequestsPerSecond";

const KEY = `Authorization: Bearer ${SANDBOX_SECRET_KEY}\r\n`;

function expectRefused(dialled: Dialled, status: number, code: string): void {
  expect(dialled.statuses.at(-1)).toBe(String(status));
  expect(dialled.received).toContain(`"code":"${code}"`);
  if (status === 503) expect(dialled.received).toMatch(/^Retry-After: [1-9]/m);
}

/** A head that counts so many bytes: Node counts the path and the names and values of the headers. */
function headOf(bytes: number): string {
  const fixed = "/healthz".length + "Host127.0.0.1".length + "X-Pad".length;
  return `GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Pad: ${"x".repeat(bytes - fixed)}\r\n\r\n`;
}

/** A good payment whose JSON has so many bytes. */
function bodyOf(bytes: number): string {
  const empty = JSON.stringify({ ...PAYMENT, metadata: { pad: "" } });
  return JSON.stringify({ ...PAYMENT, metadata: { pad: "x".repeat(bytes - empty.length) } });
}

export const requestEdges: EdgeTable<RequestLimit> = {
  sockets: async (at) => {
    const server = await at.start({ sockets: 2 });
    const first = await at.dial(server);
    const second = await at.dial(server, "127.0.0.2");
    for (const dialled of [first, second]) await dialled.ask(HEALTH);
    expect([first.statuses, second.statuses]).toEqual([["200"], ["200"]]);
    const third = await at.dial(server, "127.0.0.3");
    await third.closed;
    expectRefused(third, 503, "too_many_connections");
    await first.hangUp();
    await until("the place to be free", async () => {
      const next = await at.dial(server);
      next.socket.write(HEALTH);
      await Promise.race([next.closed, until("an answer", () => next.received !== "")]);
      return next.statuses.includes("200");
    });
  },

  socketsPerAddress: async (at) => {
    const server = await at.start({ socketsPerAddress: 2 });
    const both = [await at.dial(server), await at.dial(server)];
    for (const dialled of both) await dialled.ask(HEALTH);
    expect(both.map(({ statuses }) => statuses)).toEqual([["200"], ["200"]]);
    const third = await at.dial(server);
    await third.closed;
    expectRefused(third, 503, "too_many_connections");
    const other = await at.dial(server, "127.0.0.2");
    await other.ask(HEALTH);
    expect(other.statuses).toEqual(["200"]);
  },

  pendingHandshakes: async (at) => {
    const server = await at.start({ pendingHandshakes: 2 });
    const served = await at.dial(server);
    await served.ask(HEALTH);
    const socket = await at.open(server, "/v1/stream");
    const pending = [await at.dial(server), await at.dial(server)];
    for (const { socket: half } of pending) half.write(HEALTH.slice(0, 20));
    // Who has sent a request is not in question any more.
    await served.ask(HEALTH);
    expect(pending.map(({ socket: half }) => half.destroyed)).toEqual([false, false]);
    const newcomer = await at.dial(server);
    await pending[0]?.closed;
    await newcomer.ask(HEALTH);
    await pending[1]?.ask(HEALTH.slice(20));
    expect([newcomer, served, pending[1]].map((dialled) => dialled?.statuses.at(-1))).toEqual(["200", "200", "200"]);
    expect(socket.ws.readyState).toBe(socket.ws.OPEN);
  },

  handshakeTimeoutMs: async (at) => {
    const patient = await at.dial(await at.start({}));
    patient.socket.write(HEALTH.slice(0, 20));
    await new Promise((resolve) => setTimeout(resolve, 50));
    await patient.ask(HEALTH.slice(20));
    expect(patient.statuses).toEqual(["200"]);
    const server = await at.start({ handshakeTimeoutMs: 200 });
    const [half, silent, upgrade] = [await at.dial(server), await at.dial(server), await at.dial(server)];
    half.socket.write(HEALTH.slice(0, 20));
    upgrade.socket.write("GET /v1/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n");
    for (const slow of [half, silent, upgrade]) {
      await slow.closed;
      expectRefused(slow, 408, "request_timeout");
    }
  },

  requestTimeoutMs: async (at) => {
    const request = `POST /v1/payments HTTP/1.1\r\nHost: 127.0.0.1\r\n${KEY}Content-Type: application/json\r\n`;
    const body = JSON.stringify(PAYMENT);
    const head = `${request}Content-Length: ${body.length}\r\n\r\n`;
    const patient = await at.dial(await at.start({}));
    patient.socket.write(head + body.slice(0, 10));
    await new Promise((resolve) => setTimeout(resolve, 50));
    await patient.ask(body.slice(10));
    expect(patient.statuses).toEqual(["201"]);
    const slow = await at.dial(await at.start({ handshakeTimeoutMs: 200, requestTimeoutMs: 300 }));
    slow.socket.write(head + body.slice(0, 10));
    await slow.closed;
    expectRefused(slow, 408, "request_timeout");
  },

  responseTimeoutMs: async (at) => {
    const server = await at.start({ responseTimeoutMs: 2_000, longPollMs: 1_000, pingIntervalMs: 300 });
    const { id } = await server.payment();
    const reader = await at.dial(server);
    const deaf = await at.dial(server);
    deaf.socket.pause();
    // More than the system's buffers take; each answer is about 100 kB.
    deaf.socket.write("GET /openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".repeat(300));
    reader.socket.write(`GET /v1/payments/${id}/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
    // The one who reads stays, with nothing but heartbeats; what asks for the figures is the third.
    await until("the deaf one to be cut off", async () => {
      at.clock.advance(300);
      return (await server.get("/metrics")).text.includes("paybell_sockets 2\n");
    });
    deaf.socket.resume();
    await deaf.closed;
    expect(deaf.statuses.length).toBeLessThan(300);
    expect(reader.received).toContain(": beat");
    expect(reader.socket.destroyed).toBe(false);
  },

  keepAliveMs: async (at) => {
    const quick = await at.dial(await at.start({}));
    await quick.ask(HEALTH);
    await quick.ask(HEALTH);
    expect(quick.statuses).toEqual(["200", "200"]);
    const idle = await at.dial(await at.start({ keepAliveMs: 50 }));
    await idle.ask(HEALTH);
    await idle.closed;
    expect(idle.statuses).toEqual(["200"]);
  },

  headerBytes: async (at) => {
    const server = await at.start({ headerBytes: 1_000 });
    const [fits, tooLarge, upgrade] = [await at.dial(server), await at.dial(server), await at.dial(server)];
    await fits.ask(headOf(999));
    expect(fits.statuses).toEqual(["200"]);
    tooLarge.socket.write(headOf(1_000));
    upgrade.socket.write(headOf(1_000).replace("/healthz", "/v1/stream").replace("\r\n", "\r\nUpgrade: websocket\r\n"));
    for (const refused of [tooLarge, upgrade]) {
      await refused.closed;
      expectRefused(refused, 431, "headers_too_large");
      expect(refused.received).toContain('"details":{"limit":1000}');
    }
  },

  bodyBytes: async (at) => {
    const server = await at.start({ bodyBytes: 1_000 });
    expect((await server.call("POST", "/v1/payments", { body: bodyOf(1_000) })).status).toBe(201);
    const refused = await server.call("POST", "/v1/payments", { body: bodyOf(1_001) });
    expect([refused.status, refused.json.error]).toMatchObject([
      413,
      { code: "payload_too_large", details: { limit: 1_000 } },
    ]);
  },

  keylessRequestsPerSecond: async (at) => {
    const server = await at.start(
      { keylessRequestsPerSecond: 2 },
      { environment: { PAYBELL_TRUST_PROXY: "127.0.0.1" } },
    );
    const { id } = await server.payment();
    const read = async (key: string | null, from = "198.51.100.1") => {
      const answer = await server.get(`/v1/payments/${id}`, { key, headers: { "x-forwarded-for": from } });
      return [answer.status, answer.headers.get("retry-after")];
    };
    for (let burst = 0; burst < 4; burst += 1) expect(await read(null)).toEqual([200, null]);
    expect(await read(null)).toEqual([429, "1"]);
    expect(await read("sk_sandbox_guessed")).toEqual([429, "1"]);
    expect(await read(SANDBOX_SECRET_KEY)).toEqual([200, null]);
    expect(await read(null, "198.51.100.2")).toEqual([200, null]);
    at.clock.advance(500);
    expect(await read(null)).toEqual([200, null]);
    expect(await read(null)).toEqual([429, "1"]);
  },
};
