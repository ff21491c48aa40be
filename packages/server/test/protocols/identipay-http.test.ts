/** identiPay over HTTP: how a transaction stands, and settling it in the sandbox. Proposals: identipay-proposals. */
import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { IdentipayShop } from "../../testkit/clients/identipay-shop.ts";
import { ProtocolServer } from "../../testkit/protocol-server.ts";
import { until } from "../../testkit/until.ts";

let server: ProtocolServer;
let shop: IdentipayShop;

beforeAll(async () => {
  server = await ProtocolServer.start();
  shop = new IdentipayShop(server.url, await server.addKey("secret"));
  await server.addMerchant("another");
});
afterEach(() => server.transports.closeClients());
afterAll(() => server.stop());

const refusal = (code: string, message: string) => ({ error: { code, message } });
const settledAfter = async (id: string) => {
  const events = (await server.core.log.readAfter(0, { limit: 10_000 })).records;
  const last = events.findLast(({ paymentId, type }) => paymentId === id && /paid|recovered/.test(type));
  return new Date(last?.atMs ?? 0).toISOString();
};

describe("GET …/transactions/{id}/status", () => {
  it("says pending, then settled with the transaction and the time, then the same for ever", async () => {
    const { id: transactionId, ...payment } = await server.create();
    const nothing = { suiTxDigest: null, settledAt: null };
    expect((await shop.status(transactionId)).json).toEqual({ transactionId, status: "pending", ...nothing });

    server.transports.clock.advance(5_000);
    const suiTxDigest = await server.pay({ id: transactionId, ...payment });
    expect((await shop.status(transactionId)).json, "seen is not settled").toMatchObject({
      status: "pending",
      ...nothing,
    });
    await server.controls.mine(2);
    const settledAt = await settledAfter(transactionId);
    const settled = { transactionId, status: "settled", suiTxDigest, settledAt };
    expect((await shop.status(transactionId)).json).toEqual(settled);
    server.transports.clock.advance(5_000);
    await server.controls.mine(8);
    expect((await shop.status(transactionId)).json, "final, later").toEqual(settled);
  });

  it("gives the time of the last settlement when the chain took one back", async () => {
    const payment = await server.create();
    await server.pay(payment);
    await server.controls.mine(2);
    const first = (await shop.status(payment.id)).json.settledAt;
    await server.controls.reorg(2);
    expect((await shop.status(payment.id)).json).toMatchObject({
      status: "pending",
      suiTxDigest: null,
      settledAt: null,
    });
    server.transports.clock.advance(60_000);
    await server.controls.mine(2);
    const { settledAt } = (await shop.status(payment.id)).json;
    expect(Date.parse(settledAt) - Date.parse(first)).toBeGreaterThanOrEqual(60_000);
  });

  it("says expired and cancelled", async () => {
    const [expiring, cancelled] = [await server.create({ expiresInSeconds: 1 }), await server.create()];
    await server.core.ingest.execute(cancelled.merchantId, cancelled.id, { type: "cancel" });
    server.transports.clock.advance(1_001);
    await server.controls.mine(1);
    await server.core.ingest.tick();
    expect((await shop.status(expiring.id)).json).toMatchObject({
      status: "expired",
      suiTxDigest: null,
      settledAt: null,
    });
    expect((await shop.status(cancelled.id)).json).toMatchObject({ status: "cancelled" });
  });

  it("reads the settlement from a long history, page by page", async () => {
    const small = await ProtocolServer.start({ limits: { replayPage: 2 } });
    const reader = new IdentipayShop(small.url, await small.addKey("secret"));
    const payment = await small.create();
    for (let part = 0; part < 10; part += 1) await small.pay(payment, 100_000n);
    await small.controls.mine(2);
    const { json } = await reader.status(payment.id);
    expect(json).toMatchObject({
      status: "settled",
      settledAt: new Date(small.transports.clock.nowMs()).toISOString(),
    });
    await small.stop();
  });

  it.each([
    ["another merchant's", async () => (await server.create({ merchantId: "another" })).id],
    ["an unknown one", async () => randomUUID()],
    ["no UUID", async () => "hello"],
    [
      "one that was deleted",
      async () => {
        const { id, merchantId } = await server.create();
        await server.core.ingest.execute(merchantId, id, { type: "erase" });
        return id;
      },
    ],
  ])("%s is not found", async (_what, makeId) => {
    const { status, json } = await shop.status(await makeId());
    expect({ status, json }).toEqual({ status: 404, json: refusal("NOT_FOUND", "Transaction not found") });
  });

  it.each([
    ["no header", {}, "Missing or invalid Authorization header"],
    ["another scheme", { authorization: "Basic c2s6" }, "Missing or invalid Authorization header"],
    ["no key behind Bearer", { authorization: "Bearer " }, "Missing or invalid Authorization header"],
    ["a key that nobody has", { authorization: "Bearer sk_live_wrong" }, "Invalid API key"],
  ])("with %s it is 401 in identiPay's words", async (_what, headers, message) => {
    const { id } = await server.create();
    const path = `/api/identipay/v1/transactions/${id}/status`;
    const answer = await new IdentipayShop(server.url, null).call(
      "GET",
      path,
      undefined,
      headers as Record<string, string>,
    );
    expect(answer.status).toBe(401);
    expect(answer.json).toEqual(refusal("UNAUTHORIZED", message));
    expect(answer.headers.get("www-authenticate")).toBe("Bearer");
  });

  it("takes no publishable key", async () => {
    const { id } = await server.create();
    const answer = await new IdentipayShop(server.url, await server.addKey("publishable")).status(id);
    expect({ ...answer, headers: null }).toEqual({
      status: 401,
      headers: null,
      json: refusal("UNAUTHORIZED", "Invalid API key"),
    });
  });

  it("can be polled by a page of the shop, and by no other page", async () => {
    const { id } = await server.create();
    const path = `/api/identipay/v1/transactions/${id}/status`;
    const preflight = { "access-control-request-method": "GET", "access-control-request-headers": "authorization" };
    const ask = (origin: string) => shop.call("OPTIONS", path, undefined, { origin, ...preflight });
    const allowed = await ask("http://localhost:3000");
    expect(allowed.status).toBe(204);
    expect(allowed.headers.get("access-control-allow-origin")).toBe("http://localhost:3000");
    expect(allowed.headers.get("access-control-allow-headers")?.toLowerCase()).toContain("authorization");
    expect((await ask("https://elsewhere.example")).status).toBe(403);
  });
});

