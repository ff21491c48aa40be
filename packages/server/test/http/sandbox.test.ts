import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { defaultLimits } from "../../src/kit/limits.ts";
import { codeOf, TestServer } from "./harness.ts";

let server: TestServer;
let stranger: Awaited<ReturnType<TestServer["merchant"]>>;

beforeAll(async () => {
  server = await TestServer.start();
  stranger = await server.merchant("stranger");
});
afterAll(() => server.stop());

const read = async (id: string) => (await server.get(`/v1/payments/${id}`)).json;
const pay = (paymentId: string, amount?: string) => server.post("/v1/sandbox/pay", { paymentId, amount });
const mine = (blocks: number) => server.post("/v1/sandbox/mine", { blocks });

describe("the sandbox's chain", () => {
  it("takes a payment to paid and final, each call answering after its effects", async () => {
    const { id } = await server.payment();
    const paid = await pay(id);
    expect(paid.status).toBe(200);
    expect(await read(id)).toMatchObject({
      status: "confirming",
      received: "1500000",
      transfers: [{ txId: paid.json.txId, status: "seen" }],
    });
    await mine(1);
    expect((await read(id)).transfers).toMatchObject([{ status: "included", confirmations: 1 }]);
    await mine(1);
    expect(await read(id)).toMatchObject({ status: "paid", amountState: "exact", txId: paid.json.txId });
    const { json } = await mine(4);
    expect(json.height).toBeGreaterThanOrEqual(6);
    expect((await read(id)).status).toBe("final");
  });

  it("pays what is still due when no amount is named", async () => {
    const { id } = await server.payment();
    await pay(id, "500000");
    expect(await read(id)).toMatchObject({ status: "pending", amountState: "under" });
    await pay(id);
    expect(await read(id)).toMatchObject({ status: "confirming", amountState: "exact", received: "1500000" });
  });

  it("takes a payment back by a reorganisation and gives it again", async () => {
    const { id } = await server.payment();
    await pay(id);
    await mine(2);
    expect((await read(id)).status).toBe("paid");
    expect((await server.post("/v1/sandbox/reorg", { depth: 2 })).status).toBe(200);
    const taken = await read(id);
    expect(taken.flags).toContain("reorged");
    expect(taken.status).not.toBe("paid");
    await mine(2);
    expect((await read(id)).status).toBe("paid");
  });

  it("spends a payment twice", async () => {
    const { id } = await server.payment();
    const { txId } = (await pay(id)).json;
    const answer = await server.post("/v1/sandbox/double-spend", { txId });
    expect(answer.json.txId).not.toBe(txId);
    expect(await read(id)).toMatchObject({ status: "pending", received: "0", transfers: [{ status: "replaced" }] });
    expect((await read(id)).flags).toContain("double_spend");
  });

  it("needs an amount for a standing payment", async () => {
    const { id } = await server.payment({ amount: null });
    expect(codeOf(await pay(id))).toBe("400 invalid_request");
    expect((await pay(id, "7")).status).toBe(200);
    expect((await read(id)).received).toBe("7");
  });

  it.each([
    ["pay", { paymentId: "00000000-0000-4000-8000-000000000000" }, "404 not_found"],
    ["pay", { paymentId: "x", amount: "1.5" }, "400 invalid_request"],
    ["mine", { blocks: 0 }, "400 invalid_request"],
    ["mine", { blocks: 1001 }, "400 invalid_request"],
    ["mine", { blocks: "1" }, "400 invalid_request"],
    ["reorg", { depth: 101 }, "400 invalid_request"],
    ["double-spend", { txId: "unknown" }, "404 not_found"],
  ])("refuses %s %j", async (call, body, code) => {
    expect(codeOf(await server.post(`/v1/sandbox/${call}`, body))).toBe(code);
  });

  it("does not pay another merchant's payment", async () => {
    const { id } = await server.payment();
    const answer = await server.post("/v1/sandbox/pay", { paymentId: id }, { key: stranger.secret });
    expect(codeOf(answer)).toBe("404 not_found");
  });
});

