/** Pages of other origins: what needs a key is for configured origins only, what needs an id is for all of them. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SANDBOX_SECRET_KEY } from "../../src/http/keys.ts";
import { TestClient } from "../../testkit/transport-server.ts";
import { until } from "../../testkit/until.ts";
import { codeOf, TestServer } from "../http/harness.ts";
import { Attack } from "./attack.ts";

const SHOP = "https://shop.example";
const EVIL = "https://evil.example";
const NOT_ALLOWED = [
  EVIL,
  "https://shop.example.evil.example",
  "http://shop.example",
  "https://shop.example:444",
  "null",
];

let attack: Attack;
let sandbox: TestServer;
const clients: TestClient[] = [];

beforeAll(async () => {
  attack = await Attack.start({ PAYBELL_ALLOWED_ORIGINS: SHOP });
  sandbox = await TestServer.start();
});
afterAll(async () => {
  for (const client of clients) client.terminate();
  await attack.stop();
  await sandbox.stop();
});

async function connect(server: TestServer, path: string, origin: string): Promise<TestClient> {
  const client = new TestClient(server.url.replace(/^http/, "ws") + path, { headers: { origin } });
  clients.push(client);
  await client.opened;
  return client;
}

async function authenticate(server: TestServer, origin: string, key: string): Promise<unknown[]> {
  const client = await connect(server, "/v1/stream", origin);
  client.send({ type: "auth", key });
  await until("the answer", () => client.received.length > 0);
  const isOpen = client.messages[0]?.type === "authenticated";
  return [client.messages[0]?.code ?? client.messages[0]?.type, isOpen ? null : (await client.closed).code];
}

function preflight(server: TestServer, path: string, origin: string, method: string) {
  return server.call("OPTIONS", path, { key: null, headers: { origin, "access-control-request-method": method } });
}

describe("in live mode", () => {
  it("a configured origin may use keys, over HTTP and on the WebSocket", async () => {
    expect((await preflight(attack.server, "/v1/payments", SHOP, "POST")).status).toBe(204);
    expect(await authenticate(attack.server, SHOP, attack.victim.secret)).toEqual(["authenticated", null]);
  });

  it.each([...NOT_ALLOWED, "http://localhost:3000", "http://127.0.0.1"])("%s may use none", async (origin) => {
    expect(codeOf(await preflight(attack.server, "/v1/payments", origin, "POST"))).toBe("403 forbidden");
    const read = await attack.server.get("/v1/payments", { key: attack.victim.secret, headers: { origin } });
    expect(read.headers.get("access-control-allow-origin")).toBeNull();
    expect(await authenticate(attack.server, origin, attack.victim.secret)).toEqual(["forbidden", 4003]);
    const byHeader = new TestClient(`${attack.wsUrl}/v1/stream`, {
      headers: { origin, authorization: `Bearer ${attack.victim.secret}` },
    });
    expect((await byHeader.closed).code).toBe(4003);
  });

  it("the origin is judged before the key: a wrong one is told the same", async () => {
    expect(await authenticate(attack.server, EVIL, "sk_live_guessed")).toEqual(["forbidden", 4003]);
  });

  it("every origin may follow what it knows the id or the address of", async () => {
    const { id, address } = await attack.payment();
    const read = await attack.server.get(`/v1/payments/${id}`, { key: null, headers: { origin: EVIL } });
    expect([read.status, read.headers.get("access-control-allow-origin")]).toEqual([200, "*"]);
    expect(read.headers.get("access-control-allow-credentials")).toBeNull();
    const native = await connect(attack.server, "/v1/stream", EVIL);
    native.send({ type: "subscribe", topic: `payment:${id}` });
    await until("the snapshot", () => native.messages[1]?.type === "snapshot");
    const identipay = await connect(attack.server, `/ws/transactions/${id}`, EVIL);
    await until("its status", () => identipay.messages[0]?.type === "status");
    await connect(attack.server, `/payment/${address}?key=${attack.victim.publishable}`, EVIL);
  });

  it("programs, which send no origin, use their keys", async () => {
    expect(await attack.ask(attack.victim.secret, { type: "ping" })).toEqual({ type: "pong" });
  });
});

describe("in the sandbox, whose keys everybody knows", () => {
  it.each(["http://localhost:3000", "http://127.0.0.1:5173", "http://[::1]:8080", "http://shop.localhost"])(
    "%s may use them",
    async (origin) => {
      expect((await preflight(sandbox, "/v1/payments", origin, "POST")).status).toBe(204);
      expect(await authenticate(sandbox, origin, SANDBOX_SECRET_KEY)).toEqual(["authenticated", null]);
    },
  );

  it.each([EVIL, "http://localhost.evil.example", "http://127.0.0.1.evil.example", "null"])(
    "%s may not",
    async (origin) => {
      expect(codeOf(await preflight(sandbox, "/v1/payments", origin, "POST"))).toBe("403 forbidden");
      expect(codeOf(await preflight(sandbox, "/api/test/settle", origin, "POST"))).toBe("403 forbidden");
      expect(await authenticate(sandbox, origin, SANDBOX_SECRET_KEY)).toEqual(["forbidden", 4003]);
    },
  );

  it("no page can write without a preflight: forms and beacons are no JSON", async () => {
    const { id } = await sandbox.payment();
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]) {
      const headers = { origin: EVIL, "content-type": type };
      const body = JSON.stringify({ transactionId: id });
      const answer = await sandbox.call("POST", "/api/test/settle", { key: null, body, headers });
      expect(answer.status).toBe(415);
    }
    expect((await sandbox.get(`/v1/payments/${id}`)).json.status).toBe("pending");
  });
});
