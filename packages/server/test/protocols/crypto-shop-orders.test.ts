/** The shop's own HTTP calls: its shapes, its session, and which pages may bring it along. */
import { randomUUID } from "node:crypto";
import { SignJWT } from "jose";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Product } from "../../src/payments/product.ts";
import { CryptoShopClient } from "../../testkit/clients/crypto-shop-client.ts";
import { MERCHANT, ProtocolServer } from "../../testkit/protocol-server.ts";

const SECRET = "the secret of this shop's backend, long enough";
const SHOP_PAGE = "https://shop.example";
const VITE_PAGE = "http://localhost:5173";

let sandbox: ProtocolServer;
let live: ProtocolServer;
let userId: string;

beforeAll(async () => {
  sandbox = await ProtocolServer.start();
  live = await ProtocolServer.start({ mode: "live", allowedOrigins: [SHOP_PAGE] });
  await live.merchants.changeSettings(MERCHANT, { sessionSecret: SECRET });
});
beforeEach(() => {
  userId = `user-${randomUUID()}`;
});
afterAll(async () => {
  expect([sandbox.errors, live.errors]).toEqual([[], []]);
  await Promise.all([sandbox.stop(), live.stop()]);
});

const makeProduct = (server: ProtocolServer, stock = 10): Promise<Product> =>
  server.core.productIngest.create({
    merchantId: MERCHANT,
    name: "Mug",
    priceAtomic: 1_500_000n,
    chain: "sandbox",
    asset: "SBX",
    stock,
  });

interface Asked {
  headers?: Record<string, string>;
  body?: unknown;
}

