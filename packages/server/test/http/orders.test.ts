import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SANDBOX_PUBLISHABLE_KEY } from "../../src/http/keys.ts";
import { codeOf, TestServer } from "./harness.ts";

let server: TestServer;
let stranger: Awaited<ReturnType<TestServer["merchant"]>>;
let bell: string;

beforeAll(async () => {
  server = await TestServer.start();
  stranger = await server.merchant("stranger");
  bell = await productOf({});
});
afterAll(() => server.stop());

async function productOf(fields: object): Promise<string> {
  const made = { name: "Bell", price: "1500000", chain: "sandbox", asset: "SBX", stock: 100, ...fields };
  const answer = await server.post("/v1/products", made);
  if (answer.status !== 201) throw new Error(answer.text);
  return answer.json.id;
}

const wanted = (fields: object = {}) => ({
  customer: randomUUID(),
  items: [{ productId: bell, quantity: 2 }],
  ...fields,
});

async function orderOf(fields: object = {}) {
  const answer = await server.post("/v1/orders", wanted(fields));
  if (answer.status !== 201) throw new Error(answer.text);
  return answer.json;
}

async function pay(paymentId: string): Promise<void> {
  await server.post("/v1/sandbox/pay", { paymentId });
  await server.post("/v1/sandbox/mine", { blocks: 2 });
}

describe("an order", () => {
  it("is a payment with line items, priced here", async () => {
    const items = [{ productId: bell, quantity: 3, options: { color: "red" } }];
    const order = await orderOf({ customer: "ann", items, reference: "cart-1", metadata: { cart: 1 } });
    expect(order).toMatchObject({
      status: "pending",
      stock: "reserved",
      customer: "ann",
      amount: "4500000",
      items: [{ productId: bell, name: "Bell", quantity: 3, unitAmount: "1500000", options: { color: "red" } }],
      payment: { id: order.id, status: "pending", amount: "4500000", stock: "reserved", reference: "cart-1" },
    });
    expect((await server.get(`/v1/orders/${order.id}`)).json).toEqual(order);
    expect((await server.get(`/v1/payments/${order.id}`)).json).toEqual(order.payment);
  });

  it("is completed when it is paid, and its units are gone", async () => {
    const productId = await productOf({ stock: 4 });
    const { id } = await orderOf({ items: [{ productId, quantity: 3 }] });
    expect((await server.get(`/v1/products/${productId}`)).json).toMatchObject({ stock: 4, reserved: 3, available: 1 });
    await pay(id);
    expect((await server.get(`/v1/orders/${id}`)).json).toMatchObject({ status: "completed", stock: "taken" });
    expect((await server.get(`/v1/products/${productId}`)).json).toMatchObject({ stock: 1, reserved: 0, available: 1 });
  });

  it("is cancelled as a payment is, and gives its units back", async () => {
    const productId = await productOf({ stock: 4 });
    const { id } = await orderOf({ items: [{ productId, quantity: 3 }] });
    expect((await server.post(`/v1/payments/${id}/cancel`, {})).json).toMatchObject({ stock: "released" });
    expect((await server.get(`/v1/orders/${id}`)).json).toMatchObject({ status: "cancelled", stock: "released" });
    expect((await server.get(`/v1/products/${productId}`)).json).toMatchObject({ stock: 4, reserved: 0 });
  });

  it("is refused when less is free, saying of which product how much there is", async () => {
    const [few, none] = [await productOf({ stock: 1 }), await productOf({ stock: 0 })];
    const items = [
      { productId: bell, quantity: 1 },
      { productId: few, quantity: 2 },
      { productId: none, quantity: 1 },
    ];
    const answer = await server.post("/v1/orders", wanted({ items }));
    expect(codeOf(answer)).toBe("409 out_of_stock");
    const { products } = answer.json.error.details;
    expect(new Set(products)).toEqual(
      new Set([
        { productId: few, wanted: 2, available: 1 },
        { productId: none, wanted: 1, available: 0 },
      ]),
    );
  });

  it("is the only pending one of its customer, at the same merchant", async () => {
    const customer = randomUUID();
    const { id } = await orderOf({ customer });
    const answer = await server.post("/v1/orders", wanted({ customer }));
    expect(codeOf(answer)).toBe("409 pending_order_exists");
    expect(answer.json.error.details).toEqual({ pendingOrderId: id });
    await pay(id);
    expect((await server.post("/v1/orders", wanted({ customer }))).status).toBe(201);
  });

  it("is made once under one Idempotency-Key, however often and at once it is asked for", async () => {
    const productId = await productOf({ stock: 4 });
    const body = wanted({ items: [{ productId, quantity: 3 }] });
    const headers = { "idempotency-key": randomUUID() };
    const answers = await Promise.all(Array.from({ length: 5 }, () => server.post("/v1/orders", body, { headers })));
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(answers[0]?.status).toBe(201);
    expect((await server.get(`/v1/products/${productId}`)).json).toMatchObject({ reserved: 3 });
  });

  it("that was refused for want of stock goes through under the same key once there is some", async () => {
    const productId = await productOf({ stock: 0 });
    const body = wanted({ items: [{ productId, quantity: 1 }] });
    const headers = { "idempotency-key": randomUUID() };
    expect(codeOf(await server.post("/v1/orders", body, { headers }))).toBe("409 out_of_stock");
    await server.call("PATCH", `/v1/products/${productId}`, { body: { addStock: 1 } });
    expect((await server.post("/v1/orders", body, { headers })).status).toBe(201);
  });

  it.each([
    [{ items: [] }, "items"],
    [{ items: undefined }, "items"],
    [{ customer: undefined }, "customer"],
    [{ amount: "1" }, "amount"],
    [{ items: [{ productId: "x", quantity: 0 }] }, "items[0].quantity"],
    [{ items: [{ productId: "x", quantity: 1.5 }] }, "items[0].quantity"],
    [{ items: [{ productId: "x", quantity: 1, unitAmount: "1" }] }, "items[0].unitAmount"],
    [{ items: [{ productId: "x", quantity: 1, options: { a: 1 } }] }, "items[0].options.a"],
  ])("of %j is refused", async (fields, path) => {
    const answer = await server.post("/v1/orders", wanted(fields));
    expect(codeOf(answer)).toBe("400 invalid_request");
    expect(answer.json.error.details).toMatchObject([{ path }]);
  });

  it("of unknown products, of another merchant's, or of another coin is refused", async () => {
    const unknown = await server.post("/v1/orders", wanted({ items: [{ productId: "no such", quantity: 1 }] }));
    expect(codeOf(unknown)).toBe("404 not_found");
    expect(unknown.json.error.details).toEqual({ productIds: ["no such"] });
    expect(codeOf(await server.post("/v1/orders", wanted(), { key: stranger.secret }))).toBe("404 not_found");
    expect(codeOf(await server.post("/v1/orders", wanted({ chain: "bitcoin" })))).toBe("400 invalid_request");
    expect(codeOf(await server.post("/v1/orders", wanted({ asset: "BTC" })))).toBe("400 invalid_request");
  });

  it("is its merchant's alone, and a payment without stock is none", async () => {
    const { id } = await orderOf();
    expect(codeOf(await server.get(`/v1/orders/${id}`, { key: stranger.secret }))).toBe("404 not_found");
    expect(codeOf(await server.get(`/v1/orders/${id}`, { key: SANDBOX_PUBLISHABLE_KEY }))).toBe("403 forbidden");
    const payment = await server.payment({ items: [{ productId: bell, quantity: 1 }] });
    expect(payment).not.toHaveProperty("stock");
    expect(codeOf(await server.get(`/v1/orders/${payment.id}`))).toBe("404 not_found");
    expect(codeOf(await server.get("/v1/orders/nonsense"))).toBe("404 not_found");
  });

  it("shows the public no customer and no items", async () => {
    const { id } = await orderOf({ customer: "ann-private" });
    const open = await server.get(`/v1/payments/${id}`, { key: null });
    expect(open.json).toMatchObject({ id, stock: "reserved" });
    expect(open.text).not.toContain("ann-private");
    expect(open.text).not.toContain(bell);
    const events = await server.get(`/v1/events?paymentId=${id}`, { key: null });
    expect(events.text).not.toContain("ann-private");
    expect(events.text).not.toContain(bell);
  });
});

