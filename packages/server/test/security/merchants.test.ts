/**
 * Wires without a key find their merchant by the host name, a publishable key, as the only one there is, or as the only
 * one with a payment on the address; what stays ambiguous is refused, and nobody gets to hear of somebody else.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TestClient } from "../../testkit/transport-server.ts";
import { until } from "../../testkit/until.ts";
import { Attack, observation, type Shop } from "./attack.ts";

let attack: Attack;

beforeAll(async () => {
  attack = await Attack.start({}, { hosts: { "victim.example": "victim", "attacker.example": "attacker" } });
});
afterAll(() => attack.stop());

const follow = (address: string, host: string, query = "") => attack.open(`/payment/${address}${query}`, { host });

/** Both merchants wait for money on the same address, which the attacker has copied from the victim's page. */
async function onOneAddress(address: string): Promise<{ pay: (shop: Shop, txId: string) => Promise<void> }> {
  const ids = new Map<string, string>();
  for (const shop of [attack.victim, attack.attacker]) {
    ids.set(shop.id, (await attack.payment({ address }, shop.secret)).id);
  }
  return {
    pay: async (shop, txId) => {
      const body = observation(ids.get(shop.id) as string, txId);
      const answer = await attack.server.post("/v1/observations", body, { key: shop.secret });
      expect(answer.status).toBe(200);
    },
  };
}

const txIds = (client: TestClient) => client.messages.map(({ txid }) => txid);

describe("on an address that two merchants have", () => {
  it("the host name decides whose payments are told", async () => {
    const { pay } = await onOneAddress("shared-1");
    const [ofVictim, ofAttacker] = [
      await follow("shared-1", "victim.example"),
      await follow("shared-1", "Attacker.Example:8000"),
    ];
    await pay(attack.victim, "to-victim");
    await pay(attack.attacker, "to-attacker");
    await until("both", () => ofVictim.received.length > 0 && ofAttacker.received.length > 0);
    expect([txIds(ofVictim), txIds(ofAttacker)]).toEqual([["to-victim"], ["to-attacker"]]);
  });

  it("a publishable key decides where the host does not, and cannot overrule it", async () => {
    const { pay } = await onOneAddress("shared-2");
    const byKey = await follow("shared-2", "other.example", `?key=${attack.victim.publishable}`);
    const foreign = await follow("shared-2", "attacker.example", `?key=${attack.victim.publishable}`);
    expect((await foreign.closed).code).toBe(4001);
    await pay(attack.attacker, "to-attacker-2");
    await pay(attack.victim, "to-victim-2");
    await until("the payment", () => byKey.received.length > 0);
    expect([txIds(byKey), foreign.received]).toEqual([["to-victim-2"], []]);
  });

  it("without either it is refused, silently", async () => {
    await onOneAddress("shared-3");
    const client = await follow("shared-3", "other.example");
    expect((await client.closed).code).toBe(4000);
    expect(client.received).toEqual([]);
  });

  it("an unknown key is refused, although the address alone would do", async () => {
    await attack.payment({ address: "single-1" });
    const client = await follow("single-1", "other.example", "?key=pk_live_unknown");
    expect((await client.closed).code).toBe(4001);
  });
});

it("on an address that one merchant has, that merchant is meant", async () => {
  const { id } = await attack.payment({ address: "single-2" });
  const client = await follow("single-2", "other.example");
  await attack.server.post("/v1/observations", observation(id, "to-the-only-one"), { key: attack.victim.secret });
  await until("the payment", () => client.received.length > 0);
  expect(txIds(client)).toEqual(["to-the-only-one"]);
});

it("an address that nobody has is as silent as one that waits: nothing tells which are in use", async () => {
  await attack.payment({ address: "waits" });
  const clients = [await follow("waits", "victim.example"), await follow("never-seen", "victim.example")];
  for (const client of clients) client.send("?");
  // The answer to a ping comes after everything that would have been said before it.
  await Promise.all(clients.map((client) => new Promise((resolve) => client.ws.once("pong", resolve).ping())));
  expect(clients.map(({ received, ws }) => [received, ws.readyState])).toEqual([
    [[], 1],
    [[], 1],
  ]);
});
