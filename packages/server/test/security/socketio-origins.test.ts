/** Which pages may use Socket.IO with the visitor's cookies: the same on HTTP and on the upgrade, and never by a script tag. */
import { afterEach, beforeEach, expect, it } from "vitest";
import type { SocketIoRoute } from "../../src/transports/socketio/connection.ts";
import { RawPolling } from "../../testkit/clients/raw-engine.ts";
import { ALLOWED_ORIGIN, SocketIoEcho } from "../../testkit/socketio-echo.ts";
import { TransportServer } from "../../testkit/transport-server.ts";
import { TestServer } from "../http/harness.ts";

const EVIL = "https://evil.example";
const HANDSHAKE = "EIO=4&transport=polling";

let server: TransportServer;
let url: string;

beforeEach(async () => {
  const open: SocketIoRoute = { protocol: "open", path: "/open", open: () => ({ onEvent() {}, onClose() {} }) };
  server = await new TransportServer({ socketIoRoutes: [new SocketIoEcho(), open] }).listen();
  url = `http://127.0.0.1:${server.port}`;
});
afterEach(() => server.close());

it("a page of the list may, with credentials: on the handshake, on polls, on what it sends", async () => {
  const client = await RawPolling.connect(`${url}/socket.io`, { origin: ALLOWED_ORIGIN });
  for (const answer of [await client.push('42["a"]'), await client.poll()]) {
    expect(answer.headers.get("access-control-allow-origin")).toBe(ALLOWED_ORIGIN);
    expect(answer.headers.get("access-control-allow-credentials")).toBe("true");
    expect(answer.headers.get("vary")).toBe("Origin");
    expect(answer.headers.get("set-cookie")).toBeNull();
    expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
  }
  const ws = await server.open("/socket.io/?EIO=4&transport=websocket", { headers: { origin: ALLOWED_ORIGIN } });
  ws.terminate();
});

it("another page may not, neither open a connection nor use one, and takes no place", async () => {
  const answer = await fetch(`${url}/socket.io/?${HANDSHAKE}`, { headers: { origin: EVIL } });
  expect([answer.status, answer.headers.get("access-control-allow-origin")]).toEqual([403, null]);
  await expect(
    server.client("/socket.io/?EIO=4&transport=websocket", { headers: { origin: EVIL } }).opened,
  ).rejects.toMatchObject({ status: 403, code: "forbidden" });
  const client = await RawPolling.connect(`${url}/socket.io`);
  expect((await client.ask({ headers: { origin: EVIL } })).status).toBe(403);
  expect(server.connections.counters).toMatchObject({ open: { echo: 1 }, refused: { forbidden: 3 } });
});

it("answers the browser's question before a request: to a page of the list, and to no other", async () => {
  const ask = (origin: string) =>
    fetch(`${url}/socket.io/?${HANDSHAKE}`, {
      method: "OPTIONS",
      headers: { origin, "access-control-request-method": "POST", "access-control-request-headers": "x-shop" },
    });
  const allowed = await ask(ALLOWED_ORIGIN);
  expect(allowed.status).toBe(204);
  expect(Object.fromEntries(allowed.headers)).toMatchObject({
    "access-control-allow-origin": ALLOWED_ORIGIN,
    "access-control-allow-credentials": "true",
    "access-control-allow-methods": "GET, POST",
    "access-control-allow-headers": "x-shop",
  });
  const refused = await ask(EVIL);
  expect([refused.status, refused.headers.get("access-control-allow-origin")]).toEqual([403, null]);
});

it("a route without a list is open to any page, without credentials", async () => {
  const answer = await fetch(`${url}/open?${HANDSHAKE}`, { headers: { origin: EVIL } });
  expect(answer.status).toBe(200);
  expect(answer.headers.get("access-control-allow-origin")).toBe("*");
  expect(answer.headers.get("access-control-allow-credentials")).toBeNull();
});

it("has no JSONP: a script tag of any page could read its answers, cookies and all", async () => {
  const client = await RawPolling.connect(`${url}/socket.io`);
  expect((await client.ask({}, "&j=0")).status).toBe(400);
  expect((await fetch(`${url}/socket.io/?${HANDSHAKE}&j=0`)).status).toBe(400);
});

it("what is refused whatever the path is refused here too, before a connection is open", async () => {
  const sandbox = await TestServer.start();
  try {
    const { port } = new URL(sandbox.url);
    const { exchange } = await import("../../testkit/clients/raw-http.ts");
    const ask = async (path: string, host: string) => {
      const [answer] = await exchange(Number(port), Buffer.from(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`));
      return [answer?.status, (JSON.parse(answer?.body ?? "") as { error: { code: string } }).error.code];
    };
    for (const path of ["/socket.io/", "/ws/v1/"]) {
      expect(await ask(`${path}?${HANDSHAKE}`, "rebound.example")).toEqual([403, "host_not_allowed"]);
      expect(await ask(`${path}?${HANDSHAKE}&key=sk_live_abc`, "localhost")).toEqual([401, "unauthorized"]);
    }
  } finally {
    await sandbox.stop();
  }
});