describe("POST /api/test/settle", () => {
  it("settles at once, and tells everybody who listens", async () => {
    const payment = await server.create();
    const client = await server.transports.open(`/ws/transactions/${payment.id}`);
    await until("the status", () => client.received.length === 1);
    const { status, json } = await shop.settle(payment.id);
    expect({ status, json }).toEqual({
      status: 200,
      json: { transactionId: payment.id, status: "settled", suiTxDigest: expect.stringMatching(/^[0-9a-f]{64}$/) },
    });
    await until("the settlement", () => client.received.length === 2);
    expect(client.messages[1]).toEqual({ type: "settlement", ...json });
  });

  it("changes nothing the second time, nor in two requests at once", async () => {
    const payment = await server.create();
    const [first, second] = await Promise.all([shop.settle(payment.id), shop.settle(payment.id)]);
    expect(first.json).toEqual(second.json);
    expect((await shop.settle(payment.id)).json).toEqual(first.json);
    const { payment: after, transfers } = await server.core.payment(payment.id);
    expect(after).toMatchObject({ amountState: "exact" });
    expect(transfers).toHaveLength(1);
  });

  it("pays only what is missing, and nothing that is on its way already", async () => {
    const [part, whole] = [await server.create(), await server.create()];
    await server.pay(part, 300_000n);
    const onItsWay = await server.pay(whole);
    await shop.settle(part.id);
    expect((await server.core.payment(part.id)).payment).toMatchObject({ status: "paid", amountState: "exact" });
    expect((await shop.settle(whole.id)).json).toMatchObject({ status: "settled", suiTxDigest: onItsWay });
    expect((await server.core.payment(whole.id)).transfers).toHaveLength(1);
  });

  it("settles what a reorganisation took back without paying again", async () => {
    const payment = await server.create();
    await shop.settle(payment.id);
    await server.controls.reorg(2);
    expect((await shop.status(payment.id)).json.status).toBe("pending");
    expect((await shop.settle(payment.id)).json.status).toBe("settled");
    expect((await server.core.payment(payment.id)).payment.amountState).toBe("exact");
  });

  it("waits for as many confirmations as the payment wants, none included", async () => {
    for (const confirmations of [0, 1, 7]) {
      const payment = await server.create({ confirmations });
      expect((await shop.settle(payment.id)).json.status).toBe("settled");
    }
  });

  it("settles an expired transaction while it is watched", async () => {
    const payment = await server.create({ expiresInSeconds: 1 });
    server.transports.clock.advance(1_001);
    await server.controls.mine(1);
    await server.core.ingest.tick();
    expect((await shop.settle(payment.id)).json.status).toBe("settled");
    expect((await server.core.payment(payment.id)).payment.flags).toContain("late");
  });

  it("refuses what cannot be settled, with its status", async () => {
    const [cancelled, standing] = [await server.create(), await server.create({ amountAtomic: null })];
    await server.core.ingest.execute(cancelled.merchantId, cancelled.id, { type: "cancel" });
    const answers = [await shop.settle(cancelled.id), await shop.settle(standing.id)];
    expect(answers.map(({ status, json }) => `${status} ${json.error.code}: ${json.error.message}`)).toEqual([
      "409 CONFLICT: Transaction is cancelled and cannot be settled",
      "409 CONFLICT: Transaction has no amount, so nothing settles it",
    ]);
    expect((await server.core.payment(cancelled.id)).transfers).toEqual([]);
  });

  it.each([
    ["an unknown id", randomUUID(), 404, "NOT_FOUND"],
    ["no UUID", "hello", 404, "NOT_FOUND"],
    ["a number", 7, 400, "VALIDATION_ERROR"],
    ["nothing", undefined, 400, "VALIDATION_ERROR"],
  ])("refuses %s", async (_what, id, status, code) => {
    const answer = await shop.settle(id);
    expect(answer.status).toBe(status);
    expect(answer.json.error.code).toBe(code);
  });

  it("is not there in live mode", async () => {
    const live = await ProtocolServer.start({ mode: "live" });
    const payment = await live.create();
    expect((await new IdentipayShop(live.url, null).settle(payment.id)).status).toBe(404);
    expect((await live.core.payment(payment.id)).payment.status).toBe("pending");
    await live.stop();
  });
});

