/** What Transak's clients are told: fields, the past, signatures, and an order of events that reading cannot mix up. */
import { setTimeout as delay } from "node:timers/promises";
import jwt from "jsonwebtoken";
import { jwtDecode } from "jwt-decode";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ToldOrder, TransakClient } from "../../testkit/clients/transak-client.ts";
import { TransakShop } from "../../testkit/clients/transak-shop.ts";
import { ProtocolServer, type ProtocolServerOptions } from "../../testkit/protocol-server.ts";
import { until } from "../../testkit/until.ts";

let server: ProtocolServer;
let shop: TransakShop;
const clients: TransakClient[] = [];

async function restart(options: ProtocolServerOptions): Promise<void> {
  await server.stop();
  await start(options);
}
async function start(options: ProtocolServerOptions = {}): Promise<void> {
  server = await ProtocolServer.start(options);
  shop = await TransakShop.open(server);
}
beforeEach(() => start());
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await server.stop();
  expect(server.errors).toEqual([]);
});

async function open(channel: string): Promise<TransakClient> {
  const client = await TransakClient.open(server.transports.port, channel);
  clients.push(client);
  return client;
}

/** The fields of the document's sample, as a merchant gives them. */
const GIVEN = {
  walletAddress: "0xD9020000000000000000000000000000000BEFeE",
  fiatCurrency: "EUR",
  userId: "243a8ce2-0000-4000-8000-0000000b19a3",
  cryptoCurrency: "ETH",
  isBuyOrSell: "BUY",
  fiatAmount: 30,
  ipAddress: "14.142.1.2",
  paymentOptionId: "sepa_bank_transfer",
  walletLink: "https://sepolia.etherscan.io/address/0xD902",
  quoteId: "9291a8bc-0000-4000-8000-000000004e85",
  orderProcessingType: "NORMAL",
  addressAdditionalData: "memo-of-the-wallet",
  network: "ethereum",
  conversionPrice: 0.0006130127560164107,
  cryptoAmount: 0.01759347,
  totalFeeInFiat: 1.3,
  fiatAmountInUsd: 33.05,
  countryCode: "country-of-the-user",
  stateCode: "Karnataka",
  orderChannelType: "WIDGET",
  tokenContractAddress: "0x0000",
  userKycType: "STANDARD",
  cardPaymentData: { last4: "4242" },
  conversionPriceData: { source: "somebody" },
  partnerFeeInLocalCurrency: 0.3,
};
const PERSONAL = [
  "walletAddress",
  "walletLink",
  "addressAdditionalData",
  "ipAddress",
  "userId",
  "userKycType",
  "cardPaymentData",
  "countryCode",
  "stateCode",
] as const;
const OF_THE_PAYMENT = ["id", "createdAt", "status", "amountPaid", "partnerOrderId", "updatedAt", "statusHistories"];
const create = () =>
  shop.api.createPayment({ reference: "partner-order-id", metadata: { transak: { ...GIVEN, extra: "of the shop" } } });

/** Every text that the personal fields hold. */
const personalTexts = PERSONAL.map((name) => GIVEN[name]).map((value) =>
  typeof value === "object" ? "4242" : String(value),
);

