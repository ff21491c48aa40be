/** Access tokens: how they follow each other, what is signed with which, and the calls that they are for. */
import jwt from "jsonwebtoken";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Heard, type ToldOrder, TransakClient } from "../../testkit/clients/transak-client.ts";
import { TransakShop } from "../../testkit/clients/transak-shop.ts";
import { ProtocolServer } from "../../testkit/protocol-server.ts";
import { until } from "../../testkit/until.ts";

const WEEK_MS = 7 * 86_400_000;
let server: ProtocolServer;
let shop: TransakShop;
let made = 0;

beforeAll(async () => {
  server = await ProtocolServer.start();
});
beforeEach(async () => {
  made += 1;
  await server.addMerchant(`shop-${made}`);
  shop = await TransakShop.open(server, `shop-${made}`);
});
afterAll(async () => {
  expect(server.errors).toEqual([]);
  await server.stop();
});

const clock = () => server.transports.clock;
const tokenIn = async (more: Record<string, unknown> = {}) =>
  (await shop.refreshToken(more)).json.data?.accessToken ?? "";

/** What the next order's JWT verifies with. */
async function signedWith(tokens: Readonly<Record<string, string>>): Promise<string[]> {
  const client = await TransakClient.open(server.transports.port, shop.apiKey);
  const { id } = await shop.api.createPayment();
  const isIt = ({ data }: Heard) => (jwt.decode(String(data)) as ToldOrder).id === id;
  await until("the order", () => client.heard.some(isIt));
  client.close();
  const signed = String(client.heard.find(isIt)?.data);
  return Object.entries(tokens).flatMap(([name, token]) => {
    try {
      jwt.verify(signed, token);
      return [name];
    } catch (error) {
      if (error instanceof jwt.JsonWebTokenError) return [];
      throw error;
    }
  });
}

describe("rotation", () => {
  it("a token lasts a week and signs at once where there is no other", async () => {
    const { status, json } = await (await TransakShop.open(server, `shop-${made}`)).refreshToken({ revokeOlder: true });
    expect(status).toBe(200);
    const seconds = Math.floor(clock().nowMs() / 1_000);
    expect(json.data).toEqual({
      accessToken: expect.stringMatching(/^at_sandbox_[\w-]{43}$/),
      expiresAt: seconds + WEEK_MS / 1_000,
      signsFrom: seconds,
    });
  });

  it("the old token goes on signing until it expires, then the new one does", async () => {
    const old = shop.accessToken;
    clock().advance(WEEK_MS - 60_000);
    const { json } = await shop.refreshToken();
    const next = json.data?.accessToken ?? "";
    expect(next).not.toBe(old);
    expect(json.data?.signsFrom).toBe((clock().nowMs() + 60_000) / 1_000);
    expect(await signedWith({ old, next })).toEqual(["old"]);
    clock().advance(60_000);
    expect(await signedWith({ old, next })).toEqual(["next"]);
  });

  it("whoever asks meanwhile gets the one that waits", async () => {
    const next = await tokenIn();
    expect(await Promise.all([tokenIn(), tokenIn(), tokenIn()])).toEqual([next, next, next]);
  });

  it("who asks to have the older ones revoked has a token that signs at once, and the only one", async () => {
    const old = shop.accessToken;
    const waiting = await tokenIn();
    const only = await tokenIn({ revokeOlder: true });
    expect(await signedWith({ old, waiting, only })).toEqual(["only"]);
    for (const token of [old, waiting]) expect((await shop.get("/orders", token)).status).toBe(401);
    expect((await shop.get("/orders", only)).status).toBe(200);
  });

  it("a token that nobody renewed goes on signing, and opens no call any more", async () => {
    clock().advance(WEEK_MS);
    expect(await signedWith({ old: shop.accessToken })).toEqual(["old"]);
    expect((await shop.get("/orders")).status).toBe(401);
  });

  it("both tokens open the calls while both are good", async () => {
    const next = await tokenIn();
    for (const token of [shop.accessToken, next]) expect((await shop.get("/orders", token)).status).toBe(200);
  });
});