describe("refusals of the server itself", () => {
  it("come in identiPay's envelope", async () => {
    const path = "/api/identipay/v1/proposals";
    const answers = [
      await shop.call("POST", path, "{"),
      await shop.call("POST", path, "[]"),
      await shop.call("POST", path, `"${"x".repeat(300_000)}"`),
      await shop.call("POST", path, "a=b", { "content-type": "text/plain" }),
    ];
    expect(answers.map(({ status, json }) => `${status} ${json.error.code}`)).toEqual([
      "400 VALIDATION_ERROR",
      "400 VALIDATION_ERROR",
      "413 VALIDATION_ERROR",
      "415 VALIDATION_ERROR",
    ]);
  });

  it("keep their status where a limit is reached, and say when to come back", async () => {
    const slow = await ProtocolServer.start({ limits: { keylessRequestsPerSecond: 1 } });
    const client = new IdentipayShop(slow.url, null);
    const answers = [await client.settle("a"), await client.settle("b"), await client.settle("c")];
    expect(answers.map(({ status }) => status)).toEqual([404, 404, 429]);
    expect(answers[2]?.json.error.code).toBe("INTERNAL_ERROR");
    expect(answers[2]?.headers.get("retry-after")).toMatch(/^\d+$/);
    await slow.stop();
  });

  it("hide what went wrong inside, and tell the operator", async () => {
    const broken = await ProtocolServer.start();
    const client = new IdentipayShop(broken.url, await broken.addKey("secret"));
    const { id } = await broken.create();
    await client.status(id);
    await broken.core.database.close();
    const { status, headers, json } = await client.status(id);
    expect({ status, code: json.error.code }).toEqual({ status: 503, code: "INTERNAL_ERROR" });
    expect(json.error.message).toBe("The database cannot be used at the moment: repeat the request.");
    expect(headers.get("retry-after")).toMatch(/^\d+$/);
    const socket = await broken.transports.open(`/ws/transactions/${id}`);
    expect(await socket.closed).toEqual({ code: 1011, reason: "internal_error" });
    expect(broken.errors).not.toEqual([]);
    await broken.stop();
  });
});
