import { EVENT_REASONS, UNATTRIBUTED_REASONS } from "@paybell/protocol";
import type { OpenAPIV3_1 } from "openapi-types";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { strictAjv } from "../../src/kit/strict-schema.ts";
import { until } from "../../testkit/until.ts";
import { type Called, PAYMENT, TestServer } from "./harness.ts";

let server: TestServer;
let document: OpenAPIV3_1.Document;

beforeAll(async () => {
  server = await TestServer.start();
  document = (await server.get("/openapi.json", { key: null })).json;
});
afterAll(() => server.stop());

describe("/healthz and /readyz", () => {
  it("answer to anyone, HEAD included", async () => {
    expect((await server.get("/healthz", { key: null })).json).toEqual({ status: "ok" });
    expect((await server.call("HEAD", "/healthz", { key: null })).status).toBe(200);
    // Answers when the watcher has reported the block.
    await server.post("/v1/sandbox/mine", { blocks: 1 });
    const ready = await server.get("/readyz", { key: null });
    expect(ready).toMatchObject({ status: 200, json: { status: "ready", database: "ok" } });
    expect(ready.json.chains).toMatchObject([{ chain: "sandbox", connected: true, lagBlocks: 0, problem: null }]);
  });
});

describe("a chain that nobody can watch", () => {
  it("shows as degraded, and its cause to holders of a secret key only", async () => {
    const broken = await TestServer.start(
      { PAYBELL_MODE: "live" },
      {
        chains: { bitcoin: { kind: "bitcoin", network: "regtest", rpcUrl: "http://127.0.0.1:9" } },
      },
    );
    const { secret } = await broken.merchant("operator");
    const anyone = await broken.get("/readyz", { key: null });
    expect(anyone).toMatchObject({ status: 200, json: { status: "degraded", database: "ok" } });
    expect(anyone.text).not.toContain("127.0.0.1:9");
    const operator = await broken.get("/readyz", { key: secret });
    expect(operator.json.chains).toMatchObject([{ chain: "bitcoin", connected: false }]);
    expect(operator.json.chains[0].problem).not.toBe(anyone.json.chains[0].problem);
    await broken.stop();
  });

  it("for want of an endpoint says each one's reason, without the keys in their URLs, and counts them", async () => {
    // Reserved ports, at which nobody listens.
    const endpoints = [7, 17].map((port) => ({ url: `http://127.0.0.1:${port}/pr0vider-key` }));
    const chains = { ethereum: { kind: "evm", chainId: 1, endpoints } };
    const broken = await TestServer.start({ PAYBELL_MODE: "live" }, { chains });
    try {
      const { secret } = await broken.merchant("operator");
      const problem = await until("both have been asked", async () => {
        const { json } = await broken.get("/readyz", { key: secret });
        return /127\.0\.0\.1:7 .*127\.0\.0\.1:17 /.test(json.chains[0].problem) && json.chains[0].problem;
      });
      expect(problem).toMatch(/^No endpoint of ethereum can be followed\./);
      expect(problem).not.toContain("pr0vider-key");
      const { text } = await broken.get("/metrics", { key: secret });
      expect(text).toContain('paybell_chain_endpoints{chain="ethereum",state="failed"} 2');
      expect(text).toMatch(/paybell_chain_endpoint_failures_total\{chain="ethereum",reason="failed"\} [1-9]/);
      expect(text).not.toContain("127.0.0.1");
    } finally {
      await broken.stop();
    }
  });
});

describe("/metrics", () => {
  it("counts by route pattern, never by id", async () => {
    const { id } = await server.payment();
    await server.get(`/v1/payments/${id}`);
    await server.get(`/nothing/${id}`);
    const { text } = await server.get("/metrics");
    expect(text).toContain('route="/v1/payments/:id"');
    expect(text).toContain('paybell_chain_head_height{chain="sandbox"}');
    expect(text).toContain('paybell_events_total{type="payment.created"}');
    expect(text).not.toContain(id);
  });
});

it("logs requests by route pattern, and nothing that opens a door", async () => {
  const { id, address } = await server.payment({ customer: "log-customer" });
  await server.get(`/v1/payments/${id}`, { key: null });
  await server.get(`/v1/events?paymentId=${id}`, { key: null });
  await server.get(`/nothing/${id}`);
  await server.post(`/v1/payments/${id}/delivery`, { to: "delivered" });
  await server.call("PUT", `/v1/payments/${id}`);
  expect(server.log).toContain('"route":"/v1/payments/:id"');
  for (const secret of [id, address, "log-customer", "sk_sandbox"]) expect(server.log).not.toContain(secret);
  for (const line of server.log.trim().split("\n")) expect(() => JSON.parse(line)).not.toThrow();
});

