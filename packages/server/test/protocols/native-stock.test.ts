/** Who may follow a merchant's stock on the native WebSocket, and what he hears. */
import type { StreamMessage } from "@paybell/protocol";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { positionAt } from "../../src/fanout/cursor.ts";
import { MERCHANT, ProtocolServer } from "../../testkit/protocol-server.ts";
import type { TestClient } from "../../testkit/transport-server.ts";
import { until } from "../../testkit/until.ts";

const TOPIC = `stock:${MERCHANT}`;

let server: ProtocolServer;
beforeAll(async () => {
  server = await ProtocolServer.start();
  await server.merchants.createMerchant({ id: "stranger", name: "Stranger", createdAtMs: 0, xpubs: {} });
});
afterEach(() => server.transports.closeClients());
afterAll(() => server.stop());

const messages = (client: TestClient) => client.messages as unknown as StreamMessage[];
const events = (client: TestClient) =>
  messages(client).flatMap((message) => (message.type === "event" ? [message.event] : []));

const product = (stock: number) =>
  server.core.productIngest.create({
    merchantId: MERCHANT,
    name: "Bell",
    priceAtomic: 100n,
    chain: "sandbox",
    asset: "SBX",
    stock,
  });

const order = (customer: string, productId: string) =>
  server.core.ingest.createOrder({ merchantId: MERCHANT, customer, items: [{ productId, quantity: 2 }] });

async function open(kind: "secret" | "publishable" | null, merchant = MERCHANT): Promise<TestClient> {
  const key = kind === null ? null : await server.addKey(kind, merchant);
  const headers = key === null ? {} : { authorization: `Bearer ${key}` };
  return server.transports.open("/v1/stream", { headers });
}

it("a secret key follows every change, also those from before, and sees no customer", async () => {
  const start = positionAt(server.core.log, await server.core.log.head());
  const { id } = await product(5);
  const client = await open("secret");
  client.send({ type: "subscribe", topic: TOPIC, after: start });
  await until("the product", () => events(client).length === 1);
  const { payment } = await order("ann-private", id);
  await until("the reservation", () => events(client).length === 2);
  await server.core.ingest.execute(MERCHANT, payment.id, { type: "cancel" });
  await until("the release", () => events(client).length === 3);
  const level = (reserved: number) => ({ productId: id, stock: 5, reserved, available: 5 - reserved });
  expect(events(client).map(({ type, data }) => [type, data.stock])).toEqual([
    ["stock.changed", level(0)],
    ["stock.changed", level(2)],
    ["stock.changed", level(0)],
  ]);
  expect(JSON.stringify(messages(client))).not.toContain("ann-private");
});

it.each([
  ["no key", null, MERCHANT, "unauthorized"],
  ["a publishable key", "publishable", MERCHANT, "forbidden"],
  ["another merchant's secret key", "secret", "stranger", "not_found"],
] as const)("%s follows no stock", async (_who, kind, merchant, code) => {
  const client = await open(kind, merchant);
  client.send({ type: "subscribe", topic: TOPIC });
  await until("the refusal", () => messages(client).length > 0);
  expect(messages(client)).toMatchObject([{ type: "error", code, topic: TOPIC }]);
  await product(1);
  client.send({ type: "ping" });
  await until("the pong", () => messages(client).some(({ type }) => type === "pong"));
  expect(events(client)).toEqual([]);
});

it("who knows an order's id sees that it is one, and whether it has its units, but not which nor whose", async () => {
  const { id } = await product(5);
  const { payment } = await order("bob-private", id);
  const client = await open(null);
  client.send({ type: "subscribe", topic: `payment:${payment.id}` });
  await until("the snapshot", () => messages(client).some(({ type }) => type === "snapshot"));
  await server.core.ingest.execute(MERCHANT, payment.id, { type: "cancel" });
  await until("the cancellation", () => events(client).length === 1);
  const snapshot = messages(client).find((message) => message.type === "snapshot");
  expect(snapshot).toMatchObject({ payment: { stock: "reserved" } });
  expect(events(client)[0]?.data.payment?.stock).toBe("released");
  const heard = JSON.stringify(messages(client));
  expect(heard).not.toContain("bob-private");
  expect(heard).not.toContain(id);
});
