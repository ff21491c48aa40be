/** Tracking ids can be guessed: who may follow them in live mode, on the socket and over HTTP alike. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { PaybellError } from "../../src/kit/errors.ts";
import type { ClientOptions } from "../../testkit/clients/socketio.ts";
import { TributaryClient } from "../../testkit/clients/tributary-client.ts";
import { MERCHANT, ProtocolServer } from "../../testkit/protocol-server.ts";
import { until } from "../../testkit/until.ts";

const CLOSED =
  "CONNECTION_ERROR: WebSocket connection error: The merchant has not opened his tracking ids to clients without a secret key.";
const UNCLEAR =
  "CONNECTION_ERROR: WebSocket connection error: It is not clear which merchant is meant: give his publishable key as `key`.";
const UNKNOWN_KEY = "CONNECTION_ERROR: WebSocket connection error: No key, or one that is not known.";
const SUBSCRIBED = "Subscribed to trackingId: order";

let server: ProtocolServer;
const clients: TributaryClient[] = [];

async function answerTo(options: ClientOptions = {}): Promise<string> {
  return (await open(options)).subscribe("order");
}

async function open(options: ClientOptions = {}): Promise<TributaryClient> {
  const client = await TributaryClient.open(server.url, options);
  clients.push(client);
  return client;
}

async function get(path: string, headers: Record<string, string> = {}) {
  const response = await fetch(server.url + path, { headers });
  // biome-ignore lint/suspicious/noExplicitAny: tests read what they expect to be there.
  return { status: response.status, json: (await response.json()) as any };
}

/** The operator was told, once each, without an id. */
function refusals(): (string | undefined)[] {
  const errors = server.transports.errors.splice(0);
  for (const error of errors) expect(String(error)).not.toContain("order");
  return errors.map((error) => (error instanceof PaybellError ? error.code : undefined));
}

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await server.transports.closeClients();
});

describe("in live mode, with one merchant", () => {
  beforeAll(async () => {
    server = await ProtocolServer.start({ mode: "live" });
  });
  afterEach(async () => {
    await server.merchants.changeSettings(MERCHANT, { openReferences: false });
    expect(server.errors).toEqual([]);
  });
  afterAll(() => server.stop());

  it("nobody without a secret key, by default; it is logged once for each connection, and counted", async () => {
    const key = await server.addKey("publishable");
    const before = server.transports.connections.counters.refused.forbidden ?? 0;
    const client = await open();
    expect(await client.subscribe("order")).toBe(CLOSED);
    expect(await client.subscribe("order")).toBe(CLOSED);
    expect(await answerTo({ query: { key } })).toBe(CLOSED);
    expect(await answerTo({ auth: { key } })).toBe(CLOSED);
    expect(refusals()).toEqual(["forbidden", "forbidden", "forbidden"]);
    expect(server.transports.connections.counters.refused.forbidden).toBe(before + 4);
    expect(await client.unsubscribe("order")).toBe("Unsubscribed from trackingId: order");
    expect(client.io.disconnects).toEqual([]);
  });

  it("anyone, where the merchant has opened them", async () => {
    const client = await open();
    expect(await client.subscribe("order")).toBe(CLOSED);
    await server.merchants.changeSettings(MERCHANT, { openReferences: true });
    expect(await client.subscribe("order")).toBe(SUBSCRIBED);
    const signature = await server.pay(await server.create({ reference: "order", confirmations: 0 }));
    expect((await client.paid(1))[0]).toMatchObject({ signature });
    expect((await get("/v1/onetime/order")).json).toMatchObject({ success: true, data: { signature } });
    expect(refusals()).toEqual(["forbidden"]);
  });

  it("whoever shows a secret key, but not a page of a foreign origin", async () => {
    const key = await server.addKey("secret");
    expect(await answerTo({ auth: { key } })).toBe(SUBSCRIBED);
    const fromPage = await answerTo({ auth: { key }, extraHeaders: { origin: "https://foreign.example" } });
    expect(fromPage).toBe(
      "CONNECTION_ERROR: WebSocket connection error: A page of this origin may not use a secret key.",
    );
    // In a query it would stand in logs and histories.
    expect(await answerTo({ query: { key } })).toBe(UNCLEAR);
    expect(refusals()).toEqual(["forbidden", "forbidden"]);
  });

  it("nobody with a key that is none", async () => {
    expect(await answerTo({ auth: { key: "sk_sandbox_paybell" } })).toBe(UNKNOWN_KEY);
    expect(await answerTo({ auth: { key: "" } })).toBe(UNKNOWN_KEY);
    expect(await answerTo({ query: { key: "x" } })).toBe(UNCLEAR);
    for (const key of [null, 7, {}, ["sk"]]) expect(await answerTo({ auth: { key } })).toBe(CLOSED);
    expect(refusals()).toHaveLength(7);
  });

  it("no longer whose key is revoked", async () => {
    const key = await server.addKey("secret");
    const client = await open({ auth: { key }, reconnection: false });
    expect(await client.subscribe("order")).toBe(SUBSCRIBED);
    await server.revoke(key);
    server.transports.clock.advance(2_001);
    await until("the end", () => {
      server.transports.connections.beat();
      return client.io.disconnects.length > 0;
    });
    expect(client.errors.map(({ code }) => code)).toEqual(["CONNECTION_ERROR"]);
  });

  it("nobody by a resume token that he made himself", async () => {
    const offset = JSON.stringify({ at: "x", ids: ["order", "order-2"] });
    const client = await open({ auth: { pid: "p".repeat(20), offset } });
    expect(await client.unsubscribe("order")).toBe("Unsubscribed from trackingId: order");
    expect(client.errors.map(({ code, message }) => `${code}: ${message}`)).toEqual([CLOSED]);
    expect(client.acks).toHaveLength(1);
    expect(refusals()).toEqual(["forbidden"]);
  });

  it("the same over HTTP, in Tributary's envelope", async () => {
    const timestamp = server.transports.clock.nowMs();
    const refused = (error: string) => ({ success: false, error, timestamp });
    const closed = "The merchant has not opened his tracking ids to clients without a secret key.";
    const publishable = await server.addKey("publishable");
    expect(await get("/v1/onetime/order")).toEqual({ status: 403, json: refused(closed) });
    expect(await get(`/v1/onetime/order?key=${publishable}`)).toEqual({ status: 403, json: refused(closed) });
    const bad = await get("/v1/onetime/order", { authorization: "Bearer sk_live_no" });
    expect(bad).toEqual({ status: 401, json: refused("No key, or one that is not known.") });
    const authorization = `Bearer ${await server.addKey("secret")}`;
    expect((await get("/v1/onetime/nothing", { authorization })).status).toBe(404);
    const foreign = await get("/v1/onetime/nothing", { authorization, origin: "https://foreign.example" });
    expect(foreign.status).toBe(403);
  });
});