describe("the list of orders", () => {
  it("has orders only, newest first, by customer and status, page by page", async () => {
    const customer = randomUUID();
    await server.payment({ customer });
    const made: string[] = [];
    for (let nth = 0; nth < 4; nth += 1) {
      const { id } = await orderOf({ customer });
      made.unshift(id);
      if (nth % 2 === 0) await pay(id);
      else await server.post(`/v1/payments/${id}/cancel`, {});
    }
    const ids = async (query: string) => {
      const answer = await server.get(`/v1/orders?customer=${customer}${query}`);
      return answer.json.orders.map(({ id }: { id: string }) => id);
    };
    expect((await ids("")).sort()).toEqual([...made].sort());
    expect((await ids("&status=completed")).sort()).toEqual([made[1], made[3]].sort());
    expect((await ids("&status=cancelled")).sort()).toEqual([made[0], made[2]].sort());
    expect(await ids("&status=pending")).toEqual([]);
    const first = (await server.get(`/v1/orders?customer=${customer}&limit=3`)).json;
    expect(first.orders).toHaveLength(3);
    const rest = (await server.get(`/v1/orders?customer=${customer}&limit=3&after=${first.next}`)).json;
    expect([rest.orders.length, rest.next]).toEqual([1, null]);
    expect(codeOf(await server.get("/v1/orders?status=paid"))).toBe("400 invalid_request");
  });
});

describe("who follows the stock", () => {
  it("reads it among the merchant's events, and nobody else does", async () => {
    const start = (await server.get("/v1/events?limit=1000")).json.next;
    const productId = await productOf({ stock: 7 });
    const mine = (await server.get(`/v1/events?after=${start}`)).json.events;
    expect(mine).toMatchObject([
      {
        type: "stock.changed",
        paymentId: null,
        sequence: null,
        data: { payment: null, transfers: [], stock: { productId, stock: 7, reserved: 0, available: 7 } },
      },
    ]);
    const theirs = await server.get(`/v1/events?after=${start}`, { key: stranger.secret });
    expect(theirs.json.events).toEqual([]);
  });
});
