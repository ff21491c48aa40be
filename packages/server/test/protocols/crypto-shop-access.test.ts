/** Who may follow a user in live mode: whoever can prove to be him, and nobody else. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, exportSPKI, generateKeyPair, type JWTPayload, SignJWT } from "jose";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { CLOSED_SETTINGS, type MerchantSettings } from "../../src/log/store.ts";
import { CryptoShopClient } from "../../testkit/clients/crypto-shop-client.ts";
import { type ClientOptions, SocketIoClient } from "../../testkit/clients/socketio.ts";
import { MERCHANT, ProtocolServer } from "../../testkit/protocol-server.ts";
import { until } from "../../testkit/until.ts";

const USER = "507f1f77bcf86cd799439010";
const SECRET = "the secret of this shop's backend, long enough";
const SHOP_PAGE = "https://shop.example";

let server: ProtocolServer;
const clients: { close(): void }[] = [];

beforeAll(async () => {
  server = await ProtocolServer.start({ mode: "live", allowedOrigins: [SHOP_PAGE] });
});
beforeEach(async () => {
  server.joinRefusals.length = 0;
  await set({ ...CLOSED_SETTINGS, sessionSecret: SECRET });
});
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});
afterAll(() => server.stop());

const set = (settings: Partial<MerchantSettings>) => server.merchants.changeSettings(MERCHANT, settings);
const nowSeconds = () => Math.floor(server.transports.clock.nowMs() / 1_000);
const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString("base64url");

interface Signing {
  key?: Parameters<SignJWT["sign"]>[0];
  header?: { alg: string; kid?: string };
}

function token(claims: JWTPayload = {}, { key, header = { alg: "HS256" } }: Signing = {}): Promise<string> {
  return new SignJWT({ sub: USER, exp: nowSeconds() + 900, ...claims })
    .setProtectedHeader(header)
    .sign(key ?? new TextEncoder().encode(SECRET));
}

async function join(options: ClientOptions, userId = USER): Promise<CryptoShopClient> {
  const client = await CryptoShopClient.joined(server.url, userId, options);
  clients.push(client);
  await client.settled();
  return client;
}

const withToken = (given: unknown) => join({ auth: { token: given } });
const withCookie = (cookie: string, headers: Record<string, string> = {}) =>
  join({ extraHeaders: { cookie, ...headers } });

/** Told of the next order or not; the error that `settled` asks for is left out. */
async function isServed(client: CryptoShopClient): Promise<string> {
  const witness = await withToken(await token());
  const { id } = await server.create({ customer: USER });
  const hears = (each: CryptoShopClient) => each.bodies("order:updated").some(({ orderId }) => orderId === id);
  await until("the news", () => hears(witness));
  await client.settled();
  return hears(client) ? "served" : `refused: ${client.errors[0]}`;
}

describe("the user of a session token", () => {
  it("is let in by the handshake's token, and by the shop's cookie", async () => {
    const good = await token();
    expect(await isServed(await withToken(good))).toBe("served");
    expect(await isServed(await withCookie(`theme=dark; accessToken=${good}; x=1`))).toBe("served");
    expect(await isServed(await withCookie(`accessToken=${good}`, { origin: SHOP_PAGE }))).toBe("served");
    expect(server.joinRefusals.filter(({ code }) => code !== "invalid_request")).toEqual([]);
  });

  it.each(["RS256", "ES256", "EdDSA"])("is let in by a key of the shop's JWK Set (%s)", async (alg) => {
    const { publicKey, privateKey } = await generateKeyPair(alg);
    const keys = [{ ...(await exportJWK(publicKey)), kid: "one", alg }];
    await set({ sessionSecret: null, sessionJwks: JSON.stringify({ keys }) });
    const signed = (kid: string) => token({}, { key: privateKey, header: { alg, kid } });
    const client = await withToken(await signed("one"));
    expect(client.errors).toEqual(["invalid_request"]);
    expect((await withToken(await signed("two"))).errors[0]).toBe("unauthorized");
  });

  it("needs issuer and audience where the shop has set them", async () => {
    await set({ sessionIssuer: SHOP_PAGE, sessionAudience: "orders" });
    const errors = async (claims: JWTPayload) => (await withToken(await token(claims))).errors;
    expect(await errors({ iss: SHOP_PAGE, aud: ["orders", "mail"] })).toEqual(["invalid_request"]);
    expect((await errors({ iss: SHOP_PAGE, aud: "mail" }))[0]).toBe("unauthorized");
    expect((await errors({ iss: "https://other.example", aud: "orders" }))[0]).toBe("unauthorized");
    expect((await errors({}))[0]).toBe("unauthorized");
  });
});

