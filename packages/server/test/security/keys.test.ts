/** Keys: which kind may do what, where they may stand, and of which mode they must be. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { withDatabase } from "../../src/cli/with-database.ts";
import { createKey, keyRow, SANDBOX_PUBLISHABLE_KEY, SANDBOX_SECRET_KEY } from "../../src/http/keys.ts";
import { Refused } from "../../testkit/transport-server.ts";
import { codeOf, TestServer } from "../http/harness.ts";
import { Attack, observation } from "./attack.ts";

let attack: Attack;
let id: string;

beforeAll(async () => {
  attack = await Attack.start();
  ({ id } = await attack.payment());
});
afterAll(() => attack.stop());

async function refusalOf(path: string, headers: Record<string, string> = {}): Promise<Refused> {
  const error = await attack.socket(path, headers).opened.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(Refused);
  return error as Refused;
}

describe("a publishable key", () => {
  const writes: [string, string, unknown][] = [
    ["POST", "/v1/payments", { amount: "10", asset: "EXT", chain: "ext", address: "p" }],
    ["POST", "/v1/payments/ID/cancel", {}],
    ["POST", "/v1/payments/ID/claim", {}],
    ["POST", "/v1/payments/ID/delivery", { to: "delivered" }],
    ["POST", "/v1/payments/ID/resolve", { as: "paid" }],
    ["DELETE", "/v1/payments/ID", undefined],
    ["POST", "/v1/observations", "OBSERVATION"],
    ["POST", "/api/new_address", {}],
    ["POST", "/v1/sandbox/mine", { blocks: 1 }],
  ];

  it.each(writes)("cannot write: %s %s", async (method, path, body) => {
    const sent = body === "OBSERVATION" ? observation(id, "tx") : body;
    const key = attack.victim.publishable;
    const answer = await attack.server.call(method, path.replace("ID", id), { key, body: sent });
    expect(codeOf(answer)).toBe("403 forbidden");
    const unchanged = await attack.server.get(`/v1/payments/${id}`, { key: attack.victim.secret });
    expect(unchanged.json).toMatchObject({ status: "pending", sequence: 1 });
  });

  it("cannot make an identiPay proposal", async () => {
    const answer = await attack.server.post("/api/identipay/v1/proposals", {}, { key: attack.victim.publishable });
    expect([answer.status, answer.json.error.code]).toEqual([401, "UNAUTHORIZED"]);
  });

  it("reads neither lists nor feeds of the merchant", async () => {
    const key = attack.victim.publishable;
    for (const path of ["/v1/payments", "/v1/events", "/metrics"]) {
      expect(codeOf(await attack.server.get(path, { key }))).toBe("403 forbidden");
    }
    const told = await attack.ask(key, { type: "subscribe", topic: "merchant:victim" });
    expect(told).toMatchObject({ type: "error", code: "forbidden" });
  });
});

describe("a secret key in a URL", () => {
  const { secret } = { secret: createKey("secret", "live") };

  it.each(["?key=KEY", "?api_key=KEY", "?x=1&token=KEY", "?key=KEY#x"])(
    "is refused wherever it stands: %s",
    async (query) => {
      for (const key of [attack.victim.secret, secret, SANDBOX_SECRET_KEY]) {
        for (const path of [
          "/v1/payments",
          `/v1/payments/${id}`,
          `/v1/payments/${id}/events`,
          "/healthz",
          "/nothing",
        ]) {
          const answer = await attack.server.get(path + query.replace("KEY", key), { key: null });
          expect(codeOf(answer)).toBe("401 unauthorized");
          expect(answer.json.error.message).toContain("revoke");
          expect(answer.text).not.toContain(key);
        }
      }
    },
  );

  it("is refused with its underscores escaped, and beside a good header", async () => {
    const escaped = attack.victim.secret.replaceAll("_", "%5F");
    const answer = await attack.server.get(`/v1/payments?key=${escaped}`, { key: attack.victim.secret });
    expect(codeOf(answer)).toBe("401 unauthorized");
  });

  it.each(["/v1/stream", "/payment/address-1", `/ws/transactions/${randomUUID()}`])(
    "is refused before the upgrade: %s",
    async (path) => {
      const { status, code, body } = await refusalOf(`${path}?key=${attack.victim.secret}`);
      expect([status, code]).toEqual([401, "unauthorized"]);
      expect(body).not.toContain(attack.victim.secret);
    },
  );
});

describe("a key of the wrong mode", () => {
  it("of the sandbox is refused in live mode on every wire, even where the database has it", async () => {
    await withDatabase(attack.server.config, async ({ merchants }) => {
      const owner = { merchantId: "victim", createdAtMs: 0 };
      await merchants.createKey(keyRow(SANDBOX_SECRET_KEY, { ...owner, kind: "secret" }));
      await merchants.createKey(keyRow(SANDBOX_PUBLISHABLE_KEY, { ...owner, kind: "publishable" }));
    });
    for (const key of [SANDBOX_SECRET_KEY, SANDBOX_PUBLISHABLE_KEY, createKey("secret", "sandbox")]) {
      for (const path of [
        "/v1/payments",
        `/v1/payments/${id}`,
        `/v1/payments/${id}/events`,
        `/v1/events?paymentId=${id}`,
      ]) {
        expect(codeOf(await attack.server.get(path, { key }))).toBe("401 unauthorized");
      }
      const byHeader = await attack.open("/v1/stream", { authorization: `Bearer ${key}` });
      expect(await byHeader.closed).toEqual({ code: 4001, reason: "unauthorized" });
      const byMessage = await attack.open("/v1/stream");
      byMessage.send({ type: "auth", key });
      expect(await byMessage.closed).toEqual({ code: 4001, reason: "unauthorized" });
      expect(byMessage.messages).toMatchObject([{ type: "error", code: "unauthorized" }]);
    }
    const blockonomics = await attack.open(`/payment/address-1?key=${SANDBOX_PUBLISHABLE_KEY}`);
    expect((await blockonomics.closed).code).toBe(4001);
    expect(blockonomics.received).toEqual([]);
  });

  it("of live mode is refused in the sandbox", async () => {
    const sandbox = await TestServer.start();
    expect(codeOf(await sandbox.get("/v1/payments", { key: attack.victim.secret }))).toBe("401 unauthorized");
    await sandbox.stop();
  });
});

it("a wrong key ends the WebSocket, so that keys cannot be tried at the speed of messages", async () => {
  const client = await attack.open("/v1/stream");
  client.send({ type: "auth", key: createKey("secret", "live") });
  client.send({ type: "auth", key: attack.victim.secret });
  expect((await client.closed).code).toBe(4001);
  expect(client.messages.map(({ type }) => type)).toEqual(["error"]);
});

it("live mode has none of the sandbox's controls", async () => {
  const key = attack.victim.secret;
  for (const path of ["pay", "mine", "reorg", "double-spend"]) {
    const body = { paymentId: id, blocks: 1, depth: 1, txId: "tx" };
    const answer = await attack.server.post(`/v1/sandbox/${path}`, body, { key });
    expect([400, 403]).toContain(answer.status);
  }
  expect(codeOf(await attack.server.post("/v1/sandbox/mine", { blocks: 1 }, { key }))).toBe("403 sandbox_only");
  expect((await attack.server.post("/api/test/settle", { transactionId: id }, { key })).status).toBe(404);
  expect((await attack.server.get(`/v1/payments/${id}`, { key })).json.status).toBe("pending");
});
