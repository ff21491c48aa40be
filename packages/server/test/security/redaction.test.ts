/**
 * Logs go to many places. Neither good traffic nor attacks nor failures leave a payment's id, a key, an address, a
 * customer or a reference in them; nor does the live tail of a live server.
 */
import { randomUUID } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, describe, expect, it } from "vitest";
import { createLogger } from "../../src/cli/logger.ts";
import { runProgram } from "../../src/cli/program.ts";
import { createKey } from "../../src/http/keys.ts";
import { Api } from "../../testkit/clients/api.ts";
import { ServerProcess } from "../../testkit/server-process.ts";
import { until } from "../../testkit/until.ts";
import { Attack, CHAINS, observation } from "./attack.ts";

const BUYER = {
  address: "addr-confidential-1",
  reference: "ref-confidential-2",
  customer: "customer-confidential-3",
  metadata: { note: "note-confidential-4" },
};
const WORDS = ["confidential", "203.0.113.99"];

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

function expectClean(log: string, secrets: readonly string[]): void {
  expect(log).not.toBe("");
  for (const secret of [...WORDS, ...secrets]) expect(log.toLowerCase()).not.toContain(secret.toLowerCase());
}

/** What clients do all day, on every wire, right and wrong. Returns the id of the payment. */
async function traffic(attack: Attack): Promise<string> {
  const { server, victim } = attack;
  const key = victim.secret;
  const headers = { "x-forwarded-for": "203.0.113.99", origin: "https://confidential.example" };
  const { id } = await attack.payment(BUYER);
  for (const path of [
    `/v1/payments/${id}`,
    `/v1/events?paymentId=${id}`,
    `/nothing/${id}`,
    `/v1/payments/${id}/nothing`,
  ]) {
    for (const given of [key, null, victim.publishable, "sk_live_confidential"]) {
      await server.get(path, { key: given, headers });
    }
  }
  await server.get(`/v1/payments?reference=${BUYER.reference}&customer=${BUYER.customer}`, { key });
  await server.get(`/v1/payments?key=${key}`, { key: null });
  await server.post("/v1/payments", { ...BUYER, amount: 1 }, { key });
  await server.post("/v1/payments", `{"reference":"${BUYER.reference}", oops`, { key });
  await server.post("/v1/payments", { amount: "1", asset: "EXT", chain: "ext", address: BUYER.address }, { key });
  await server.post(`/v1/payments/${id}/delivery`, { to: "delivered" }, { key });
  const native = await attack.open("/v1/stream", { authorization: `Bearer ${key}` });
  for (const topic of [
    `payment:${id}`,
    `customer:victim:${BUYER.customer}`,
    `reference:attacker:${BUYER.reference}`,
    id,
  ]) {
    native.send({ type: "subscribe", topic });
  }
  native.send(`{"key":"${key}", oops`);
  const wrongKey = await attack.open("/v1/stream");
  wrongKey.send({ type: "auth", key: attack.attacker.secret.replace(/.$/, "!") });
  await attack.open(`/payment/${BUYER.address}?key=${victim.publishable}`);
  await attack.open(`/ws/transactions/${id}`);
  await server.get(`/api/identipay/v1/transactions/${id}/status`, { key });
  await server.post("/v1/observations", observation(id, "tx-confidential"), { key });
  await until("the payment on the stream", () => native.received.some((text) => text.includes("payment.paid")));
  await wrongKey.closed;
  return id;
}

