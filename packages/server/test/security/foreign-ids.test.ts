/** Another merchant's payment does not exist: no answer, on no wire, differs from that to an id which was never given. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Attack, observation, tellTale } from "./attack.ts";

let attack: Attack;
let foreign: Record<"pending" | "paid" | "cancelled", string>;

beforeAll(async () => {
  attack = await Attack.start();
  const cancelled = (await attack.payment()).id;
  await attack.server.post(`/v1/payments/${cancelled}/cancel`, {}, { key: attack.victim.secret });
  foreign = { pending: (await attack.payment()).id, paid: await attack.paid(), cancelled };
});
afterAll(() => attack.stop());

type Probe = { method: string; path: string; body?: unknown; headers?: Record<string, string> };

/** Good requests and bad ones: which mistake is told first must not depend on whose payment it is. */
const PROBES: Record<string, (id: string) => Probe> = {
  read: (id) => ({ method: "GET", path: `/v1/payments/${id}` }),
  "read with a wrong parameter": (id) => ({ method: "GET", path: `/v1/payments/${id}?x=1` }),
  cancel: (id) => ({ method: "POST", path: `/v1/payments/${id}/cancel` }),
  claim: (id) => ({ method: "POST", path: `/v1/payments/${id}/claim` }),
  deliver: (id) => ({ method: "POST", path: `/v1/payments/${id}/delivery`, body: { to: "delivered" } }),
  "deliver nonsense": (id) => ({ method: "POST", path: `/v1/payments/${id}/delivery`, body: { to: "moon" } }),
  resolve: (id) => ({ method: "POST", path: `/v1/payments/${id}/resolve`, body: { as: "paid" } }),
  "claim with an Idempotency-Key": (id) => ({
    method: "POST",
    path: `/v1/payments/${id}/claim`,
    headers: { "idempotency-key": "once" },
  }),
  erase: (id) => ({ method: "DELETE", path: `/v1/payments/${id}` }),
  observe: (id) => ({ method: "POST", path: "/v1/observations", body: observation(id, "tx") }),
  "observe nonsense": (id) => ({
    method: "POST",
    path: "/v1/observations",
    body: { ...observation(id, "tx"), asset: 1 },
  }),
  "observe another coin": (id) => ({
    method: "POST",
    path: "/v1/observations",
    body: { ...observation(id, "tx"), asset: "OTHER" },
  }),
  events: (id) => ({ method: "GET", path: `/v1/events?paymentId=${id}` }),
  "events behind nonsense": (id) => ({ method: "GET", path: `/v1/events?paymentId=${id}&after=nonsense` }),
  "wait for events": (id) => ({ method: "GET", path: `/v1/events?paymentId=${id}&waitMs=1` }),
  SSE: (id) => ({ method: "GET", path: `/v1/payments/${id}/events` }),
  "SSE behind nonsense": (id) => ({
    method: "GET",
    path: `/v1/payments/${id}/events`,
    headers: { "last-event-id": "nonsense" },
  }),
  "identiPay's status": (id) => ({ method: "GET", path: `/api/identipay/v1/transactions/${id}/status` }),
};

describe.each(Object.entries(PROBES))("%s", (_name, probe) => {
  it.each(["pending", "paid", "cancelled"] as const)("of a foreign payment that is %s", async (state) => {
    const id = foreign[state];
    const unknown = randomUUID();
    for (const key of [attack.attacker.secret, attack.attacker.publishable]) {
      const [{ path, method, ...rest }, never] = [probe(id), probe(unknown)];
      const told = await tellTale(attack.server, method, path, { ...rest, key });
      const expected = await tellTale(attack.server, never.method, never.path, { ...rest, body: never.body, key });
      expect({ ...told, body: told.body.replaceAll(id, "ID") }).toEqual({
        ...expected,
        body: expected.body.replaceAll(unknown, "ID"),
      });
      expect([400, 401, 403, 404]).toContain(told.status);
      // 403 and 401 are about the kind of the key, and come before the id is looked at.
      if (key === attack.attacker.secret) expect([400, 404]).toContain(told.status);
    }
  });
});

describe("the native WebSocket", () => {
  const subscribe = (topic: string, after?: string) => ({ type: "subscribe", topic, ...(after ? { after } : {}) });

  it.each([undefined, "nonsense"])("follows no foreign payment, after %s", async (after) => {
    const unknown = randomUUID();
    for (const id of Object.values(foreign)) {
      for (const key of [attack.attacker.secret, attack.attacker.publishable]) {
        const told = JSON.stringify(await attack.ask(key, subscribe(`payment:${id}`, after))).replaceAll(id, "ID");
        const never = await attack.ask(key, subscribe(`payment:${unknown}`, after));
        expect(told).toBe(JSON.stringify(never).replaceAll(unknown, "ID"));
        expect(never).toMatchObject({ type: "error", code: after ? "invalid_cursor" : "not_found" });
      }
    }
  });

  it.each([
    "merchant:NAME",
    "stock:NAME",
    "customer:NAME:alice",
    "reference:NAME:order-1",
    "address:NAME:ext:address-1",
  ])("follows no foreign %s, and does not say whether there is such a merchant", async (form) => {
    const topic = (merchant: string) => form.replace("NAME", merchant);
    const told = await attack.ask(attack.attacker.secret, subscribe(topic("victim")));
    const never = await attack.ask(attack.attacker.secret, subscribe(topic("nobody")));
    expect(told).toMatchObject({ type: "error", code: "not_found" });
    expect(JSON.stringify(told)).toBe(JSON.stringify(never).replaceAll("nobody", "victim"));
  });
});

describe("what somebody else has done", () => {
  it("does not show in an address that is in use", async () => {
    const { address } = await attack.payment();
    const fields = { amount: "10", asset: "EXT", chain: "ext", address };
    const own = await attack.server.post("/v1/payments", fields, { key: attack.attacker.secret });
    expect(own.status).toBe(201);
  });

  it("does not show under an Idempotency-Key", async () => {
    const headers = { "idempotency-key": "the-same" };
    const body = (address: string) => ({ amount: "10", asset: "EXT", chain: "ext", address });
    const { id } = (await attack.server.post("/v1/payments", body("i-1"), { key: attack.victim.secret, headers })).json;
    const other = await attack.server.post("/v1/payments", body("i-1"), { key: attack.attacker.secret, headers });
    expect([other.status, other.json.id === id, other.headers.get("idempotent-replayed")]).toEqual([201, false, null]);
  });

  it("does not show in lists and feeds of the merchant", async () => {
    const key = attack.attacker.secret;
    const victims = (await attack.server.get("/v1/payments", { key: attack.victim.secret })).json.payments;
    const ids = victims.map(({ id }: { id: string }) => id);
    for (const path of ["/v1/payments", "/v1/payments?reference=order-1", "/v1/events", "/v1/events?limit=1000"]) {
      const { text } = await attack.server.get(path, { key });
      for (const id of ids) expect(text).not.toContain(id);
    }
  });

  it("cannot be paid, nor credited, by an observation for a foreign payment among one's own", async () => {
    const own = await attack.payment({}, attack.attacker.secret);
    const both = [observation(own.id, "mixed"), observation(foreign.pending, "mixed-2")];
    const answer = await attack.server.post("/v1/observations", both, { key: attack.attacker.secret });
    expect(answer.status).toBe(404);
    const read = async (id: string, key: string) =>
      (await attack.server.get(`/v1/payments/${id}`, { key })).json.received;
    expect(await read(own.id, attack.attacker.secret)).toBe("0");
    expect(await read(foreign.pending, attack.victim.secret)).toBe("0");
  });
});
