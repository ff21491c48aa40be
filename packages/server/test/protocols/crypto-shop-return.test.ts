/**
 * Clients that come back. The document's own sample joins again on `socket.on("reconnect")`, which never fires in
 * Socket.IO 4: here such a client joins once and never again, and misses nothing.
 */
import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { positionAt } from "../../src/fanout/cursor.ts";
import { Api } from "../../testkit/clients/api.ts";
import { CryptoShopClient } from "../../testkit/clients/crypto-shop-client.ts";
import type { ClientOptions } from "../../testkit/clients/socketio.ts";
import { ProtocolServer } from "../../testkit/protocol-server.ts";
import { ServerProcess } from "../../testkit/server-process.ts";
import { until } from "../../testkit/until.ts";

const HOUR_MS = 3_600_000;

const clients: CryptoShopClient[] = [];
let userId: string;

beforeEach(() => {
  userId = `user-${randomUUID()}`;
});
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});

/** Joins at its first connect only. */
async function joined(url: string, user = userId, options: ClientOptions = {}, version?: string) {
  const client = await CryptoShopClient.joined(url, user, options, version);
  clients.push(client);
  await client.settled();
  client.io.events.length = 0;
  return client;
}

describe("a client that was cut off", () => {
  let server: ProtocolServer;
  beforeAll(async () => {
    server = await ProtocolServer.start();
  });
  afterAll(async () => {
    expect(server.errors).toEqual([]);
    await server.stop();
  });

  const pay = async (customer = userId) => {
    const payment = await server.create({ customer });
    await server.pay(payment);
    await server.controls.mine(2);
    return payment.id;
  };

  /** Away while something happens. */
  async function away(client: CryptoShopClient, meanwhile: () => Promise<unknown>): Promise<void> {
    const { connects } = client.io;
    client.io.socket.io.engine.close();
    await meanwhile();
    await client.io.connected(connects + 1);
  }

  it.each([["websocket"], ["polling"]])("before it heard anything has its room again (%s)", async (transport) => {
    const client = await joined(server.url, userId, { transports: [transport] });
    const ids: string[] = [];
    await away(client, async () => ids.push(await pay()));
    await client.hears("transaction:confirmed");
    ids.push(await pay());
    await client.hears("transaction:confirmed", 2);
    expect(client.confirmed).toEqual(ids);
    expect(client.bodies("order:updated")).toHaveLength(4);
  });

  it("goes on exactly behind what it heard last", async () => {
    const client = await joined(server.url);
    const ids = [await pay()];
    await client.hears("transaction:confirmed");
    for (let time = 0; time < 3; time += 1) await away(client, async () => ids.push(await pay()));
    await client.hears("transaction:confirmed", 4);
    await client.settled();
    expect(client.confirmed).toEqual(ids);
    expect(client.bodies("order:updated")).toHaveLength(8);
  });

  it("hears nothing twice when it joins again as well", async () => {
    const client = await joined(server.url);
    client.io.socket.on("connect", () => client.join(userId));
    const ids = [await pay()];
    await client.hears("transaction:confirmed");
    await away(client, async () => ids.push(await pay()));
    await client.hears("transaction:confirmed", 2);
    await client.settled();
    expect(client.confirmed).toEqual(ids);
  });

  it("of a library that remembers nothing hears what it missed when it joins again", async () => {
    const client = await joined(server.url, userId, {}, "4.0");
    client.io.socket.on("connect", () => client.join(userId));
    const first = await pay();
    await client.hears("transaction:confirmed");
    let second = "";
    await away(client, async () => {
      second = await pay();
    });
    await client.hears("transaction:confirmed", 3);
    expect(client.confirmed).toEqual([first, first, second]);
  });

  it("has all its rooms again, also one that had not told all of its past", async () => {
    const other = `${userId}/other`;
    const before = [await pay(other), await pay(other)];
    const client = await joined(server.url);
    const ids = [await pay()];
    await client.hears("transaction:confirmed");
    client.io.socket.emit("join-products");
    client.join(other);
    // Of the past of the other room it has the first word, and no place to go on from.
    await until("the other room", () => client.bodies("order:updated").some(({ orderId }) => orderId === before[0]));
    const during: string[] = [];
    await away(client, async () => during.push(await pay(other), await pay()));
    const wanted = () => new Set(client.confirmed);
    await until("all of them", () => [...before, ...ids, ...during].every((id) => wanted().has(id)));
    during.push(await pay(other));
    await until("the last one", () => wanted().has(during.at(-1) as string));
    expect(client.confirmed.filter((id) => id === during.at(-1))).toHaveLength(1);
  });

  it("is remembered as long as it is there, and for a while when it is not", async () => {
    const { clock, connections } = server.transports;
    const client = await joined(server.url);
    for (let quarter = 0; quarter < 12; quarter += 1) {
      clock.advance(HOUR_MS / 4);
      connections.beat();
      await client.settled();
    }
    const ids: string[] = [];
    await away(client, async () => ids.push(await pay()));
    await client.hears("transaction:confirmed");
    expect(client.confirmed).toEqual(ids);
    const { pid } = client;
    client.close();
    clock.advance(HOUR_MS * 1.25 + 1);
    const late = new CryptoShopClient(server.url, { auth: { pid } });
    clients.push(late);
    await late.io.connected();
    await late.settled();
    await pay();
    await late.settled();
    expect(late.confirmed).toEqual([]);
  });

  it("with a place in another log, or in none, is told the window", async () => {
    const first = await joined(server.url);
    const id = await pay();
    await first.hears("transaction:confirmed");
    const { pid } = first;
    const head = await server.core.log.head();
    for (const offset of ["x", "", "elsewhere.0.1", positionAt(server.core.log, head + 1_000)]) {
      const again = new CryptoShopClient(server.url, { auth: { pid, offset } });
      clients.push(again);
      await again.hears("transaction:confirmed");
      expect(again.confirmed).toEqual([id]);
    }
  });

  it("between two events of one moment is told the second", async () => {
    const first = await joined(server.url);
    const id = await pay();
    await first.hears("transaction:confirmed");
    const [, completed] = first.io.events.filter(([name]) => name === "order:updated");
    const again = new CryptoShopClient(server.url, { auth: { pid: first.pid, offset: completed?.at(-1) } });
    clients.push(again);
    await again.io.connected();
    await again.settled();
    expect(again.io.events.map(([name]) => name)).toEqual(["transaction:confirmed", "error"]);
    expect(again.confirmed).toEqual([id]);
  });

  it("cannot ask for what is older than the window, and than its session", async () => {
    await pay();
    server.transports.clock.advance(HOUR_MS + 1);
    const first = await joined(server.url);
    const { pid } = first;
    const id = await pay();
    await first.hears("transaction:confirmed");
    const again = new CryptoShopClient(server.url, { auth: { pid, offset: positionAt(server.core.log, 0) } });
    clients.push(again);
    await again.hears("transaction:confirmed");
    expect(again.confirmed).toEqual([id]);
  });

  it("has nothing at another shop", async () => {
    await server.addMerchant("other");
    const key = await server.addKey("publishable");
    const otherKey = await server.addKey("publishable", "other");
    const client = await joined(server.url, userId, { auth: { key } });
    const there = new CryptoShopClient(server.url, { auth: { key: otherKey, pid: client.pid } });
    clients.push(there);
    await there.io.connected();
    await pay();
    await client.hears("transaction:confirmed");
    await there.settled();
    expect(there.errors).toEqual(["invalid_request"]);
    expect(there.heard).toHaveLength(1);
  });
});

describe("a server that was killed", () => {
  let server: ServerProcess;
  let api: Api;
  beforeAll(async () => {
    server = await ServerProcess.start();
    api = new Api(server.url, "sk_sandbox_paybell");
  });
  afterAll(() => server.dispose());

  const pay = async () => {
    const { id } = await api.insist((key) => api.createPayment({ customer: userId }, key));
    await api.insist(() => api.pay(id));
    await api.insist(() => api.mine(2));
    return id;
  };

  it.each([["4.8"], ["4.0"]])("tells what a client has missed, when both are back (%s)", async (version) => {
    const quiet = await joined(server.url, userId, {}, version);
    // The library of 4.0 remembers nothing: it has to join again.
    if (version === "4.0") quiet.io.socket.on("connect", () => quiet.join(userId));
    await server.kill9();
    await server.restart();
    const first = await pay();
    await quiet.hears("transaction:confirmed");
    expect(quiet.confirmed).toEqual([first]);
    await server.kill9();
    await server.restart();
    const second = await pay();
    await until("the second", () => quiet.confirmed.includes(second));
    expect(quiet.confirmed).toEqual(version === "4.0" ? [first, first, second] : [first, second]);
  });
});