async function ask(server: ProtocolServer, method: string, path: string, { headers = {}, body }: Asked = {}) {
  const json = body === undefined ? {} : { "content-type": "application/json" };
  const answer = await fetch(`${server.url}${path}`, {
    method,
    headers: { ...json, ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, body: text === "" ? null : JSON.parse(text) };
}

const order = (products: unknown, more: object = {}) =>
  ask(sandbox, "POST", "/api/orders", { body: { userId, products, ...more } });

const tokenOf = (sub: string) =>
  new SignJWT({ sub, exp: Math.floor(live.transports.clock.nowMs() / 1_000) + 900 })
    .setProtectedHeader({ alg: "HS256" })
    .sign(new TextEncoder().encode(SECRET));

const cookieOf = async (sub: string) => ({ cookie: `accessToken=${await tokenOf(sub)}` });

it("says that it is there", async () => {
  const { status, body } = await ask(live, "GET", "/api/health");
  expect([status, body]).toEqual([200, { status: "OK" }]);
});

describe("an order", () => {
  it("has the shop's shape, and can be paid", async () => {
    const { id } = await makeProduct(sandbox);
    const products = [{ productId: id, quantity: 2, color: "blue", name: "not asked for", price: 0.01 }];
    const { status, body } = await order(products);
    expect(status).toBe(201);
    expect(body).toEqual({ success: true, message: "Order created successfully", order: body.order });
    const { _id: orderId, createdAt, merchantAddress, uri, expiresAt } = body.order;
    expect(body.order).toEqual({
      _id: orderId,
      orderId,
      userId,
      products: [{ productId: id, name: "Mug", price: 1.5, quantity: 2, color: "blue" }],
      subtotal: 3,
      networkFee: 0,
      total: 3,
      status: "pending",
      transactionHash: null,
      merchantAddress,
      createdAt,
      updatedAt: createdAt,
      amount: "3000000",
      asset: "SBX",
      decimals: 6,
      chain: "sandbox",
      uri,
      expiresAt,
    });
    const client = await CryptoShopClient.joined(sandbox.url, userId);
    const { payment } = (await sandbox.core.store.snapshot(orderId))?.state ?? {};
    const txHash = await sandbox.pay(payment as never);
    await sandbox.controls.mine(2);
    await client.hears("transaction:confirmed");
    client.close();
    const list = await ask(sandbox, "GET", `/api/orders?userId=${userId}`);
    const [listed] = list.body.orders;
    expect(listed).toEqual({
      ...body.order,
      status: "completed",
      transactionHash: txHash,
      updatedAt: listed.updatedAt,
    });
  });

  it("is one at a time: the second is told which one is open", async () => {
    const { id } = await makeProduct(sandbox);
    const first = await order([{ productId: id, quantity: 1 }]);
    const second = await order([{ productId: id, quantity: 1, color: null }]);
    expect([second.status, second.body]).toEqual([
      409,
      {
        error: "You have a pending order. Please complete or cancel it first.",
        code: "PENDING_ORDER_EXISTS",
        pendingOrderId: first.body.order.orderId,
      },
    ]);
  });

  it("is refused in the shop's words", async () => {
    const { id } = await makeProduct(sandbox, 1);
    const short = await order([{ productId: id, quantity: 2 }]);
    expect([short.status, short.body]).toEqual([
      400,
      { error: "Insufficient stock", code: "OUT_OF_STOCK", products: [{ productId: id, wanted: 2, available: 1 }] },
    ]);
    const unknown = await order([{ productId: randomUUID(), quantity: 1 }]);
    expect([unknown.status, unknown.body.code]).toEqual([404, "NOT_FOUND"]);
    for (const wrong of [undefined, [], "x", [{}], [{ productId: id, quantity: 0 }], [{ productId: 7, quantity: 1 }]]) {
      const { status, body } = await order(wrong);
      expect([status, body.code, typeof body.error]).toEqual([400, "INVALID_REQUEST", "string"]);
    }
  });

  it("is nobody's whose id cannot be stored as it is: two users would become one", async () => {
    const { id } = await makeProduct(sandbox);
    for (const wrong of ["\ud800", "a\u0000", "line\n", "", "x".repeat(201)]) {
      const { status, body } = await order([{ productId: id, quantity: 1 }], { userId: wrong });
      expect([status, body.code]).toEqual([400, "INVALID_REQUEST"]);
    }
    const listed = await ask(sandbox, "GET", "/api/orders?userId=a%00");
    expect([listed.status, listed.body.code]).toEqual([400, "INVALID_REQUEST"]);
    const colored = await order([{ productId: id, quantity: 1, color: "re\u0000d" }]);
    expect([colored.status, colored.body.code]).toEqual([400, "INVALID_REQUEST"]);
    const headers = await cookieOf("x".repeat(201));
    const proven = await ask(live, "POST", "/api/orders", {
      headers,
      body: { products: [{ productId: id, quantity: 1 }] },
    });
    expect([proven.status, proven.body.code]).toEqual([401, "UNAUTHORIZED"]);
  });

  it("is made once under one key, and another user's key is another one", async () => {
    const { id } = await makeProduct(sandbox);
    const key = { "idempotency-key": "checkout-1" };
    const cookies = await Promise.all(["one", "two"].map((user) => cookieOf(`${userId}/${user}`)));
    const { id: liveId } = await makeProduct(live);
    const body = { products: [{ productId: liveId, quantity: 1 }] };
    const [first, again, other] = [
      await ask(live, "POST", "/api/orders", { headers: { ...key, ...cookies[0] }, body }),
      await ask(live, "POST", "/api/orders", { headers: { ...key, ...cookies[0] }, body }),
      await ask(live, "POST", "/api/orders", { headers: { ...key, ...cookies[1] }, body }),
    ];
    expect([first, again, other].map(({ status }) => status)).toEqual([201, 201, 201]);
    expect(again.body).toEqual(first.body);
    expect(other.body.order.userId).toBe(`${userId}/two`);
    expect(other.body.order.orderId).not.toBe(first.body.order.orderId);
    expect((await order([{ productId: id, quantity: 1 }])).status).toBe(201);
  });
});

describe("the list of orders", () => {
  it("has pages, newest first, with the numbers of all", async () => {
    const { id } = await makeProduct(sandbox);
    const ids: string[] = [];
    for (let made = 0; made < 5; made += 1) {
      const { body } = await order([{ productId: id, quantity: 1 }]);
      ids.unshift(body.order.orderId);
      if (made < 4) await sandbox.core.ingest.execute(MERCHANT, body.order.orderId, { type: "cancel" });
      sandbox.transports.clock.advance(1);
    }
    const list = async (query: string) => (await ask(sandbox, "GET", `/api/orders?userId=${userId}${query}`)).body;
    const stats = { total: 5, pending: 1, completed: 0, cancelled: 4, refunded: 0, failed: 0 };
    const all = await list("");
    expect(all).toEqual({ success: true, orders: all.orders, stats, pagination: { total: 5, page: 1, pages: 1 } });
    expect(all.orders.map(({ orderId }: { orderId: string }) => orderId)).toEqual(ids);
    const second = await list("&limit=2&page=2&status=cancelled");
    expect(second.orders.map(({ orderId }: { orderId: string }) => orderId)).toEqual(ids.slice(3, 5));
    expect([second.stats, second.pagination]).toEqual([stats, { total: 4, page: 2, pages: 2 }]);
    expect((await list("&limit=2&page=9")).orders).toEqual([]);
    expect((await list("&status=refunded")).orders).toEqual([]);
  });

  it.each(["limit=0", "limit=x", "page=-1", "page=1.5", "status=lost", "limit=1000&page=2", "other=1"])(
    "refuses %s",
    async (query) => {
      const { status, body } = await ask(sandbox, "GET", `/api/orders?userId=${userId}&${query}`);
      expect([status, body.code]).toEqual([400, "INVALID_REQUEST"]);
    },
  );
});

describe("the session", () => {
  it("is needed in live mode, and shows the orders of its user only", async () => {
    const { id } = await makeProduct(live);
    const body = { products: [{ productId: id, quantity: 1 }] };
    const nobody = await ask(live, "GET", "/api/orders");
    expect([nobody.status, nobody.body]).toEqual([
      401,
      { error: "No token, authorization denied", code: "UNAUTHORIZED" },
    ]);
    expect((await ask(live, "GET", `/api/orders?userId=${userId}`)).status).toBe(401);
    expect((await ask(live, "POST", "/api/orders", { body: { ...body, userId } })).status).toBe(401);
    expect((await ask(live, "GET", "/api/orders", { headers: { cookie: "accessToken=a.b.c" } })).status).toBe(401);
    const headers = await cookieOf(userId);
    expect((await ask(live, "POST", "/api/orders", { headers, body })).status).toBe(201);
    expect((await ask(live, "GET", "/api/orders", { headers })).body.stats.total).toBe(1);
    const other = await cookieOf("somebody-else");
    expect((await ask(live, "GET", "/api/orders", { headers: other })).body.stats.total).toBe(0);
    expect((await ask(live, "GET", `/api/orders?userId=${userId}`, { headers: other })).status).toBe(403);
  });

  it("counts in the sandbox too, where it is brought and no user is named", async () => {
    expect((await ask(sandbox, "GET", "/api/orders")).status).toBe(401);
    expect((await ask(sandbox, "GET", "/api/orders", { headers: { cookie: "accessToken=a.b.c" } })).status).toBe(401);
  });
});

describe("pages of other origins", () => {
  const preflight = { "access-control-request-method": "POST", "access-control-request-headers": "content-type" };

  it("of the shop may bring the cookie along", async () => {
    for (const [server, origin] of [
      [live, SHOP_PAGE],
      [sandbox, VITE_PAGE],
      [sandbox, "http://localhost:3000"],
    ] as const) {
      const asked = await ask(server, "OPTIONS", "/api/orders", { headers: { origin, ...preflight } });
      expect(asked.status).toBe(204);
      const answered = await ask(server, "GET", "/api/health", { headers: { origin } });
      for (const { headers } of [asked, answered]) {
        expect(headers.get("access-control-allow-origin")).toBe(origin);
        expect(headers.get("access-control-allow-credentials")).toBe("true");
      }
    }
  });

  it("of anybody else cannot order, nor read", async () => {
    const { id } = await makeProduct(live);
    const session = await cookieOf(userId);
    const body = { products: [{ productId: id, quantity: 1 }] };
    for (const origin of ["https://evil.example", "null", VITE_PAGE]) {
      const headers = { ...session, origin };
      const refused = await ask(live, "POST", "/api/orders", { headers, body });
      expect([refused.status, refused.body.code]).toEqual([403, "FORBIDDEN"]);
      expect((await ask(live, "OPTIONS", "/api/orders", { headers: { origin, ...preflight } })).status).toBe(403);
      const read = await ask(live, "GET", "/api/orders", { headers });
      expect(read.body.stats.total).toBe(0);
      expect(read.headers.get("access-control-allow-origin")).toBeNull();
      expect(read.headers.get("access-control-allow-credentials")).toBeNull();
    }
  });

  it("bring no cookies to routes that know none", async () => {
    const { headers } = await ask(live, "GET", "/healthz", { headers: { origin: SHOP_PAGE } });
    expect(headers.get("access-control-allow-credentials")).toBeNull();
  });
});
