import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { codeOf, PAYMENT, TestServer } from "./harness.ts";

const EVIL = "https://evil.example";
const SHOP = "https://shop.example";

let sandbox: TestServer;
let live: TestServer;

beforeAll(async () => {
  sandbox = await TestServer.start();
  live = await TestServer.start({ PAYBELL_MODE: "live", PAYBELL_ALLOWED_ORIGINS: SHOP });
});
afterAll(async () => {
  await sandbox.stop();
  await live.stop();
});

const preflight = (server: TestServer, path: string, origin: string, method: string) =>
  server.call("OPTIONS", path, { key: null, headers: { origin, "access-control-request-method": method } });

describe("any origin", () => {
  it("may read a payment by its id, without credentials", async () => {
    const { id } = await sandbox.payment();
    const answer = await sandbox.get(`/v1/payments/${id}`, { key: null, headers: { origin: EVIL } });
    expect(answer.headers.get("access-control-allow-origin")).toBe("*");
    expect(answer.headers.get("access-control-allow-credentials")).toBeNull();
  });

  it("may read the error, too", async () => {
    const path = "/v1/payments/00000000-0000-4000-8000-000000000000";
    const answer = await sandbox.get(path, { key: null, headers: { origin: EVIL } });
    expect(codeOf(answer)).toBe("404 not_found");
    expect(answer.headers.get("access-control-allow-origin")).toBe("*");
  });

  it("may follow a payment by SSE", async () => {
    const { id } = await sandbox.payment();
    const abort = new AbortController();
    const response = await fetch(`${sandbox.url}/v1/payments/${id}/events`, {
      headers: { origin: EVIL },
      signal: abort.signal,
    });
    expect(response.headers.get("content-type")).toContain("text/event-stream");
    expect(response.headers.get("access-control-allow-origin")).toBe("*");
    abort.abort();
  });

  it("may ask for these by a preflight, but not with a key", async () => {
    const answer = await preflight(sandbox, "/v1/payments/x", EVIL, "GET");
    expect(answer.status).toBe(204);
    expect(answer.headers.get("access-control-allow-origin")).toBe("*");
    expect(answer.headers.get("access-control-allow-methods")).toBe("GET");
    expect(answer.headers.get("access-control-allow-headers")).not.toContain("Authorization");
  });

  it.each([
    ["POST", "/v1/payments"],
    ["GET", "/v1/payments"],
    ["DELETE", "/v1/payments/x"],
    ["POST", "/v1/sandbox/pay"],
  ])("may not %s %s", async (method, path) => {
    const answer = await preflight(sandbox, path, EVIL, method);
    expect(codeOf(answer)).toBe("403 forbidden");
    expect(answer.headers.get("access-control-allow-origin")).toBeNull();
  });

  it("may not read the answer to a request that needs a key", async () => {
    const answer = await sandbox.get("/v1/payments", { headers: { origin: EVIL } });
    expect(answer.headers.get("access-control-allow-origin")).toBeNull();
  });
});

describe("a loopback origin", () => {
  it.each(["http://localhost:3000", "http://127.0.0.1:5173", "http://[::1]:8080", "http://shop.localhost"])(
    "may do everything in the sandbox: %s",
    async (origin) => {
      const asked = await preflight(sandbox, "/v1/payments", origin, "POST");
      expect(asked.status).toBe(204);
      expect(asked.headers.get("access-control-allow-origin")).toBe(origin);
      expect(asked.headers.get("access-control-allow-headers")).toContain("Idempotency-Key");
      const answer = await sandbox.post("/v1/payments", PAYMENT, { headers: { origin } });
      expect(answer.headers.get("access-control-allow-origin")).toBe(origin);
      expect(answer.headers.get("vary")).toContain("Origin");
    },
  );

  it.each(["http://localhost.evil.example", "http://127.0.0.1.evil.example", "http://evil.example/localhost", "null"])(
    "is not %s",
    async (origin) => {
      expect(codeOf(await preflight(sandbox, "/v1/payments", origin, "POST"))).toBe("403 forbidden");
    },
  );

  it("is nothing special in live mode", async () => {
    expect(codeOf(await preflight(live, "/v1/payments", "http://localhost:3000", "POST"))).toBe("403 forbidden");
  });
});

it("lets a configured origin use keys in live mode, and it alone", async () => {
  const asked = await preflight(live, "/v1/payments", SHOP, "POST");
  expect(asked.headers.get("access-control-allow-origin")).toBe(SHOP);
  expect(codeOf(await preflight(live, "/v1/payments", `${SHOP}.evil.example`, "POST"))).toBe("403 forbidden");
});

it("answers a plain OPTIONS with the methods of the path", async () => {
  const answer = await sandbox.call("OPTIONS", "/v1/payments", { key: null });
  expect([answer.status, answer.headers.get("allow")]).toEqual([204, "GET, OPTIONS, POST"]);
  expect(codeOf(await sandbox.call("OPTIONS", "/nothing", { key: null }))).toBe("404 not_found");
});
