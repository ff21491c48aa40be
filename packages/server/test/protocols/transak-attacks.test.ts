/** What others try on a merchant's Transak orders, in live mode. */
import jwt from "jsonwebtoken";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type ToldOrder, TransakClient } from "../../testkit/clients/transak-client.ts";
import { TransakShop } from "../../testkit/clients/transak-shop.ts";
import { MERCHANT, ProtocolServer } from "../../testkit/protocol-server.ts";
import { until } from "../../testkit/until.ts";

let server: ProtocolServer;
let shop: TransakShop;
let thief: TransakShop;
let orderId: string;
const clients: TransakClient[] = [];

beforeAll(async () => {
  server = await ProtocolServer.start({ mode: "live" });
  await server.addMerchant("thief");
  shop = await TransakShop.open(server);
  thief = await TransakShop.open(server, "thief");
  orderId = await news();
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await server.merchants.changeSettings(MERCHANT, { openOrders: false, openReferences: false });
});
afterAll(async () => {
  expect(server.errors).toEqual([]);
  await server.stop();
});

async function open(channel: string): Promise<TransakClient> {
  const client = await TransakClient.open(server.transports.port, channel);
  clients.push(client);
  return client;
}

const refusals = () => server.transports.connections.counters.refused;

/** One more order with the same partner order id, of which whoever follows it hears. */
async function news(): Promise<string> {
  const metadata = { transak: { ipAddress: "14.142.1.2", walletAddress: "0xD902BEFeE" } };
  const { id } = await server.create({ reference: "1001", metadata });
  await until("the hub to have it", async () => server.hub.offset >= (await server.core.log.head()));
  return id;
}

describe("guessing", () => {
  it("a partner order id is refused until the merchant opens them; the refusal says so and is counted", async () => {
    const before = refusals().forbidden ?? 0;
    const client = await open(`${shop.apiKey}_1001`);
    expect(client.refused).toMatchObject({ type: "AuthError", status: 403 });
    expect(client.refused?.error).toContain("private-encrypted-");
    expect(refusals().forbidden).toBe(before + 1);
    await server.merchants.changeSettings(MERCHANT, { openReferences: true });
    const opened = await open(`${shop.apiKey}_1001`);
    await opened.hears(1);
    expect(JSON.stringify(opened.heard)).not.toMatch(/14\.142|0xD902/);
  });

  it("the API-key channel is refused, also where references are open, until it is opened itself", async () => {
    await server.merchants.changeSettings(MERCHANT, { openReferences: true });
    expect((await open(shop.apiKey)).refused).toMatchObject({ status: 403 });
    await server.merchants.changeSettings(MERCHANT, { openOrders: true });
    const opened = await open(shop.apiKey);
    await opened.hears(1);
    expect(jwt.verify(String(opened.heard[0]?.data), shop.accessToken)).toMatchObject({ ipAddress: "14.142.1.2" });
  });

  it("one merchant's opening opens nothing of another's", async () => {
    await server.merchants.changeSettings("thief", { openOrders: true, openReferences: true });
    expect((await open(shop.apiKey)).refused).toMatchObject({ status: 403 });
    expect((await open(`${shop.apiKey}_1001`)).refused).toMatchObject({ status: 403 });
    const own = await open(`${thief.apiKey}_1001`);
    await news();
    expect([own.refused, own.heard]).toEqual([null, []]);
  });

  it("who knows an order's id follows it, without what is personal; another id is met with silence", async () => {
    const client = await open(orderId);
    await client.hears(1);
    expect(JSON.stringify(client.heard)).not.toMatch(/14\.142|0xD902/);
    const other = await open(orderId.replace(/^.{8}/, "00000000"));
    await news();
    expect([other.refused, other.heard]).toEqual([null, []]);
  });

  it.each(["pk_live_", "pk_live_0", "pk_live_guess_1001", `pk_live_${"A".repeat(36)}`, "pk_sandbox_paybell"])(
    "%s opens nothing",
    async (name) => {
      await server.merchants.changeSettings(MERCHANT, { openOrders: true, openReferences: true });
      const client = await open(name);
      await news();
      expect(client.heard).toEqual([]);
    },
  );
});

describe("keys in the wrong place", () => {
  it("a secret key as the name of a channel opens nothing, and no answer tells whether it exists", async () => {
    await server.merchants.changeSettings(MERCHANT, { openOrders: true, openReferences: true });
    const answers = [];
    for (const key of [shop.apiSecret, shop.apiSecret.replace(/.{6}$/, "000000")]) {
      for (const name of [key, `${key}_1001`, `private-${key}`]) answers.push((await open(name)).refused);
    }
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(answers[0]).toMatchObject({ status: 403 });
    expect(JSON.stringify(answers)).not.toContain(shop.apiSecret);
  });

  it("the sandbox's constants open nothing", async () => {
    expect((await open("pk_sandbox_paybell")).refused).toMatchObject({ status: 401 });
    expect((await shop.get("/orders", "at_sandbox_paybell")).status).toBe(401);
    const keys = { apiKey: "pk_sandbox_paybell", apiSecret: "sk_sandbox_paybell" };
    expect((await new TransakShop(server.url, keys).refreshToken()).status).toBe(401);
  });
});