describe("with several merchants", () => {
  beforeAll(async () => {
    server = await ProtocolServer.start({ hosts: { "127.0.0.2": "other" } });
    await server.addMerchant("other");
  });
  afterEach(() => expect(server.errors).toEqual([]));
  afterAll(() => server.stop());

  it("whose ids are meant must be clear, in the sandbox too", async () => {
    expect(await answerTo()).toBe(UNCLEAR);
    expect((await get("/v1/onetime/order")).status).toBe(403);
    expect(refusals()).toEqual(["forbidden"]);
  });

  it("each sees his own payments only, whatever the ids are", async () => {
    const mine = await open({ auth: { key: await server.addKey("publishable") } });
    const otherKey = await server.addKey("publishable", "other");
    const others = await open({ query: { key: otherKey } });
    for (const client of [mine, others]) expect(await client.subscribe("order")).toBe(SUBSCRIBED);
    const first = await server.pay(await server.create({ reference: "order", confirmations: 0 }));
    const second = await server.pay(await server.create({ reference: "order", confirmations: 0, merchantId: "other" }));
    await mine.paid(1);
    await others.paid(1);
    expect([mine.signatures, others.signatures]).toEqual([[first], [second]]);
    expect((await get(`/v1/onetime/order?key=${otherKey}`)).json.data.signature).toBe(second);
  });
});

describe("at the limits", () => {
  beforeAll(async () => {
    server = await ProtocolServer.start({
      replayWindowMs: 1_000,
      limits: { tributarySubscriptionsPerConnection: 2, connectionsPerMerchant: 2 },
    });
  });
  afterEach(() => expect(server.errors).toEqual([]));
  afterAll(() => server.stop());

  it("a resume token that somebody made himself reaches no further back than the window, and follows no more ids than a connection may", async () => {
    await server.pay(await server.create({ reference: "order", confirmations: 0 }));
    server.transports.clock.advance(1_001);
    const signature = await server.pay(await server.create({ reference: "order", confirmations: 0 }));
    const at = `${server.core.log.epoch}.0.0`;
    const client = await open({
      auth: { pid: "p".repeat(20), offset: JSON.stringify({ at, ids: ["order", "b", "c"] }) },
    });
    await client.paid(1);
    expect(client.signatures).toEqual([signature]);
    expect(client.acks).toEqual([SUBSCRIBED, "Subscribed to trackingId: b"]);
    expect(client.errors).toEqual([
      {
        code: "CONNECTION_ERROR",
        message: "WebSocket connection error: This connection follows 2 tracking IDs, and may no more.",
      },
    ]);
  });

  it("a merchant's last place taken: CONNECTION_ERROR, then the end", async () => {
    await answerTo();
    await answerTo();
    const client = await open({ reconnection: false });
    const answer = await client.subscribe("order");
    expect(answer).toBe("CONNECTION_ERROR: WebSocket connection error: A limit on connections is reached.");
    await until("the end", () => client.io.disconnects.length === 1);
  });
});
