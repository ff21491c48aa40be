import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SANDBOX_PUBLISHABLE_KEY } from "../../src/http/keys.ts";
import { codeOf, PAYMENT, TestServer } from "./harness.ts";

let server: TestServer;
let stranger: Awaited<ReturnType<TestServer["merchant"]>>;

beforeAll(async () => {
  server = await TestServer.start();
  stranger = await server.merchant("stranger");
});
afterAll(() => server.stop());

const UNKNOWN_ID = "00000000-0000-4000-8000-000000000000";

describe("creating a payment", () => {
  it("answers 201 with the payment as its merchant reads it", async () => {
    const answer = await server.post("/v1/payments", {
      ...PAYMENT,
      reference: "order-1",
      customer: "ann",
      items: [{ name: "Bell", quantity: 2, unitAmount: "750000" }],
      metadata: { cart: [1, { two: null }] },
      confirmations: 0,
      expiresInSeconds: 60,
    });
    expect(answer.status).toBe(201);
    expect(answer.json).toMatchObject({
      status: "pending",
      amount: "1500000",
      received: "0",
      decimals: 6,
      reference: "order-1",
      customer: "ann",
      items: [{ name: "Bell", quantity: 2, unitAmount: "750000" }],
      metadata: { cart: [1, { two: null }] },
      confirmationsRequired: 0,
      sequence: 1,
      transfers: [],
    });
    expect(answer.json.id).toMatch(/^[0-9a-f-]{36}$/);
    expect(Date.parse(answer.json.expiresAt) - Date.parse(answer.json.createdAt)).toBe(60_000);
  });

  it("expires after the configured hour when nothing is said, and never when it is standing", async () => {
    const usual = await server.payment();
    expect(Date.parse(usual.expiresAt) - Date.parse(usual.createdAt)).toBe(3_600_000);
    const standing = await server.payment({ amount: null });
    expect(standing).toMatchObject({ amount: null, expiresAt: null });
  });

  it("keeps amounts exact that no number can hold", async () => {
    const amount = "9".repeat(78);
    const { id } = await server.payment({ amount });
    expect((await server.get(`/v1/payments/${id}`)).json.amount).toBe(amount);
  });

  it("refuses a chain or an asset that is not configured, and says which are", async () => {
    const chain = await server.post("/v1/payments", { ...PAYMENT, chain: "dogecoin" });
    expect(codeOf(chain)).toBe("422 not_supported");
    expect(chain.json.error.details.allowed).toContain("sandbox");
    const asset = await server.post("/v1/payments", { ...PAYMENT, asset: "USDT" });
    expect(codeOf(asset)).toBe("422 not_supported");
    expect(asset.json.error.details.allowed).toEqual(["SBX"]);
  });

  it("refuses a second open payment on one address", async () => {
    const { address } = await server.payment();
    expect(codeOf(await server.post("/v1/payments", { ...PAYMENT, address }))).toBe("409 address_in_use");
  });

  it("names the field when an address is none", async () => {
    const answer = await server.post("/v1/payments", { ...PAYMENT, address: "not-an-address" });
    expect(codeOf(answer)).toBe("400 invalid_request");
    expect(answer.json.error.details).toEqual([expect.objectContaining({ path: "address" })]);
  });
});

describe("reading a payment", () => {
  it("shows buyer, metadata and reference to the merchant's secret key only", async () => {
    const { id } = await server.payment({ reference: "secret-ref", customer: "secret-ann", metadata: { secret: 1 } });
    const own = await server.get(`/v1/payments/${id}`);
    expect(own.json).toMatchObject({ reference: "secret-ref", customer: "secret-ann", metadata: { secret: 1 } });
    for (const key of [null, SANDBOX_PUBLISHABLE_KEY]) {
      const answer = await server.get(`/v1/payments/${id}`, { key });
      expect(answer.status).toBe(200);
      expect(answer.json.id).toBe(id);
      expect(Object.keys(answer.json)).not.toEqual(expect.arrayContaining(["reference"]));
      expect(answer.text).not.toContain("secret");
    }
  });

  it("is, to another merchant's keys, as if it did not exist", async () => {
    const { id } = await server.payment();
    const missing = await server.get(`/v1/payments/${UNKNOWN_ID}`, { key: stranger.secret });
    for (const key of [stranger.secret, stranger.publishable]) {
      const answer = await server.get(`/v1/payments/${id}`, { key });
      expect(answer.status).toBe(404);
      expect(answer.json).toEqual(missing.json);
    }
  });

  it.each([UNKNOWN_ID, "not-an-id", "%2e%2e%2f", "__proto__", `${UNKNOWN_ID}%00`])(
    "knows no payment %s",
    async (id) => {
      expect(codeOf(await server.get(`/v1/payments/${id}`))).toBe("404 not_found");
    },
  );
});