describe("who gets a token", () => {
  it.each([
    ["no secret", null],
    ["a secret of nobody", "sk_sandbox_nobody"],
    ["a secret that is no key", "x".repeat(500)],
  ])("with %s: nobody", async (_what, secret) => {
    const { status, json } = await shop.refreshToken({}, secret);
    expect(status).toBe(401);
    expect(json.error).toMatchObject({ statusCode: 401, name: "UnauthorizedError", errorCode: "unauthorized" });
  });

  it("not with the publishable key as secret, nor with the keys of two merchants", async () => {
    expect((await shop.refreshToken({}, shop.apiKey)).status).toBe(401);
    expect((await shop.refreshToken({ apiKey: shop.apiSecret })).status).toBe(401);
    await server.addMerchant(`other-${made}`);
    const other = await TransakShop.open(server, `other-${made}`);
    expect((await shop.refreshToken({ apiKey: other.apiKey })).status).toBe(401);
  });

  it.each([{ apiKey: 7 }, { apiKey: null }, { apiKey: [] }, { more: 1 }, { revokeOlder: "yes" }])(
    "a body with %j is refused by name",
    async (more) => {
      const { status, json } = await shop.refreshToken(more);
      expect(status).toBe(400);
      expect(json.error).toMatchObject({ statusCode: 400, name: "ValidationError", errorCode: "invalid_request" });
    },
  );
});

describe("the calls", () => {
  it("give one order, with every field", async () => {
    const transak = { isBuyOrSell: "SELL", fiatAmount: 30, fiatCurrency: "EUR", ipAddress: "14.142.0.1" };
    const { id } = await shop.api.createPayment({ reference: "partner-1", metadata: { transak } });
    const { status, json } = await shop.get(`/order/${id}`);
    expect(status).toBe(200);
    expect(json.meta).toEqual({ orderId: id });
    expect(json.data).toMatchObject({ ...transak, _id: id, id, partnerOrderId: "partner-1", cryptoAmount: 1 });
    expect(json.data).toMatchObject({ status: "AWAITING_PAYMENT_FROM_USER", statusHistories: [{}] });
  });

  it("list orders, the newest first, by partner order id, page by page", async () => {
    const ids: string[] = [];
    for (const reference of ["a", "b", "a", "a"]) {
      clock().advance(1);
      ids.unshift((await shop.api.createPayment({ reference })).id);
    }
    await shop.api.createPayment({ amount: null, reference: "a" });
    const listed = async (query: string) => {
      const { status, json } = await shop.get(`/orders${query}`);
      expect(status).toBe(200);
      return (json.data as unknown as { id: string }[]).map(({ id }) => id);
    };
    expect(await listed("")).toEqual(ids);
    expect(await listed("?filter[partnerOrderId]=a")).toEqual([ids[0], ids[1], ids[3]]);
    expect(await listed("?limit=2&skip=1")).toEqual([ids[1], ids[2]]);
    expect(await listed("?filter%5BpartnerOrderId%5D=a&limit=1&skip=2")).toEqual([ids[3]]);
    expect(await listed("?skip=10000")).toEqual([]);
    expect(await listed("?filter[partnerOrderId]=nothing")).toEqual([]);
  });

  it.each(["?limit=0", "?limit=101", "?limit=x", "?skip=-1", "?skip=10001", "?filter[status]=COMPLETED", "?more=1"])(
    "%s is refused by name",
    async (query) => {
      const { status, json } = await shop.get(`/orders${query}`);
      expect(status).toBe(400);
      expect(json.error?.name).toBe("ValidationError");
    },
  );

  it("know nothing of standing payments, erased ones, and what is no id", async () => {
    const standing = await shop.api.createPayment({ amount: null });
    const erased = await shop.api.createPayment();
    await shop.api.call("DELETE", `/v1/payments/${erased.id}`);
    for (const id of [standing.id, erased.id, "x", "f47ac10b-58cc-4372-a567-0e02b2c3d479"]) {
      const { status, json } = await shop.get(`/order/${id}`);
      expect(status).toBe(404);
      expect(json.error).toMatchObject({ statusCode: 404, name: "NotFoundError", errorCode: "not_found" });
    }
    expect((await shop.get("/orders")).json.data).toEqual([]);
  });
});