describe("fields", () => {
  it("the API-key channel has all of the sample's, what the merchant gave besides, and the transaction", async () => {
    const client = await open(shop.apiKey);
    const { id } = await create();
    const txId = await server.pay((await server.core.payment(id)).payment);
    await client.hears(2);
    const [created, processing] = client.heard.map(
      ({ data }) => jwt.verify(String(data), shop.accessToken) as ToldOrder,
    );
    expect(created).toMatchObject({ ...GIVEN, id, partnerOrderId: "partner-order-id", extra: "of the shop" });
    expect(created).toMatchObject({ status: "AWAITING_PAYMENT_FROM_USER", amountPaid: 0, transactionHash: null });
    expect(Object.keys(created ?? {})).toEqual(expect.arrayContaining(OF_THE_PAYMENT));
    expect(processing).toMatchObject({ status: "PROCESSING", amountPaid: 30, transactionHash: txId });
    expect(jwtDecode(String(client.heard[0]?.data))).toEqual(created);
  });

  it.each(["order", "reference"])("the public channel of the %s has none that is about a person", async (kind) => {
    const reference = await open(`${shop.apiKey}_partner-order-id`);
    const { id } = await create();
    const client = kind === "order" ? await open(id) : reference;
    const txId = await server.pay((await server.core.payment(id)).payment);
    await client.hears(2);
    const kept = Object.keys(GIVEN).filter((name) => !PERSONAL.some((personal) => personal === name));
    for (const order of client.orders) {
      expect(
        Object.keys(order)
          .filter((name) => name !== "replayed")
          .sort(),
      ).toEqual([...kept, ...OF_THE_PAYMENT, "eventId"].sort());
      for (const name of kept) {
        expect(order[name]).toEqual(name === "conversionPriceData" ? {} : GIVEN[name as keyof typeof GIVEN]);
      }
    }
    const text = JSON.stringify(client.heard);
    for (const secret of [...personalTexts, txId, "of the shop"]) expect(text).not.toContain(secret);
  });

  it("objects that a merchant puts into public fields stay his", async () => {
    const { id } = await shop.api.createPayment({ metadata: { transak: { quoteId: { ip: "14.142.1.2" } } } });
    const client = await open(id);
    await client.hears(1);
    expect(client.orders[0]).toMatchObject({ quoteId: null });
  });

  it("the reference of a payment that was not made for Transak is told to nobody who has only its id", async () => {
    const { id } = await shop.api.createPayment({ reference: "secret-reference", metadata: { other: "secret" } });
    const client = await open(id);
    await client.hears(1);
    expect(client.orders[0]).toMatchObject({ id, partnerOrderId: null, cryptoCurrency: "SBX", cryptoAmount: 1 });
    expect(JSON.stringify(client.heard)).not.toContain("secret");
  });

  it.each(["private-", "private-encrypted-"])("%s channels have all of them, without a token", async (prefix) => {
    const { id } = await create();
    for (const base of [id, shop.apiKey, `${shop.apiKey}_partner-order-id`]) {
      const client = await open(prefix + base);
      await client.hears(1);
      expect(client.orders[0]).toMatchObject({ ...GIVEN, id, extra: "of the shop" });
    }
  });

  it("what a merchant names like a claim does not end his own JWTs", async () => {
    const client = await open(shop.apiKey);
    const { id } = await shop.api.createPayment({ metadata: { transak: { exp: 1, nbf: 9e9, iss: "x", id: "other" } } });
    await client.hears(1);
    expect(jwt.verify(String(client.heard[0]?.data), shop.accessToken)).toMatchObject({ id });
  });
});

describe("who comes late", () => {
  it("is told the latest step of the order again, marked, with the same event id", async () => {
    const { id } = await create();
    const early = await open(id);
    const payment = (await server.core.payment(id)).payment;
    await server.pay(payment);
    await server.controls.mine(2);
    await shop.api.call("POST", `/v1/payments/${id}/delivery`, { to: "delivered" });
    await early.hears(3);
    const late = await open(id);
    await late.hears(1);
    expect(late.told).toEqual(["ORDER_COMPLETED COMPLETED"]);
    expect(late.orders[0]).toEqual({ ...early.orders[2], replayed: true });
    expect(early.orders[2]).not.toHaveProperty("replayed");
    expect(late.orders[0]?.statusHistories).toHaveLength(3);
  });

  it("is told of the newest order with a partner order id", async () => {
    const older = await create();
    server.transports.clock.advance(5);
    const newer = await create();
    server.transports.clock.advance(5);
    await shop.api.call("POST", `/v1/payments/${older.id}/cancel`);
    const client = await open(`${shop.apiKey}_partner-order-id`);
    await client.hears(1);
    await shop.api.call("POST", `/v1/payments/${newer.id}/claim`);
    await client.hears(2);
    expect(client.orders.map(({ id, status }) => [id, status])).toEqual([
      [newer.id, "AWAITING_PAYMENT_FROM_USER"],
      [newer.id, "PAYMENT_DONE_MARKED_BY_USER"],
    ]);
  });

  it("is told every step of the window on the API-key channel, in order, with the same event ids", async () => {
    const early = await open(shop.apiKey);
    const first = await create();
    await shop.api.call("POST", `/v1/payments/${first.id}/claim`);
    await create();
    await early.hears(3);
    const read = (client: TransakClient) =>
      client.heard.map(({ data }) => jwt.verify(String(data), shop.accessToken) as ToldOrder);
    const late = await open(shop.apiKey);
    await late.hears(3);
    expect(read(late).map(({ eventId }) => eventId)).toEqual(read(early).map(({ eventId }) => eventId));
    expect(read(late).every(({ replayed }) => replayed === true)).toBe(true);
    expect(read(early).some((order) => "replayed" in order)).toBe(false);
  });

  it("is told nothing of what lies before the window", async () => {
    const { id } = await create();
    server.transports.clock.advance(3_600_001);
    const [order, reference, all] = [
      await open(id),
      await open(`${shop.apiKey}_partner-order-id`),
      await open(shop.apiKey),
    ];
    await shop.api.call("POST", `/v1/payments/${id}/claim`);
    for (const client of [order, reference, all]) {
      await client.hears(1);
      expect(client.heard.map(({ event }) => event)).toEqual(["ORDER_PAYMENT_VERIFYING"]);
    }
  });

  it("hears what happened while its connection was gone, though it had heard nothing before", async () => {
    const client = await open(shop.apiKey);
    client.close();
    const { id } = await create();
    await client.comeBack();
    await client.hears(1);
    await client.comeBack();
    await client.hears(2);
    const told = client.heard.map(({ data }) => jwt.verify(String(data), shop.accessToken) as ToldOrder);
    expect(told.map((order) => [order.id, order.replayed])).toEqual([
      [id, true],
      [id, true],
    ]);
    expect(new Set(told.map(({ eventId }) => eventId)).size).toBe(1);
  });

  it("is told the last event of a cache channel once, or that there is none", async () => {
    const { id } = await create();
    const cached = await open(`cache-${id}`);
    await cached.hears(1);
    expect(cached.told).toEqual(["ORDER_CREATED AWAITING_PAYMENT_FROM_USER"]);
    const missed = new TransakClient(server.transports.port, `cache-${shop.apiKey}_nothing`);
    clients.push(missed);
    await until("the miss", () => missed.names.includes("pusher:cache_miss"));
    await shop.api.call("POST", `/v1/payments/${id}/claim`);
    await cached.hears(2);
    expect(cached.told[1]).toBe("ORDER_PAYMENT_VERIFYING PAYMENT_DONE_MARKED_BY_USER");
  });
});