describe("the log of a live server", () => {
  it("has nothing confidential in it, whatever clients send", async () => {
    const attack = await Attack.start({ PAYBELL_LOG_LEVEL: "trace", PAYBELL_TRUST_PROXY: "127.0.0.1" });
    ends.push(() => attack.stop());
    const id = await traffic(attack);
    const { victim, attacker, log } = {
      ...attack,
      log: attack.server.log,
      victim: attack.victim,
      attacker: attack.attacker,
    };
    expect(log).toContain('"route":"/v1/payments/:id"');
    expectClean(log, [id, victim.secret, victim.publishable, attacker.secret]);
  });

  it("has nothing confidential in it when the database fails either", async () => {
    const attack = await Attack.start({ PAYBELL_LOG_LEVEL: "trace" });
    ends.push(() => attack.stop());
    const key = attack.victim.secret;
    const { id } = await attack.payment(BUYER);
    const breaking = new DatabaseSync(join(attack.server.config.dataDir, "paybell.db"));
    breaking.exec("ALTER TABLE transfers RENAME TO transfers_elsewhere");
    breaking.close();
    expect((await attack.server.get(`/v1/payments/${id}`, { key })).status).toBeGreaterThanOrEqual(500);
    expect(
      (await attack.server.post("/v1/observations", observation(id, "tx-confidential"), { key })).status,
    ).toBeGreaterThanOrEqual(500);
    const native = await attack.open("/v1/stream");
    native.send({ type: "subscribe", topic: `payment:${id}` });
    const identipay = await attack.open(`/ws/transactions/${id}`);
    expect([1011, 1013]).toContain((await identipay.closed).code);
    await until("the refusal", () => native.messages[0]?.type === "error");
    const blockonomics = await attack.open(`/payment/${BUYER.address}?key=${attack.victim.publishable}`);
    expect([1011, 1013]).toContain((await blockonomics.closed).code);
    expect(attack.server.log).toContain("no such table");
    expectClean(attack.server.log, [id, key, attack.victim.publishable]);
  });

  it("loses ids and keys that an error's message brings along", () => {
    const lines: string[] = [];
    const logger = createLogger("info", { write: (line) => void lines.push(line) });
    const [id, secret, publishable] = [randomUUID(), createKey("secret", "live"), createKey("publishable", "sandbox")];
    logger.error(
      { err: new Error(`payment ${id} of ${secret}`), headers: { authorization: `Bearer ${secret}` } },
      publishable,
    );
    expectClean(lines.join(""), [id, secret, publishable]);
    expect(lines.join("")).toContain("sk_live_[redacted]");
  });
});

describe("the live tail of a live server", () => {
  it("shows that something happens, and not to whom", async () => {
    const dataDir = await mkdtemp(join(tmpdir(), "paybell-tail-"));
    ends.push(() => rm(dataDir, { recursive: true }));
    writeFileSync(join(dataDir, "paybell.config.json"), JSON.stringify({ mode: "live", dataDir: ".", chains: CHAINS }));
    const key = await shopWithKey(dataDir);
    const server = await ServerProcess.start({ dataDir, env: { PAYBELL_MODE: "live", PAYBELL_LOG_LEVEL: "trace" } });
    ends.push(() => server.dispose());
    const api = new Api(server.url, key);
    const { id } = await api.call<{ id: string }>("POST", "/v1/payments", {
      amount: "10",
      asset: "EXT",
      chain: "ext",
      ...BUYER,
    });
    await api.call("POST", "/v1/observations", observation(id, "tx-confidential"));
    await until("the payment in the tail", () => server.output.includes("payment.paid"));
    expect(server.output).toMatch(/payment\.paid +#[0-9a-f]{6} +10 EXT/);
    expectClean(server.output, [id, key, id.slice(0, 8)]);
    await server.stop();
    expect(readFileSync(join(dataDir, "paybell.db"), "latin1")).not.toContain(key);
  });
});

/** As an operator makes them, on the command line. Returns the secret key. */
async function shopWithKey(cwd: string): Promise<string> {
  const out: string[] = [];
  const io = { out: (text: string) => out.push(text), err: () => undefined, environment: {}, cwd, colours: false };
  expect(await runProgram(["merchants", "create", "Shop"], io, "0")).toBe(0);
  expect(await runProgram(["keys", "create", "shop"], io, "0")).toBe(0);
  return (out.at(-1) as string).trim();
}