describe("observations", () => {
  const observation = (paymentId: string, fields: object = {}) => ({
    paymentId,
    txId: `tx-${paymentId}`,
    index: "0",
    asset: "SBX",
    amount: "1500000",
    status: "seen",
    confirmations: 0,
    ...fields,
  });
  const block = { blockHash: "b1", blockHeight: 1_000_000 };
  const report = (body: unknown, options?: object) => server.post("/v1/observations", body, options);

  it("carry a payment through its life, and change nothing when repeated", async () => {
    const { id } = await server.payment();
    expect((await report(observation(id))).json.payments).toMatchObject([{ id, status: "confirming" }]);
    const paid = observation(id, { status: "included", confirmations: 2, ...block });
    const { json } = await report(paid);
    expect(json.payments).toMatchObject([{ status: "paid", transfers: [{ blockHash: "b1", confirmations: 2 }] }]);
    expect((await report([paid, paid])).json.payments).toMatchObject([{ sequence: json.payments[0].sequence }]);
  });

  it("come many at once, all or none", async () => {
    const [one, other] = [await server.payment(), await server.payment()];
    const missing = "00000000-0000-4000-8000-000000000000";
    expect(codeOf(await report([observation(one.id), observation(missing)]))).toBe("404 not_found");
    expect((await read(one.id)).received).toBe("0");
    const answer = await report([observation(other.id), observation(one.id)]);
    expect(answer.json.payments.map(({ id }: { id: string }) => id)).toEqual([other.id, one.id]);
  });

  it("of another merchant's payment are refused", async () => {
    const { id } = await server.payment();
    expect(codeOf(await report(observation(id), { key: stranger.secret }))).toBe("404 not_found");
    expect((await read(id)).received).toBe("0");
  });

  it("are at most so many in one request", async () => {
    const { id } = await server.payment();
    const many = Array.from({ length: defaultLimits.observationsPerRequest + 1 }, (_, i) =>
      observation(id, { txId: `t${i}`, amount: "1" }),
    );
    expect(codeOf(await report(many))).toBe("400 invalid_request");
    expect((await report(many.slice(1))).status).toBe(200);
    expect((await read(id)).received).toBe(String(defaultLimits.observationsPerRequest));
  });

  it.each([
    ["no id", { paymentId: "x" }, "[0].paymentId"],
    ["a height without a hash", { blockHeight: 1 }, "[0].blockHeight"],
    ["confirmations in the mempool", { confirmations: 1 }, "[0].confirmations"],
    ["an unknown status", { status: "paid" }, "status"],
    ["an amount of nothing", { amount: "0" }, "amount"],
    ["an unknown field", { fee: "1" }, "fee"],
  ])("with %s are refused, naming the field", async (_what, fields, path) => {
    const { id } = await server.payment();
    const answer = await report(observation(id, fields));
    expect(codeOf(answer)).toBe("400 invalid_request");
    expect(answer.json.error.details.map((problem: { path: string }) => problem.path)).toEqual([path]);
  });

  it.each([[[]], ["text"], [null]])("cannot be %j", async (body) => {
    expect(codeOf(await report(JSON.stringify(body)))).toBe("400 invalid_request");
  });
});

describe("events", () => {
  it("are the payment's whole history, for anyone who knows its id, without its reference", async () => {
    const { id } = await server.payment({ reference: "hush" });
    await pay(id);
    await mine(2);
    const own = await server.get(`/v1/events?paymentId=${id}`);
    const types = own.json.events.map(({ type }: { type: string }) => type);
    expect(types[0]).toBe("payment.created");
    expect(types).toContain("payment.paid");
    expect(own.json.events.map(({ sequence }: { sequence: number }) => sequence)).toEqual(
      types.map((_: string, place: number) => place + 1),
    );
    const anyone = await server.get(`/v1/events?paymentId=${id}`, { key: null });
    expect(anyone.json.events).toHaveLength(types.length);
    expect(anyone.text).not.toContain("hush");
    expect(own.text).toContain("hush");
  });

  it("come in pages behind a cursor", async () => {
    const { id } = await server.payment();
    await pay(id);
    const first = (await server.get(`/v1/events?paymentId=${id}&limit=1`)).json;
    expect(first.events).toHaveLength(1);
    const rest = (await server.get(`/v1/events?paymentId=${id}&after=${first.next}`)).json;
    expect(rest.events[0].sequence).toBe(2);
  });

  it("of all payments need a secret key, and are the merchant's own", async () => {
    expect(codeOf(await server.get("/v1/events", { key: null }))).toBe("401 unauthorized");
    expect(codeOf(await server.get("/v1/events", { key: stranger.publishable }))).toBe("403 forbidden");
    expect((await server.get("/v1/events", { key: stranger.secret })).json.events).toEqual([]);
    expect((await server.get("/v1/events")).json.events.length).toBeGreaterThan(0);
  });

  it("of another merchant's payment do not exist, by polling and by SSE", async () => {
    const { id } = await server.payment();
    const key = stranger.secret;
    expect(codeOf(await server.get(`/v1/events?paymentId=${id}`, { key }))).toBe("404 not_found");
    expect(codeOf(await server.get(`/v1/payments/${id}/events`, { key }))).toBe("404 not_found");
    const unknown = "/v1/payments/00000000-0000-4000-8000-000000000000/events";
    expect(codeOf(await server.get(unknown))).toBe("404 not_found");
  });

  it("wait for the first one", async () => {
    const { id } = await server.payment();
    const { next } = (await server.get(`/v1/events?paymentId=${id}`)).json;
    const waiting = server.get(`/v1/events?paymentId=${id}&after=${next}&waitMs=30000`);
    await pay(id);
    expect((await waiting).json.events.length).toBeGreaterThan(0);
  });

  it("are refused behind a cursor that is none", async () => {
    expect(codeOf(await server.get("/v1/events?after=nonsense"))).toBe("400 invalid_cursor");
    expect(codeOf(await server.get("/v1/events?after=0000000000.0.1"))).toBe("410 cursor_expired");
    const { id } = await server.payment();
    const headers = { "last-event-id": "nonsense" };
    expect(codeOf(await server.get(`/v1/payments/${id}/events`, { headers }))).toBe("400 invalid_cursor");
  });
});