describe("nothing else is ever told", () => {
  it("neither of standing payments, nor of confirmations, nor of orders that were erased", async () => {
    const all = await open(shop.apiKey);
    const standing = await shop.api.createPayment({ amount: null });
    await server.pay((await server.core.payment(standing.id)).payment);
    const { id } = await create();
    const client = await open(id);
    await server.pay((await server.core.payment(id)).payment);
    await server.controls.mine(6);
    await shop.api.call("DELETE", `/v1/payments/${id}`);
    const last = await create();
    await all.hears(3);
    expect(all.heard.map(({ data }) => (jwtDecode(String(data)) as ToldOrder).id)).toEqual([id, id, last.id]);
    expect(client.told).toEqual(["ORDER_CREATED AWAITING_PAYMENT_FROM_USER", "ORDER_PROCESSING PROCESSING"]);
    expect(all.names.filter((name) => name.startsWith("pusher"))).toEqual(["pusher:subscription_succeeded"]);
    const late = await open(id);
    await shop.api.call("POST", `/v1/payments/${last.id}/cancel`);
    await all.hears(4);
    expect(late.names).toEqual(["pusher:subscription_succeeded"]);
  });
});

describe("an order that was erased", () => {
  it("is not told again to who comes later, by any channel", async () => {
    const { id } = await create();
    await shop.api.call("DELETE", `/v1/payments/${id}`);
    const names = [id, `private-${shop.apiKey}`, `private-${shop.apiKey}_partner-order-id`];
    const late = await Promise.all(names.map(open));
    const all = await open(shop.apiKey);
    const next = await create();
    await all.hears(1);
    expect(all.heard.map(({ data }) => (jwtDecode(String(data)) as ToldOrder).id)).toEqual([next.id]);
    await late[2]?.hears(1);
    expect(late.map((client) => client.orders.map((order) => order.id))).toEqual([[], [next.id], [next.id]]);
  });
});

describe("while an order is being read", () => {
  it("what comes meanwhile waits its turn", async () => {
    let slow = false;
    await restart({
      aroundReads: async () => {
        // The first one takes longest.
        if (slow) await delay(pauses.shift() ?? 0);
      },
    });
    const pauses = [60, 30, 10];
    const { id } = await create();
    const client = await open(shop.apiKey);
    await client.hears(1);
    slow = true;
    await shop.api.call("POST", `/v1/payments/${id}/claim`);
    await server.pay((await server.core.payment(id)).payment);
    await server.controls.mine(2);
    await shop.api.call("POST", `/v1/payments/${id}/delivery`, { to: "delivered" });
    await client.hears(4);
    expect(client.heard.map(({ event }) => event)).toEqual([
      "ORDER_CREATED",
      "ORDER_PAYMENT_VERIFYING",
      "ORDER_PROCESSING",
      "ORDER_COMPLETED",
    ]);
  });

  it("what does not fit among those that wait is read from the log: each once, in order, to a client that stays", async () => {
    let gate: Promise<void> = Promise.resolve();
    await restart({ limits: { liveBuffer: 3, replayRecords: 2 }, aroundReads: () => gate });
    const client = await open(shop.apiKey);
    let openGate = () => {};
    gate = new Promise((resolve) => {
      openGate = resolve;
    });
    const made: string[] = [];
    for (let n = 0; n < 20; n += 1) made.push((await server.create()).id);
    openGate();
    await client.hears(made.length);
    made.push((await server.create()).id);
    await client.hears(made.length);
    const told = client.heard.map(({ data }) => jwtDecode<ToldOrder>(String(data)));
    expect(told.map(({ id }) => id)).toEqual(made);
    expect(told.filter(({ replayed }) => replayed)).toEqual([]);
    expect(server.transports.connections.counters.ended).toEqual({});
  });
});
