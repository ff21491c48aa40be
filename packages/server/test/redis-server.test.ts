/** Whole servers with Redis between them, as `PAYBELL_REDIS_URL=… npm start` runs them. */
import type { StreamMessage } from "@paybell/protocol";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import { usePostgres } from "../testkit/postgres.ts";
import { RedisServer, useRedis } from "../testkit/redis.ts";
import { ServerProcess } from "../testkit/server-process.ts";
import { until } from "../testkit/until.ts";

const KEY = "sk_sandbox_paybell";
const PASSWORD = "p4ss/w@rd";
const postgres = usePostgres();
const redis = useRedis({ password: PASSWORD });

const nodes: ServerProcess[] = [];
let url: string;
beforeAll(async () => {
  url = await postgres().createDatabase();
});
afterAll(async () => {
  await Promise.all(nodes.map((node) => node.dispose()));
});

async function start(env: Record<string, string>): Promise<ServerProcess> {
  const node = await ServerProcess.start({ env: { PAYBELL_LOG_LEVEL: "info", ...env } });
  nodes.push(node);
  return node;
}

async function call(node: ServerProcess, path: string, body?: object) {
  const response = await fetch(node.url + path, {
    method: body ? "POST" : "GET",
    headers: { authorization: `Bearer ${KEY}`, "content-type": "application/json" },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  return (await response.json()) as Record<string, unknown>;
}

const metric = async (node: ServerProcess, name: string) => {
  const text = await (await fetch(`${node.url}/metrics`)).text();
  return Number(text.match(new RegExp(`^${name.replace(/[{}]/g, "\\$&")} (\\S+)$`, "m"))?.[1]);
};
const bus = async (node: ServerProcess) => (await call(node, "/readyz")).bus;
const make = async (node: ServerProcess) =>
  (await call(node, "/v1/payments", { amount: "1500000", asset: "SBX", chain: "sandbox" })).id as string;

/** Types of the payment's events, as a browser hears them. */
async function follow(node: ServerProcess, id: string): Promise<string[]> {
  const socket = new WebSocket(`${node.wsUrl}/v1/stream`);
  const messages: StreamMessage[] = [];
  const types: string[] = [];
  socket.on("message", (data) => {
    const message = JSON.parse(data.toString()) as StreamMessage;
    messages.push(message);
    if (message.type === "event") types.push(message.event.type);
  });
  await new Promise((resolve) => socket.once("open", resolve));
  socket.send(JSON.stringify({ type: "subscribe", topic: `payment:${id}` }));
  await until("subscribed", () => messages.some(({ type }) => type === "subscribed"));
  return types;
}

test("what happens on one node is heard on the other; without Redis it is said, and goes on; nobody learns the password", async () => {
  await redis().crash();
  const env = { PAYBELL_DATABASE_URL: url, PAYBELL_REDIS_URL: redis().url };
  const [one, two] = [await start(env), await start(env)];
  expect(await call(one, "/readyz")).toMatchObject({ status: "degraded", bus: "failed", database: "ok" });
  expect(await metric(one, "paybell_bus_connected")).toBe(0);
  await until("it is said", () => nodes.every(({ output }) => output.includes("Redis cannot be used")));
  const first = await make(one);
  const early = await follow(two, first);
  await call(one, `/v1/payments/${first}/cancel`, {});
  await until("it is heard by the database", () => early.includes("payment.cancelled"));

  await redis().restart();
  await until("both reach it", async () => (await bus(one)) === "ok" && (await bus(two)) === "ok");
  for (const { output } of nodes) expect(output).toContain("Redis carries events between the nodes");
  expect(await metric(one, "paybell_bus_connected")).toBe(1);
  const received = 'paybell_bus_messages_total{fate="received"}';
  const before = await metric(two, received);
  const second = await make(one);
  const late = await follow(two, second);
  await call(one, `/v1/payments/${second}/cancel`, {});
  await until("it is heard", () => late.includes("payment.cancelled"));
  await until("it came by Redis", async () => (await metric(two, received)) >= before + 2);
  expect(await metric(one, 'paybell_bus_messages_total{fate="sent"}')).toBeGreaterThanOrEqual(2);
  expect(await metric(one, 'paybell_bus_messages_total{fate="unsent"}')).toBeGreaterThanOrEqual(2);

  for (const { output } of nodes) expect(output).not.toContain("p4ss");
}, 120_000);

test("over TLS, with a certificate that the process was told to trust", async () => {
  const secret = await RedisServer.start({ tls: true });
  expect(secret.url).toMatch(/^rediss:/);
  const database = await postgres().createDatabase();
  const env = { PAYBELL_DATABASE_URL: database, PAYBELL_REDIS_URL: secret.url };
  const trusting = await start({ ...env, NODE_EXTRA_CA_CERTS: secret.certFile });
  await until("it reaches it", async () => (await bus(trusting)) === "ok");
  const wary = await start(env);
  expect(await bus(wary)).toBe("failed");
  await until("it says why", () => /self-signed|self signed/.test(wary.output));
  await secret.stop();
}, 120_000);

test("beside SQLite it is refused, with what to do", async () => {
  const lone = ServerProcess.start({ env: { PAYBELL_REDIS_URL: redis().url } });
  await expect(lone).rejects.toThrow(/PAYBELL_REDIS_URL[\s\S]*PAYBELL_DATABASE_URL/);
});
