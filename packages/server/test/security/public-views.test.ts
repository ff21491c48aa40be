/** Who knows a payment's id, or its address, learns nothing of the buyer, the order or the merchant, on any wire. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { until } from "../../testkit/until.ts";
import { Attack, observation } from "./attack.ts";

let attack: Attack;
const PRIVATE = {
  reference: "order-private-17",
  customer: "alice-private@example.com",
  items: [{ name: "private-item", quantity: 1 }],
  metadata: { note: "private-note", ip: "203.0.113.77" },
};
const SECRETS = ["order-private-17", "alice-private", "private-item", "private-note", "203.0.113.77", "victim"];

beforeAll(async () => {
  attack = await Attack.start();
});
afterAll(() => attack.stop());

function expectNothingPrivate(text: string): void {
  expect(text).not.toBe("");
  for (const secret of [...SECRETS, attack.victim.secret, attack.victim.publishable])
    expect(text).not.toContain(secret);
}

async function readSse(path: string, enough: (text: string) => boolean): Promise<string> {
  const abort = new AbortController();
  const response = await fetch(attack.server.url + path, { signal: abort.signal });
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    text += decoder.decode(chunk);
    if (enough(text)) break;
  }
  abort.abort();
  return text;
}

describe("without a key", () => {
  it("the payment, its events and both streams show the public view", async () => {
    const id = await attack.paid(PRIVATE);
    for (const path of [`/v1/payments/${id}`, `/v1/events?paymentId=${id}&limit=1000`]) {
      expectNothingPrivate((await attack.server.get(path, { key: null })).text);
      expectNothingPrivate((await attack.server.get(path, { key: attack.victim.publishable })).text);
    }
    expectNothingPrivate(await readSse(`/v1/payments/${id}/events`, (text) => text.includes("payment.paid")));
    expectNothingPrivate(await readSse(`/sse/transactions/${id}`, (text) => text.includes("settled")));
  });

  it("the WebSockets show nothing else either: native, identiPay, Blockonomics", async () => {
    const { id, address } = await attack.payment(PRIVATE);
    const native = await attack.open("/v1/stream");
    native.send({ type: "subscribe", topic: `payment:${id}` });
    const identipay = await attack.open(`/ws/transactions/${id}`);
    const blockonomics = await attack.open(`/payment/${address}?key=${attack.victim.publishable}`);
    await until("their beginnings", () => native.received.length > 1 && identipay.received.length > 0);
    await attack.server.post("/v1/observations", observation(id, "public-tx"), { key: attack.victim.secret });
    await until("the news everywhere", () =>
      [native, identipay, blockonomics].every(({ received }) => received.some((text) => text.includes("public-tx"))),
    );
    for (const { received } of [native, identipay, blockonomics]) expectNothingPrivate(received.join("\n"));
    // Of an address that stands on the chain for everybody, only what stands there too; above all not the payment's id.
    for (const message of blockonomics.messages) {
      expect(Object.keys(message).sort()).toEqual(["status", "timestamp", "txid", "value"]);
    }
    expect(blockonomics.received.join("")).not.toContain(id);
  });

  it("there is nothing but payments: no merchant's feed, no customer's, no list", async () => {
    for (const path of ["/v1/payments", "/v1/events", "/metrics"]) {
      expect((await attack.server.get(path, { key: null })).status).toBe(401);
    }
    for (const topic of ["merchant:victim", "customer:victim:alice", "reference:victim:order-1"]) {
      expect(await attack.ask(null, { type: "subscribe", topic })).toMatchObject({
        type: "error",
        code: "unauthorized",
      });
    }
  });
});