describe("/openapi.json", () => {
  const operations = () =>
    Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
      (["get", "post", "delete"] as const).flatMap((method) => {
        const operation = item?.[method];
        return operation ? [{ path, method, operation }] : [];
      }),
    );

  it("has every call of the API, with errors, security and a name of its own", () => {
    const names = operations().map(({ method, path }) => `${method} ${path}`);
    for (const name of [
      "post /v1/payments",
      "get /v1/payments",
      "get /v1/payments/{id}",
      "delete /v1/payments/{id}",
      "post /v1/payments/{id}/cancel",
      "post /v1/payments/{id}/claim",
      "post /v1/payments/{id}/delivery",
      "post /v1/payments/{id}/resolve",
      "get /v1/payments/{id}/events",
      "get /v1/events",
      "post /v1/observations",
      "post /v1/sandbox/pay",
      "post /v1/sandbox/mine",
      "post /v1/sandbox/reorg",
      "post /v1/sandbox/double-spend",
      "get /healthz",
      "get /readyz",
      "get /metrics",
    ]) {
      expect(names).toContain(name);
    }
    for (const { path, operation } of operations()) {
      if (!path.startsWith("/v1")) continue;
      expect(operation.summary).toBeTruthy();
      expect(operation.security).toBeDefined();
      expect(Object.keys(operation.responses ?? {})).toEqual(expect.arrayContaining(["400", "500"]));
    }
    const ids = operations().map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("refers only to what it holds, and speaks no words of ours", () => {
    const text = JSON.stringify(document);
    for (const [, name] of text.matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)) {
      expect(document.components?.schemas).toHaveProperty(name as string);
    }
    expect(text.match(/"\$ref":"(?!#\/components\/schemas\/)[^"]*"/g)).toBeNull();
    expect(text).not.toContain('"x-allowed"');
    expect(text).not.toContain('"x-integer-text"');
  });

  it("describes what /readyz says when it is not ready", () => {
    const notReady = document.paths?.["/readyz"]?.get?.responses?.["503"];
    expect(notReady).toHaveProperty(["content", "application/json", "schema", "properties", "chains"]);
  });

  it("names every reason for which a transfer fits no payment, and every reason of an event", () => {
    const event = document.components?.schemas?.Event;
    const data = "properties.data.properties";
    expect(event).toHaveProperty(`${data}.unattributed.properties.why.enum`, [...UNATTRIBUTED_REASONS]);
    expect(event).toHaveProperty(`${data}.reason.enum`, [...EVENT_REASONS]);
  });

  it("describes the answers that are really given", async () => {
    const ajv = strictAjv();
    for (const [name, schema] of Object.entries(document.components?.schemas ?? {})) {
      const { $id: _id, ...bare } = schema as { $id?: string };
      ajv.addSchema(bare, `#/components/schemas/${name}`);
    }
    const check = (path: string, method: "get" | "post", answer: Called) => {
      const response = document.paths?.[path]?.[method]?.responses?.[answer.status] as OpenAPIV3_1.ResponseObject;
      const schema = response?.content?.["application/json"]?.schema;
      expect(schema, `${method} ${path} ${answer.status}`).toBeDefined();
      const valid = ajv.validate(schema as object, answer.json);
      expect(ajv.errorsText(ajv.errors), `${method} ${path} ${answer.status}`).toBe("No errors");
      expect(valid).toBe(true);
    };
    const created = await server.post("/v1/payments", { ...PAYMENT, items: [{ quantity: 1 }], metadata: { a: 1 } });
    const { id } = created.json;
    check("/v1/payments", "post", created);
    check("/v1/sandbox/pay", "post", await server.post("/v1/sandbox/pay", { paymentId: id }));
    check("/v1/sandbox/mine", "post", await server.post("/v1/sandbox/mine", { blocks: 2 }));
    check("/v1/payments/{id}", "get", await server.get(`/v1/payments/${id}`));
    check("/v1/payments/{id}", "get", await server.get(`/v1/payments/${id}`, { key: null }));
    check("/v1/payments", "get", await server.get("/v1/payments"));
    check("/v1/payments/{id}/delivery", "post", await server.post(`/v1/payments/${id}/delivery`, { to: "delivered" }));
    check("/v1/events", "get", await server.get("/v1/events"));
    check("/readyz", "get", await server.get("/readyz"));
    check("/healthz", "get", await server.get("/healthz"));
    check("/v1/payments", "post", await server.post("/v1/payments", {}));
    check("/v1/payments", "post", await server.post("/v1/payments", PAYMENT, { key: null }));
    check("/v1/payments/{id}", "get", await server.get("/v1/payments/x"));
    check("/v1/payments", "post", await server.post("/v1/payments", "{"));
  });
});
