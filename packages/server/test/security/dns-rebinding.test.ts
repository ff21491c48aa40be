/**
 * A page of evil.example whose name is made to point to 127.0.0.1 is of the sandbox's own origin, and no rule about
 * origins stops it. The Host header gives it away.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Refused, TestClient } from "../../testkit/transport-server.ts";
import { TestServer } from "../http/harness.ts";
import { withHost } from "./attack.ts";

const OURS = [
  "localhost",
  "LOCALHOST:8000",
  "shop.localhost:8000",
  "127.0.0.1",
  "127.0.0.1:8000",
  "127.1.2.3",
  "[::1]:8000",
];
const THEIRS = [
  "evil.example",
  "evil.example:8000",
  "localhost.evil.example",
  "127.0.0.1.evil.example",
  "evil-localhost",
  "localhost@evil.example",
  "127.0.0.1evil.example",
  "192.168.1.2:8000",
  "0.0.0.0:8000",
  "[::2]",
];

const servers: TestServer[] = [];
let sandbox: TestServer;

async function start(environment: Record<string, string>, file: object = {}): Promise<TestServer> {
  const server = await TestServer.start(environment, file);
  servers.push(server);
  return server;
}

beforeAll(async () => {
  sandbox = await start({}, { hosts: { "shop.example": "sandbox" } });
});
afterAll(async () => {
  for (const server of servers) await server.stop();
});

describe("the sandbox", () => {
  it.each(OURS)("answers to %s", async (host) => {
    expect((await withHost(sandbox.url, host)).status).toBe(200);
  });

  it.each(THEIRS)("does not answer to %s, on no path", async (host) => {
    for (const path of ["/healthz", "/v1/payments", "/openapi.json", "/nothing"]) {
      const { status, body } = await withHost(sandbox.url, host, path);
      expect(status).toBe(403);
      expect(JSON.parse(body).error).toMatchObject({
        code: "host_not_allowed",
        message: expect.stringContaining("PAYBELL_SANDBOX_PUBLIC=1"),
      });
    }
  });

  it("opens no WebSocket under such a name", async () => {
    for (const path of ["/v1/stream", "/payment/x", "/ws/transactions/x"]) {
      const client = new TestClient(sandbox.url.replace(/^http/, "ws") + path, { headers: { host: "evil.example" } });
      const error = await client.opened.then(
        () => null,
        (thrown: unknown) => thrown,
      );
      expect(error).toBeInstanceOf(Refused);
      expect([(error as Refused).status, (error as Refused).code]).toEqual([403, "host_not_allowed"]);
    }
  });

  it("answers to a name of the configuration", async () => {
    expect((await withHost(sandbox.url, "Shop.Example:8000")).status).toBe(200);
  });

  it("answers to every name where the operator says so", async () => {
    const open = await start({ PAYBELL_SANDBOX_PUBLIC: "1" });
    expect((await withHost(open.url, "evil.example")).status).toBe(200);
  });
});

it("live mode answers to every name: its keys are secret", async () => {
  const live = await start({ PAYBELL_MODE: "live" });
  expect((await withHost(live.url, "shop.example")).status).toBe(200);
});