describe("whoever cannot prove to be the user", () => {
  const forged = async (header: object, claims: object, signature: string) =>
    `${encode(header)}.${encode({ sub: USER, exp: nowSeconds() + 900, ...claims })}.${signature}`;

  it.each<[string, () => Promise<unknown>, string]>([
    ["brings no token", async () => undefined, "unauthorized"],
    ["brings something else", async () => ({ sub: USER }), "unauthorized"],
    ["brings rubbish", async () => "a.b.c", "unauthorized"],
    ["is another user", async () => token({ sub: "somebody-else" }), "forbidden"],
    ["has an expired token", async () => token({ exp: nowSeconds() - 1 }), "unauthorized"],
    ["has one that never expires", async () => token({ exp: undefined as never }), "unauthorized"],
    ["has one that is not yet valid", async () => token({ nbf: nowSeconds() + 600 }), "unauthorized"],
    ["has one that names nobody", async () => token({ sub: undefined as never }), "unauthorized"],
    ["has one that names everybody", async () => token({ sub: "" }), "unauthorized"],
    [
      "has one of another shop",
      async () => token({}, { key: new TextEncoder().encode("another secret, which is as long") }),
      "unauthorized",
    ],
    ["claims that no signature is needed", async () => forged({ alg: "none" }, {}, ""), "unauthorized"],
    ["writes None in another way", async () => forged({ alg: "nOnE" }, {}, "AAAA"), "unauthorized"],
    ["signs by a longer hash", async () => token({}, { header: { alg: "HS512" } }), "unauthorized"],
    [
      "changes what was signed",
      async () =>
        (await token({ sub: "somebody-else" })).replace(
          /\.[^.]+\./,
          `.${encode({ sub: USER, exp: nowSeconds() + 900 })}.`,
        ),
      "unauthorized",
    ],
    ["brings a token of a size that no shop makes", async () => token({ more: "x".repeat(9_000) }), "unauthorized"],
  ])("is refused when he %s", async (_what, make, code) => {
    const client = await withToken(await make());
    expect(await isServed(client)).toBe(`refused: ${code}`);
    const [refused] = server.joinRefusals;
    expect(refused).toEqual({ merchantId: MERCHANT, code, message: refused?.message, remoteAddress: "127.0.0.1" });
    expect(JSON.stringify(server.joinRefusals)).not.toContain(USER);
    expect(server.transports.connections.counters.refused[code]).toBeGreaterThan(0);
  });

  it("cannot sign with the shop's public key as if it were the secret", async () => {
    const { publicKey } = await generateKeyPair("RS256", { extractable: true });
    const keys = [{ ...(await exportJWK(publicKey)), kid: "one" }];
    await set({ sessionSecret: null, sessionJwks: JSON.stringify({ keys }) });
    for (const secret of [await exportSPKI(publicKey), JSON.stringify(keys[0]), JSON.stringify({ keys })]) {
      const client = await withToken(
        await token({}, { key: new TextEncoder().encode(secret), header: { alg: "HS256", kid: "one" } }),
      );
      expect(client.errors[0]).toBe("unauthorized");
    }
  });

  it("cannot bring a key of his own along with the token", async () => {
    const { publicKey, privateKey } = await generateKeyPair("ES256", { extractable: true });
    const jwk = await exportJWK(publicKey);
    await set({
      sessionSecret: null,
      sessionJwks: JSON.stringify({
        keys: [await exportJWK((await generateKeyPair("ES256", { extractable: true })).publicKey)],
      }),
    });
    const signed = await new SignJWT({ sub: USER, exp: nowSeconds() + 900 })
      .setProtectedHeader({ alg: "ES256", jwk })
      .sign(privateKey);
    expect((await withToken(signed)).errors[0]).toBe("unauthorized");
  });

  it("is refused at a shop that has not said how its tokens are checked", async () => {
    await set(CLOSED_SETTINGS);
    expect((await withToken(await token())).errors[0]).toBe("unauthorized");
  });

  it("may follow the stock, which is everybody's", async () => {
    const client = new CryptoShopClient(server.url);
    clients.push(client);
    await client.io.connected();
    client.io.socket.emit("join-products");
    await client.settled();
    expect(client.errors).toEqual(["invalid_request"]);
  });
});

describe("a page of another origin", () => {
  it.each([["websocket"], ["polling"]])("cannot use the user's cookie (%s)", async (transport) => {
    const cookie = `accessToken=${await token()}`;
    const extraHeaders = { cookie, origin: "https://evil.example" };
    const client = new SocketIoClient(server.url, { transports: [transport], extraHeaders, reconnection: false });
    clients.push(client);
    await until("the refusal", () => client.failures.length > 0);
    expect(client.connects).toBe(0);
  });
});