describe("listing payments", () => {
  it("gives each once, newest first, page by page", async () => {
    const ids: string[] = [];
    for (let i = 0; i < 5; i += 1) ids.push((await server.payment({ reference: "paged" })).id);
    const seen: string[] = [];
    let next: string | null = null;
    do {
      const after: string = next === null ? "" : `&after=${encodeURIComponent(next)}`;
      const page = await server.get(`/v1/payments?reference=paged&limit=2${after}`);
      expect(page.status).toBe(200);
      expect(page.json.payments.length).toBeLessThanOrEqual(2);
      seen.push(...page.json.payments.map((payment: { id: string }) => payment.id));
      next = page.json.next;
    } while (next !== null);
    expect(new Set(seen)).toEqual(new Set(ids));
    expect(seen).toHaveLength(ids.length);
  });

  it("filters by reference, customer and status", async () => {
    const { id } = await server.payment({ reference: "f-1", customer: "bob" });
    await server.payment({ reference: "f-2", customer: "bob" });
    const list = async (query: string) =>
      (await server.get(`/v1/payments?${query}`)).json.payments.map((payment: { id: string }) => payment.id);
    expect(await list("reference=f-1")).toEqual([id]);
    expect(await list("customer=bob")).toHaveLength(2);
    expect(await list("customer=bob&status=cancelled")).toEqual([]);
    await server.call("POST", `/v1/payments/${id}/cancel`);
    expect(await list("customer=bob&status=cancelled")).toEqual([id]);
  });

  it("shows nothing of other merchants", async () => {
    await server.payment({ reference: "mine" });
    const answer = await server.get("/v1/payments?reference=mine", { key: stranger.secret });
    expect(answer.json).toEqual({ payments: [], next: null });
  });

  it("refuses a cursor that it did not issue", async () => {
    expect(codeOf(await server.get("/v1/payments?after=nonsense"))).toBe("400 invalid_cursor");
  });
});

describe("telling of a payment", () => {
  it("cancels while nothing is seen, and refuses it afterwards with the status", async () => {
    const { id } = await server.payment();
    const cancelled = await server.call("POST", `/v1/payments/${id}/cancel`);
    expect(cancelled).toMatchObject({ status: 200, json: { id, status: "cancelled" } });
    const again = await server.post("/v1/sandbox/pay", { paymentId: id });
    expect(again.status).toBe(200);
    const delivery = await server.post(`/v1/payments/${id}/delivery`, { to: "delivered" });
    expect(codeOf(delivery)).toBe("409 invalid_state");
    expect(delivery.json.error.details).toMatchObject({ status: "cancelled" });
  });

  it("notes a claim, a delivery and a decision by hand", async () => {
    const { id } = await server.payment();
    expect((await server.call("POST", `/v1/payments/${id}/claim`, { body: "" })).json.claimedAt).not.toBeNull();
    await server.post("/v1/sandbox/pay", { paymentId: id });
    await server.post("/v1/sandbox/mine", { blocks: 2 });
    const delivered = await server.post(`/v1/payments/${id}/delivery`, { to: "delivered" });
    expect(delivered.json).toMatchObject({ status: "paid", delivery: "delivered" });
    expect(codeOf(await server.post(`/v1/payments/${id}/resolve`, { as: "failed" }))).toBe("409 invalid_state");
  });

  it("erases: 204, and then nobody finds it", async () => {
    const { id } = await server.payment({ customer: "gone" });
    const answer = await server.call("DELETE", `/v1/payments/${id}`);
    expect(answer).toMatchObject({ status: 204, text: "" });
    expect(codeOf(await server.get(`/v1/payments/${id}`))).toBe("404 not_found");
    expect(codeOf(await server.call("DELETE", `/v1/payments/${id}`))).toBe("404 not_found");
    expect((await server.get("/v1/payments?customer=gone")).json.payments).toEqual([]);
  });

  it.each([
    ["POST", "cancel", undefined],
    ["POST", "claim", undefined],
    ["POST", "delivery", { to: "delivered" }],
    ["POST", "resolve", { as: "paid" }],
    ["DELETE", "", undefined],
  ])("refuses %s %s on another merchant's payment, and changes nothing", async (method, command, body) => {
    const { id, sequence } = await server.payment();
    const path = `/v1/payments/${id}${command && `/${command}`}`;
    expect(codeOf(await server.call(method, path, { key: stranger.secret, body }))).toBe("404 not_found");
    expect((await server.get(`/v1/payments/${id}`)).json).toMatchObject({ status: "pending", sequence });
  });
});
