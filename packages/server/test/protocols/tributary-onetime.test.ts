/** `GET /v1/onetime/{trackingId}`: what was executed, for clients without a socket. */
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import type { Payment } from "../../src/payments/payment.ts";
import { TributaryClient } from "../../testkit/clients/tributary-client.ts";
import { ProtocolServer } from "../../testkit/protocol-server.ts";

let server: ProtocolServer;

beforeAll(async () => {
  server = await ProtocolServer.start({ limits: { replayPage: 3, replayRecords: 20 } });
});
afterEach(() => expect(server.errors).toEqual([]));
afterAll(() => server.stop());

async function get(trackingId: string, init: RequestInit = {}) {
  const response = await fetch(`${server.url}/v1/onetime/${trackingId}`, init);
  // biome-ignore lint/suspicious/noExplicitAny: tests read what they expect to be there.
  return { status: response.status, headers: response.headers, json: (await response.json()) as any };
}

async function execute(payment: Payment): Promise<string> {
  const txId = await server.pay(payment);
  await server.controls.mine(2);
  return txId;
}

const refused = (error: string) => ({ success: false, error, timestamp: server.transports.clock.nowMs() });

it("one match is an object: what the socket told, in an envelope", async () => {
  const client = await TributaryClient.open(server.url);
  await client.subscribe("one");
  const signature = await execute(await server.create({ reference: "one" }));
  const [told] = await client.paid(1);
  client.close();
  const { status, json } = await get("one");
  expect([status, json]).toEqual([200, { success: true, data: told, timestamp: server.transports.clock.nowMs() }]);
  expect(told).toMatchObject({ trackingId: "one", signature, status: "executed", amount: 1_000_000 });
});

it("several are an array, oldest first", async () => {
  const signatures = [
    await execute(await server.create({ reference: "several" })),
    await execute(await server.create({ reference: "several" })),
    await execute(await server.create({ reference: "several", amountAtomic: null })),
  ];
  const { json } = await get("several");
  expect(json.data.map(({ signature }: { signature: string }) => signature)).toEqual(signatures);
});

it("nothing that was executed is 404, an open payment included", async () => {
  const payment = await server.create({ reference: "open" });
  await server.pay(payment);
  const expected = { status: 404, json: refused("One-time payment not found") };
  expect(await get("open")).toMatchObject(expected);
  expect(await get("unknown")).toMatchObject(expected);
});

it("what a reorganisation took back is not there until it is confirmed again", async () => {
  const fixed = await server.create({ reference: "reorg" });
  const standing = await server.create({ reference: "reorg", amountAtomic: null });
  await server.pay(fixed);
  await server.pay(standing);
  await server.controls.mine(2);
  expect((await get("reorg")).json.data).toHaveLength(2);
  await server.controls.reorg(2);
  expect((await get("reorg")).status).toBe(404);
  await server.controls.mine(2);
  expect((await get("reorg")).json.data).toHaveLength(2);
});

it("an erased payment is gone", async () => {
  const payment = await server.create({ reference: "erased" });
  await execute(payment);
  await server.core.ingest.execute(payment.merchantId, payment.id, { type: "erase" });
  expect((await get("erased")).status).toBe(404);
});

it("of very many the newest are told", async () => {
  const standing = await server.create({ reference: "many", amountAtomic: null });
  const signatures: string[] = [];
  for (let at = 0; at < 12; at += 1) signatures.push(await execute(standing));
  const { json } = await get("many");
  const told = json.data.map(({ signature }: { signature: string }) => signature);
  expect(told.length).toBeGreaterThan(3);
  expect(told).toEqual(signatures.slice(-told.length));
});

it.each([
  ["65 bytes", "x".repeat(65), 400],
  ["padding alone", "%00", 400],
  ["a broken code", "%E0%A4%A", 400],
  ["a very long id", "x".repeat(3_000), 404],
])("an id that is none: %s", async (_what, id, status) => {
  const answer = await get(id);
  expect(answer.status).toBe(status);
});

it("an id that no memo holds is refused in the document's words", async () => {
  expect((await get("x".repeat(65))).json).toEqual(refused("Tracking ID is required and must be a string"));
  expect((await get("x?more=1")).json).toMatchObject({ success: false });
});

it("padding at the end does not count, and any page may read", async () => {
  await execute(await server.create({ reference: "memo" }));
  const { status, headers } = await get("memo%00%00", { headers: { origin: "https://shop.example" } });
  expect([status, headers.get("access-control-allow-origin")]).toEqual([200, "*"]);
});