describe("tokens", () => {
  it("another merchant's reads none of his orders", async () => {
    expect((await thief.get(`/order/${orderId}`)).status).toBe(404);
    expect((await thief.get("/orders?filter[partnerOrderId]=1001")).json.data).toEqual([]);
    expect((await shop.get(`/order/${orderId}`)).status).toBe(200);
  });

  it.each(["", "at_live_", `at_live_${"A".repeat(43)}`, "undefined", "x".repeat(4_000)])(
    "%s reads nothing",
    async (token) => {
      expect((await shop.get(`/order/${orderId}`, token)).status).toBe(401);
      expect((await shop.get("/orders", token)).status).toBe(401);
    },
  );

  it("neither a key nor no token reads anything", async () => {
    for (const token of [null, shop.apiKey, shop.apiSecret])
      expect((await shop.get("/orders", token)).status).toBe(401);
  });

  it("the API-key channel of a merchant who never asked for one is refused, and says what to do", async () => {
    await server.addMerchant("newcomer");
    await server.merchants.changeSettings("newcomer", { openOrders: true });
    const client = await open(await server.addKey("publishable", "newcomer"));
    expect(client.refused).toMatchObject({ status: 403, error: expect.stringContaining("refresh-token") });
  });

  it("a JWT that was changed, signed with another token, or not signed at all does not verify", async () => {
    await server.merchants.changeSettings(MERCHANT, { openOrders: true });
    const client = await open(shop.apiKey);
    await client.hears(1);
    const signed = String(client.heard[0]?.data);
    const [head, body = "", signature] = signed.split(".");
    const order = JSON.parse(Buffer.from(body, "base64url").toString()) as ToldOrder;
    const changed = Buffer.from(JSON.stringify({ ...order, status: "COMPLETED" })).toString("base64url");
    const none = Buffer.from('{"alg":"none","typ":"JWT"}').toString("base64url");
    expect(jwt.verify(signed, shop.accessToken)).toMatchObject({ id: order.id });
    expect(() => jwt.verify(signed, thief.accessToken)).toThrow("invalid signature");
    expect(() => jwt.verify(`${head}.${changed}.${signature}`, shop.accessToken)).toThrow("invalid signature");
    expect(() => jwt.verify(`${none}.${changed}.`, shop.accessToken)).toThrow();
  });
});

describe("what is taken back", () => {
  it("who follows by a key that is revoked hears nothing more", async () => {
    await server.merchants.changeSettings(MERCHANT, { openReferences: true });
    const key = await server.addKey("publishable");
    const channels = [`${key}_1001`, `private-${key}`];
    const followers = await Promise.all(channels.map(open));
    for (const client of followers) await client.hears(1);
    await server.revoke(key);
    server.transports.clock.advance(2_000);
    const id = await news();
    await until("both to be ended", () => server.transports.connections.counters.ended.unauthorized === 2);
    for (const client of followers) expect(client.orders.map((order) => order.id)).not.toContain(id);
  });

  it("who follows a channel that is closed again hears nothing more", async () => {
    await server.merchants.changeSettings(MERCHANT, { openOrders: true });
    const client = await open(shop.apiKey);
    await client.hears(1);
    // Those of tests before, which were still being told of the past when their channel was closed, are counted too.
    const ended = () => server.transports.connections.counters.ended.forbidden ?? 0;
    const before = ended();
    await server.merchants.changeSettings(MERCHANT, { openOrders: false });
    const id = await news();
    await until("it to be ended", () => ended() > before);
    expect(client.heard.map(({ data }) => (jwt.decode(String(data)) as ToldOrder).id)).not.toContain(id);
  });
});

describe("the private channels", () => {
  it("need no opening, and a client that makes its signature up is refused", async () => {
    const client = await open(`private-encrypted-${shop.apiKey}_1001`);
    await client.hears(1);
    expect(client.orders[0]).toMatchObject({ ipAddress: "14.142.1.2" });
    const ws = await server.transports.open("/app/paybell?protocol=7");
    await until("the socket id", () => ws.received.length > 0);
    const data = { channel: `private-${shop.apiKey}`, auth: `paybell:${"0".repeat(64)}` };
    ws.send({ event: "pusher:subscribe", data });
    await until("the refusal", () => ws.received.length > 1);
    expect(ws.messages[1]).toMatchObject({ event: "pusher:subscription_error" });
    ws.ws.close();
  });

  it.each([
    ["his order", () => `private-${orderId}`],
    ["his orders", () => `private-encrypted-${shop.apiKey}`],
    ["his reference", () => `private-encrypted-${shop.apiKey}_1001`],
  ])("are signed for %s by the merchant's own key only", async (_what, channelOf) => {
    const sign = async (by: TransakShop) => {
      const body = new URLSearchParams({ socket_id: "1.1", channel_name: channelOf() });
      const headers = { authorization: `Bearer ${by.apiSecret}` };
      return (await fetch(`${server.url}/pusher/auth`, { method: "POST", headers, body })).status;
    };
    expect([await sign(shop), await sign(thief)]).toEqual([200, 403]);
  });
});
