import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SANDBOX_SECRET_KEY } from "../../src/http/keys.ts";
import { defaultLimits } from "../../src/kit/limits.ts";
import { type Called, codeOf, PAYMENT, TestServer } from "./harness.ts";

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(() => server.stop());

const create = (body: unknown) => server.post("/v1/payments", body);
const problemsOf = (answer: Called): string[] => {
  expect(codeOf(answer)).toBe("400 invalid_request");
  for (const problem of answer.json.error.details) {
    expect(problem).toEqual({ path: expect.any(String), problem: expect.any(String), allowed: expect.any(String) });
  }
  return answer.json.error.details.map((problem: { path: string }) => problem.path);
};

const WRONG_PAYMENTS: readonly (readonly [string, unknown, readonly string[]])[] = [
  ["an unknown field", { ...PAYMENT, amout: "1" }, ["amout"]],
  ["a number in place of an amount", { ...PAYMENT, amount: 1500000 }, ["amount"]],
  ["an amount of nothing", { ...PAYMENT, amount: "0" }, ["amount"]],
  ["a negative amount", { ...PAYMENT, amount: "-1" }, ["amount"]],
  ["a decimal point", { ...PAYMENT, amount: "1.5" }, ["amount"]],
  ["an exponent", { ...PAYMENT, amount: "1e6" }, ["amount"]],
  ["leading zeros", { ...PAYMENT, amount: "01" }, ["amount"]],
  ["a line end behind the amount", { ...PAYMENT, amount: "1\n" }, ["amount"]],
  ["79 digits", { ...PAYMENT, amount: "1".repeat(79) }, ["amount"]],
  ["no amount", { asset: "SBX", chain: "sandbox" }, ["amount"]],
  ["text in place of a number", { ...PAYMENT, confirmations: "2" }, ["confirmations"]],
  ["a fraction", { ...PAYMENT, confirmations: 1.5 }, ["confirmations"]],
  ["too many confirmations", { ...PAYMENT, confirmations: 1001 }, ["confirmations"]],
  ["a life of nothing", { ...PAYMENT, expiresInSeconds: 0 }, ["expiresInSeconds"]],
  ["a life of more than 30 days", { ...PAYMENT, expiresInSeconds: 2_592_001 }, ["expiresInSeconds"]],
  ["an expiry of a standing payment", { ...PAYMENT, amount: null, expiresInSeconds: 60 }, ["expiresInSeconds"]],
  ["an empty reference", { ...PAYMENT, reference: "" }, ["reference"]],
  ["a long reference", { ...PAYMENT, reference: "x".repeat(201) }, ["reference"]],
  ["a control character", { ...PAYMENT, customer: "a\u0000b" }, ["customer"]],
  ["half a surrogate pair", { ...PAYMENT, reference: "\ud83d" }, ["reference"]],
  ["null where nothing may be null", { ...PAYMENT, reference: null }, ["reference"]],
  ["metadata that is a list", { ...PAYMENT, metadata: [] }, ["metadata"]],
  ["an item without a quantity", { ...PAYMENT, items: [{ name: "x" }] }, ["items[0].quantity"]],
  ["an unknown field of an item", { ...PAYMENT, items: [{ quantity: 1, colour: "red" }] }, ["items[0].colour"]],
  ["a list", [PAYMENT], [""]],
  ["a text", '"payment"', [""]],
  ["null", "null", [""]],
];

describe("fields", () => {
  it.each(WRONG_PAYMENTS)("refuse %s and name the field", async (_what, body, paths) => {
    expect(problemsOf(await create(body))).toEqual(paths);
  });

  it("name every problem at once", async () => {
    const answer = await create({ amount: 1, asset: "", reference: 5, nonsense: true });
    expect(problemsOf(answer).sort()).toEqual(["amount", "asset", "chain", "nonsense", "reference"]);
  });

  it("accept 200 characters of any script", async () => {
    const reference = "🔔".repeat(200);
    expect((await server.payment({ reference })).reference).toBe(reference);
  });

  it("hold metadata of exactly the limit, and not one byte more", async () => {
    const fits = { a: "x".repeat(defaultLimits.metadataBytes - '{"a":""}'.length) };
    expect((await create({ ...PAYMENT, metadata: fits })).status).toBe(201);
    expect(problemsOf(await create({ ...PAYMENT, metadata: { a: `${fits.a}x` } }))).toEqual(["metadata"]);
  });
});