describe("time", () => {
  it("ends what a token gave: the client is told, and comes back by itself with what token it has by then", async () => {
    let given = await token({ exp: nowSeconds() + 60 });
    const client = await join({ auth: (send) => send({ token: given }) });
    server.transports.clock.advance(60_000);
    server.transports.connections.beat();
    await client.io.connected(2);
    await client.settled();
    // It came back, and its room was asked for with a token that is too old.
    expect(client.errors).toEqual(["invalid_request", "unauthorized", "unauthorized", "invalid_request"]);
    expect(await isServed(client)).toContain("refused");
    given = await token();
    await client.cutOff();
    expect(await isServed(client)).toBe("served");
  });

  it("without a good token is made up for with the next one, whatever was heard in other rooms meanwhile", async () => {
    const good = await token();
    let given = good;
    const client = await join({ auth: (send) => send({ token: given }) });
    client.io.socket.emit("join-products");
    const told = () => client.bodies("order:updated").map(({ orderId }) => orderId);
    const { id } = await server.create({ customer: USER });
    await until("the order", () => told().includes(id));
    given = "stale";
    await client.cutOff();
    await client.settled();
    const { id: missed } = await server.create({ customer: USER });
    await server.core.productIngest.create({
      merchantId: MERCHANT,
      name: "Mug",
      priceAtomic: 1n,
      chain: "sandbox",
      asset: "SBX",
      stock: 1,
    });
    await client.hears("stock:updated");
    expect(told()).not.toContain(missed);
    given = good;
    await client.cutOff();
    await client.settled();
    expect(told()).toContain(missed);
    // From the next event on it knows again exactly where it stands.
    expect(await isServed(client)).toBe("served");
    const { length } = told();
    await client.cutOff();
    expect(await isServed(client)).toBe("served");
    expect(told()).toHaveLength(length + 1);
  });

  it("does not end what is open to all", async () => {
    await set({ openCustomers: true });
    const client = await join({ auth: {} });
    server.transports.clock.advance(600_000);
    server.transports.connections.beat();
    expect(await isServed(client)).toBe("served");
    expect(client.io.connects).toBe(1);
  });
});

describe("a session id", () => {
  it("that was stolen gives nothing of its owner's", async () => {
    const owner = await withToken(await token());
    const thief = await join({ auth: { pid: owner.pid, token: await token({ sub: "thief" }) } }, "thief");
    expect(await isServed(thief)).toBe("refused: forbidden");
    const nobody = await join({ auth: { pid: owner.pid } }, "nobody");
    expect(await isServed(nobody)).toBe("refused: unauthorized");
  });
});

describe("a JWK Set at a URL", () => {
  let provider: Server;
  let answer: () => { status: number; body: string };
  let asked = 0;

  beforeAll(async () => {
    provider = createServer((_request, response) => {
      asked += 1;
      const { status, body } = answer();
      response.writeHead(status, { "Content-Type": "application/json" }).end(body);
    });
    await new Promise<void>((resolve) => provider.listen(0, "127.0.0.1", resolve));
  });
  afterAll(() => new Promise<void>((resolve) => provider.close(() => resolve())));

  it("is asked once, and again for a key that it did not have", async () => {
    const { publicKey, privateKey } = await generateKeyPair("ES256");
    const keys = [{ ...(await exportJWK(publicKey)), kid: "one" }];
    answer = () => ({ status: 200, body: JSON.stringify({ keys }) });
    const { port } = provider.address() as AddressInfo;
    await set({ sessionSecret: null, sessionJwks: `http://127.0.0.1:${port}/good` });
    const signed = await token({}, { key: privateKey, header: { alg: "ES256", kid: "one" } });
    for (let time = 0; time < 3; time += 1) expect((await withToken(signed)).errors).toEqual(["invalid_request"]);
    expect(asked).toBe(1);
  });

  it("that does not answer lets nobody in, and sends nobody away for good", async () => {
    const { publicKey, privateKey } = await generateKeyPair("ES256");
    let isUp = false;
    const keys = [await exportJWK(publicKey)];
    answer = () => (isUp ? { status: 200, body: JSON.stringify({ keys }) } : { status: 502, body: "" });
    const { port } = provider.address() as AddressInfo;
    await set({ sessionSecret: null, sessionJwks: `http://127.0.0.1:${port}/late` });
    const signed = await token({}, { key: privateKey, header: { alg: "ES256" } });
    const client = new CryptoShopClient(server.url, { auth: { token: signed } });
    clients.push(client);
    client.io.socket.on("connect", () => client.join(USER));
    await client.hears("error");
    expect(client.errors).toEqual(["overloaded"]);
    isUp = true;
    await until("it to be let in", () => client.bodies("order:updated").length > 0);
    expect(server.errors.length).toBeGreaterThan(0);
  });
});
