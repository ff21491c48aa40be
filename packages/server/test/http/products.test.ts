import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SANDBOX_PUBLISHABLE_KEY } from "../../src/http/keys.ts";
import { codeOf, TestServer } from "./harness.ts";

const BELL = { name: "Bell", price: "1500000", chain: "sandbox", asset: "SBX", stock: 5 };

let server: TestServer;
let stranger: Awaited<ReturnType<TestServer["merchant"]>>;

beforeAll(async () => {
  server = await TestServer.start();
  stranger = await server.merchant("stranger");
});
afterAll(() => server.stop());

async function product(fields: object = {}) {
  const answer = await server.post("/v1/products", { ...BELL, ...fields });
  if (answer.status !== 201) throw new Error(answer.text);
  return answer.json;
}

const patch = (id: string, body: unknown) => server.call("PATCH", `/v1/products/${id}`, { body });

describe("a product", () => {
  it("is answered 201 as it is kept, and read again by its id", async () => {
    const answer = await server.post("/v1/products", { ...BELL, price: "9".repeat(78) });
    expect(answer.status).toBe(201);
    const { id, createdAt, updatedAt, ...rest } = answer.json;
    expect(rest).toEqual({
      name: "Bell",
      price: "9".repeat(78),
      chain: "sandbox",
      asset: "SBX",
      stock: 5,
      reserved: 0,
      available: 5,
    });
    expect(updatedAt).toBe(createdAt);
    expect((await server.get(`/v1/products/${id}`)).json).toEqual(answer.json);
  });

  it("is made once under one Idempotency-Key", async () => {
    const headers = { "idempotency-key": randomUUID() };
    const first = await server.post("/v1/products", BELL, { headers });
    const again = await server.post("/v1/products", BELL, { headers });
    expect(again.text).toBe(first.text);
    expect(again.headers.get("idempotent-replayed")).toBe("true");
    expect(codeOf(await server.post("/v1/products", { ...BELL, stock: 6 }, { headers }))).toBe(
      "409 idempotency_mismatch",
    );
  });

  it.each([
    ["price", "0"],
    ["price", 5],
    ["price", "1.5"],
    ["stock", -1],
    ["stock", 1.5],
    ["stock", 1_000_000_000_001],
    ["name", ""],
    ["reserved", 1],
  ])("with %s %j is refused, naming the field", async (field, value) => {
    const answer = await server.post("/v1/products", { ...BELL, [field]: value });
    expect(codeOf(answer)).toBe("400 invalid_request");
    expect(answer.json.error.details).toMatchObject([{ path: field }]);
  });

  it("is priced only in what is configured", async () => {
    expect(codeOf(await server.post("/v1/products", { ...BELL, chain: "dogecoin" }))).toBe("422 not_supported");
    expect(codeOf(await server.post("/v1/products", { ...BELL, asset: "USD" }))).toBe("422 not_supported");
  });

  it("is its merchant's alone", async () => {
    const { id } = await product();
    const key = stranger.secret;
    for (const [method, body] of [["GET"], ["PATCH", { addStock: 1 }], ["DELETE"]] as const) {
      const options = body === undefined ? { key } : { key, body };
      expect(codeOf(await server.call(method, `/v1/products/${id}`, options)), method).toBe("404 not_found");
    }
    expect(codeOf(await server.get(`/v1/products/${id}`, { key: SANDBOX_PUBLISHABLE_KEY }))).toBe("403 forbidden");
    expect(codeOf(await server.get("/v1/products", { key: null }))).toBe("401 unauthorized");
  });

  it("is listed oldest first, page by page, until it is taken out of the shop", async () => {
    const key = stranger.secret;
    const ids: string[] = [];
    for (let nth = 0; nth < 5; nth += 1) ids.push((await server.post("/v1/products", BELL, { key })).json.id);
    const gone = await server.call("DELETE", `/v1/products/${ids[2]}`, { key });
    expect([gone.status, gone.text]).toEqual([204, ""]);
    expect((await server.call("DELETE", `/v1/products/${ids[2]}`, { key })).status).toBe(204);
    const listed: string[] = [];
    for (let after = ""; ; ) {
      const page = (await server.get(`/v1/products?limit=2${after}`, { key })).json;
      listed.push(...page.products.map(({ id }: { id: string }) => id));
      if (page.next === null) break;
      after = `&after=${page.next}`;
    }
    expect([...listed].sort()).toEqual(ids.filter((_, nth) => nth !== 2).sort());
    expect(codeOf(await server.get(`/v1/products/${ids[2]}`, { key }))).toBe("404 not_found");
    expect(codeOf(await server.get("/v1/products?after=nonsense", { key }))).toBe("400 invalid_cursor");
  });
});

describe("changing a product", () => {
  it("changes what is named and nothing else", async () => {
    const before = await product();
    const after = (await patch(before.id, { name: "Gong", price: "7" })).json;
    expect(after).toEqual({ ...before, name: "Gong", price: "7", updatedAt: after.updatedAt });
  });

  it("adds to the stock, and takes from it down to what is reserved", async () => {
    const { id } = await product();
    const order = { customer: randomUUID(), items: [{ productId: id, quantity: 2 }] };
    expect((await server.post("/v1/orders", order)).status).toBe(201);
    expect((await patch(id, { addStock: 4 })).json).toMatchObject({ stock: 9, reserved: 2, available: 7 });
    const refused = await patch(id, { addStock: -8 });
    expect(codeOf(refused)).toBe("409 below_reserved");
    expect(refused.json.error.details).toEqual({ stock: 9, reserved: 2 });
    expect((await patch(id, { addStock: -7 })).json).toMatchObject({ stock: 2, reserved: 2, available: 0 });
  });

  it("sets the stock only with what it was believed to be", async () => {
    const { id } = await product();
    const refused = await patch(id, { stock: 9, expectedStock: 4 });
    expect(codeOf(refused)).toBe("409 stock_mismatch");
    expect(refused.json.error.details).toEqual({ stock: 5, reserved: 0 });
    expect((await patch(id, { stock: 9, expectedStock: 5 })).json).toMatchObject({ stock: 9 });
    // The answer was lost, and the request is repeated.
    expect((await patch(id, { stock: 9, expectedStock: 5 })).json).toMatchObject({ stock: 9 });
  });

  it.each([
    [{}, "body"],
    [{ stock: 5 }, "expectedStock"],
    [{ expectedStock: 5 }, "stock"],
    [{ stock: 5, expectedStock: 5, addStock: 1 }, "addStock"],
    [{ reserved: 0 }, "reserved"],
    [{ chain: "bitcoin" }, "chain"],
    [{ addStock: "1" }, "addStock"],
  ])("%j is refused", async (body, path) => {
    const { id } = await product();
    const answer = await patch(id, body);
    expect(codeOf(answer)).toBe("400 invalid_request");
    if (path !== "body") expect(answer.json.error.details).toMatchObject([{ path }]);
    expect((await server.get(`/v1/products/${id}`)).json).toMatchObject({ stock: 5 });
  });
});