describe("bodies", () => {
  it.each([
    '{"amount":"1","__proto__":{"x":1}}',
    '{"metadata":{"__proto__":{"x":1}}}',
    '{"metadata":{"constructor":{"prototype":{}}}}',
  ])("refuse keys that reach for the prototype: %s", async (body) => {
    expect(codeOf(await create(body))).toBe("400 invalid_json");
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  });

  it("name the first problem only where there are thousands, so that nobody waits for the list", async () => {
    const many = await server.post("/v1/observations", new Array(5_000).fill({}));
    expect(problemsOf(many)).toHaveLength(1);
    const few = await server.post("/v1/observations", new Array(2).fill({}));
    expect(problemsOf(few).length).toBeGreaterThan(10);
  });

  it.each(["1e999", "-1e999"])("refuse %s, which would become null on its way", async (number) => {
    const body = JSON.stringify({ ...PAYMENT, metadata: { a: [0] } }).replace("[0]", `[${number}]`);
    expect(problemsOf(await server.post("/v1/payments", body))).toEqual([""]);
  });

  it.each(["\\u0000", "\\ud800"])(
    "refuse a block's hash with %s, which no database gives back as it was",
    async (half) => {
      const { id } = await server.payment();
      const seen = {
        paymentId: id,
        txId: "t",
        index: "0",
        asset: "SBX",
        amount: "5",
        status: "included",
        confirmations: 1,
      };
      const body = JSON.stringify({ ...seen, blockHash: "HASH", blockHeight: 1 }).replace("HASH", half);
      expect(problemsOf(await server.post("/v1/observations", body))).toEqual(["blockHash"]);
    },
  );

  it("refuse nesting that could exhaust the stack", async () => {
    const deep = (levels: number) => `${`{"a":`.repeat(levels)}1${"}".repeat(levels)}`;
    const withMetadata = (levels: number) => JSON.stringify(PAYMENT).replace("}", `,"metadata":${deep(levels)}}`);
    expect((await create(withMetadata(20))).status).toBe(201);
    expect(problemsOf(await create(withMetadata(20_000)))).toEqual([""]);
  });

  it.each(["{", '{"amount":"1",}', "amount=1", "undefined", '{"a":1}{"b":2}'])(
    "refuse what is not JSON: %s",
    async (body) => {
      expect(codeOf(await create(body))).toBe("400 invalid_json");
    },
  );

  it("refuse bytes that are not UTF-8", async () => {
    const body = Buffer.concat([Buffer.from('{"amount":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]);
    const headers = { authorization: `Bearer ${SANDBOX_SECRET_KEY}`, "content-type": "application/json" };
    const response = await fetch(`${server.url}/v1/payments`, { method: "POST", headers, body });
    expect(response.status).toBe(400);
    expect(((await response.json()) as Called["json"]).error.code).toBe("invalid_json");
  });

  it.each(["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonp"])(
    "refuse the type %s",
    async (type) => {
      const answer = await server.post("/v1/payments", PAYMENT, { headers: { "content-type": type } });
      expect(codeOf(answer)).toBe("415 unsupported_media_type");
    },
  );

  it("refuse a compressed body", async () => {
    const answer = await server.post("/v1/payments", PAYMENT, { headers: { "content-encoding": "gzip" } });
    expect(codeOf(answer)).toBe("415 unsupported_media_type");
  });

  it("take a charset, and no body where none is needed", async () => {
    const headers = { "content-type": "application/json; charset=utf-8" };
    const { json } = await server.post("/v1/payments", PAYMENT, { headers });
    expect((await server.call("POST", `/v1/payments/${json.id}/claim`)).status).toBe(200);
    expect((await server.call("POST", `/v1/payments/${json.id}/claim`, { body: "" })).status).toBe(200);
    expect(problemsOf(await server.post(`/v1/payments/${json.id}/claim`, { why: "?" }))).toEqual(["why"]);
  });

  it("are at most as large as the limit says", async () => {
    const answer = await create(`"${"x".repeat(defaultLimits.bodyBytes)}"`);
    expect(codeOf(answer)).toBe("413 payload_too_large");
    expect(answer.json.error.details).toEqual({ limit: defaultLimits.bodyBytes });
    expect(problemsOf(await create(`"${"x".repeat(defaultLimits.bodyBytes - 2)}"`))).toEqual([""]);
  });

  it("are measured also when their length is not told", async () => {
    const chunk = "x".repeat(65_536);
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const outgoing = request(`${server.url}/v1/payments`, {
        method: "POST",
        headers: { authorization: `Bearer ${SANDBOX_SECRET_KEY}`, "content-type": "application/json" },
      });
      outgoing.on("response", (incoming) => {
        incoming.resume();
        resolve(incoming.statusCode);
      });
      outgoing.on("error", reject);
      for (let sent = 0; sent <= defaultLimits.bodyBytes; sent += chunk.length) outgoing.write(chunk);
      outgoing.end();
    });
    expect(status).toBe(413);
  });
});

describe("queries", () => {
  it.each([
    ["/v1/payments?limt=1", "?limt"],
    ["/v1/payments?limit=0", "?limit"],
    ["/v1/payments?limit=1001", "?limit"],
    ["/v1/payments?limit=1e2", "?limit"],
    ["/v1/payments?limit=%201", "?limit"],
    ["/v1/payments?limit=01", "?limit"],
    ["/v1/payments?limit=", "?limit"],
    ["/v1/payments?limit=1&limit=2", "?limit"],
    ["/v1/payments?status=payed", "?status"],
    ["/v1/payments?reference=", "?reference"],
    ["/v1/payments?__proto__=1", "?__proto__"],
    ["/v1/events?waitMs=30001", "?waitMs"],
    ["/v1/events?waitMs=-1", "?waitMs"],
    ["/healthz?x=1", "?x"],
  ])("refuse %s", async (path, parameter) => {
    expect(problemsOf(await server.get(path))).toEqual([parameter]);
  });

  it("are refused on calls that take none", async () => {
    expect(problemsOf(await server.post("/v1/payments?dry=1", PAYMENT))).toEqual(["?dry"]);
  });
});

describe("paths and methods", () => {
  it.each(["/", "/v1", "/v1/payment", "/v1/payments/", "/v1/payments/x/y/z", "/favicon.ico", "/v1//payments"])(
    "know nothing at %s",
    async (path) => {
      expect(codeOf(await server.get(path))).toBe("404 not_found");
    },
  );

  it.each([
    ["PUT", "/v1/payments", "GET, OPTIONS, POST"],
    ["DELETE", "/v1/payments", "GET, OPTIONS, POST"],
    ["PATCH", "/v1/payments/00000000-0000-4000-8000-000000000000", "DELETE, GET, OPTIONS"],
    ["GET", "/v1/observations", "OPTIONS, POST"],
    ["POST", "/healthz", "GET, HEAD, OPTIONS"],
  ])("tell %s %s which methods there are", async (method, path, allow) => {
    const answer = await server.call(method, path);
    expect(codeOf(answer)).toBe("405 method_not_allowed");
    expect(answer.headers.get("allow")).toBe(allow);
  });

  it("refuse a path that is not valid percent-encoding", async () => {
    expect(codeOf(await server.get("/v1/payments/%ff%zz"))).toBe("400 invalid_request");
  });

  it("survive a path of any length", async () => {
    expect(codeOf(await server.get(`/v1/payments/${"x".repeat(5_000)}`))).toBe("404 not_found");
  });
});

it("gives every answer a request id, and tells browsers not to guess or keep", async () => {
  const [first, second] = [await server.get("/healthz"), await server.get("/nothing")];
  expect(first.headers.get("x-request-id")).toMatch(/^req_/);
  expect(second.headers.get("x-request-id")).not.toBe(first.headers.get("x-request-id"));
  expect(second.headers.get("x-content-type-options")).toBe("nosniff");
  expect(second.headers.get("cache-control")).toBe("no-store");
});
