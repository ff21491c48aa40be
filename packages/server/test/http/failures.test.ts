import type { AddressInfo } from "node:net";
import { afterEach, expect, it } from "vitest";
import { createLogger } from "../../src/cli/logger.ts";
import type { Api } from "../../src/http/api.ts";
import type { HttpApiDeps, ReadinessSources } from "../../src/http/deps.ts";
import { buildHttpApi } from "../../src/http/http-api.ts";
import { Metrics } from "../../src/http/metrics.ts";
import { systemClock } from "../../src/kit/clock.ts";
import { defaultLimits } from "../../src/kit/limits.ts";
import { CursorExpired, LogOverloaded, StoreUnavailable } from "../../src/log/event-log.ts";
import { TrustedProxies } from "../../src/transports/client-address.ts";

// Failures of the database cannot be asked for from outside, so here what lies behind the API fails on request.
const ID = "00000000-0000-4000-8000-000000000000";

let api: Api | undefined;
afterEach(() => api?.close());

async function listening(broken: { snapshot?: unknown; readiness?: Partial<ReadinessSources> }) {
  const logged: string[] = [];
  const chains = () => [];
  const deps = {
    mode: "sandbox",
    version: "0",
    payments: { snapshot: () => Promise.reject(broken.snapshot) },
    authenticator: { callerOf: async () => null, merchantOf: async () => null },
    readiness: {
      checkDatabase: async () => undefined,
      chains,
      nodes: () => 1,
      bus: () => "none",
      stopping: () => false,
      ...broken.readiness,
    },
    leaving: () => false,
    metrics: new Metrics({ clock: systemClock, onError: () => undefined }),
    clock: systemClock,
    limits: defaultLimits,
    guard: () => null,
    onRefused: () => undefined,
    allowedOrigins: [],
    proxies: new TrustedProxies([]),
    logger: createLogger("info", { write: (line) => void logged.push(line) }),
    sandbox: null,
  } satisfies Partial<Record<keyof HttpApiDeps, unknown>>;
  api = await buildHttpApi(deps as unknown as HttpApiDeps);
  await api.listen({ host: "127.0.0.1", port: 0 });
  const { port } = api.server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  const get = async (path: string) => {
    const response = await fetch(url + path);
    return { status: response.status, headers: response.headers, body: await response.json() };
  };
  return { url, get, log: () => logged.join("") };
}

it("answers what nobody foresaw with 500 and the request id; the cause stands in the log alone", async () => {
  const { get, log } = await listening({ snapshot: new Error(`cannot read row ${ID} of /var/db`) });
  const { status, headers, body } = await get(`/v1/payments/${ID}`);
  const requestId = headers.get("x-request-id");
  expect(status).toBe(500);
  expect(body).toEqual({
    error: { code: "internal_error", message: expect.not.stringContaining("row"), details: { requestId } },
  });
  expect(log()).toContain("of /var/db");
  expect(log()).toContain(requestId);
  expect(log()).not.toContain(ID);
});

it.each([
  [new LogOverloaded("full"), 503, "overloaded", "1"],
  [new StoreUnavailable("disk full"), 503, "overloaded", "1"],
  [new CursorExpired("gone"), 410, "cursor_expired", null],
])("translates %s", async (error, status, code, retryAfter) => {
  const { get } = await listening({ snapshot: error });
  const answer = await get(`/v1/payments/${ID}`);
  expect([answer.status, answer.body]).toMatchObject([status, { error: { code } }]);
  expect(answer.headers.get("retry-after")).toBe(retryAfter);
});

it("asks an EventSource to come back while the database does not answer: at a 503 it would give up for good", async () => {
  const { url } = await listening({ snapshot: new StoreUnavailable("disk full") });
  const [asked, other] = await Promise.all(
    ["text/event-stream", "application/json"].map((accept) =>
      fetch(`${url}/v1/payments/${ID}/events`, { headers: { accept } }),
    ),
  );
  expect([asked?.status, asked?.headers.get("content-type")]).toEqual([200, "text/event-stream; charset=utf-8"]);
  expect(await asked?.text()).toMatch(/^retry: 1\d\d\d\n\n$/);
  expect(other?.status).toBe(503);
});

it.each([
  [
    "the database does not answer",
    { checkDatabase: () => Promise.reject(new Error("locked")) },
    { status: "not_ready", database: "failed" },
  ],
  ["the server is stopping", { stopping: () => true }, { status: "stopping", database: "ok" }],
])("is not ready while %s, and alive all the same", async (_what, readiness, body) => {
  const { get } = await listening({ readiness });
  expect(await get("/readyz")).toMatchObject({ status: 503, body });
  expect(await get("/healthz")).toMatchObject({ status: 200 });
});
