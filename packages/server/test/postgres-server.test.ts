/** The whole server on PostgreSQL, as `PAYBELL_DATABASE_URL=… npm start` runs it. */
import type { StreamMessage } from "@paybell/protocol";
import { expect, test } from "vitest";
import { WebSocket } from "ws";
import { CommitCutter } from "../testkit/commit-cutter.ts";
import { usePostgres } from "../testkit/postgres.ts";
import { ServerProcess } from "../testkit/server-process.ts";
import { until } from "../testkit/until.ts";

const server = usePostgres();
const KEY = "sk_sandbox_paybell";

async function call(base: string, path: string, body?: object) {
  const response = await fetch(base + path, {
    method: body ? "POST" : "GET",
    headers: { authorization: `Bearer ${KEY}`, "content-type": "application/json" },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  return { status: response.status, json: (await response.json()) as Record<string, unknown> };
}

interface Follower {
  events: () => (readonly [position: string, status: string])[];
  close(): void;
}

async function follow(paybell: ServerProcess, id: string, after?: string): Promise<Follower> {
  const socket = new WebSocket(`${paybell.wsUrl}/v1/stream`);
  const messages: StreamMessage[] = [];
  socket.on("message", (data) => messages.push(JSON.parse(data.toString()) as StreamMessage));
  // The server is killed while this listens.
  socket.on("error", () => undefined);
  await new Promise((resolve) => socket.once("open", resolve));
  socket.send(JSON.stringify({ type: "subscribe", topic: `payment:${id}`, ...(after ? { after } : {}) }));
  await until("subscribed", () => messages.some(({ type }) => type === "subscribed"));
  return {
    events: () =>
      messages.flatMap((message) =>
        message.type === "event" ? [[message.event.position, message.event.data.payment?.status ?? ""] as const] : [],
      ),
    close: () => socket.close(),
  };
}

test("a payment is made, paid and confirmed; a kill -9 and a lost database later its follower has missed nothing", async () => {
  const url = await server().createDatabase();
  const proxy = await CommitCutter.start(server().port);
  const paybell = await ServerProcess.start({ env: { PAYBELL_DATABASE_URL: proxy.through(url) } });
  const made = await call(paybell.url, "/v1/payments", { amount: "1500000", asset: "SBX", chain: "sandbox" });
  expect(made.status).toBe(201);
  const id = made.json.id as string;
  const first = await follow(paybell, id);
  expect((await call(paybell.url, "/v1/sandbox/pay", { paymentId: id })).status).toBe(200);
  await until("it was seen", () => first.events().some(([, status]) => status === "confirming"));

  await paybell.kill9();
  await paybell.restart();
  const after = first.events().at(-1)?.[0] as string;
  const second = await follow(paybell, id, after);
  // The network to the database goes, and comes back.
  proxy.isDown = true;
  proxy.cutAll();
  await until("it is not ready", async () => (await fetch(`${paybell.url}/readyz`)).status === 503);
  proxy.isDown = false;
  await until("it is ready again", async () => (await fetch(`${paybell.url}/readyz`)).status === 200);

  proxy.next.push("unanswered");
  expect((await call(paybell.url, "/v1/sandbox/mine", { blocks: 6 })).status).toBe(200);
  await until("it is final", () => second.events().some(([, status]) => status === "final"));
  const read = await call(paybell.url, `/v1/payments/${id}`);
  expect(read.json).toMatchObject({ status: "final", received: "1500000" });
  const log = (await call(paybell.url, `/v1/events?paymentId=${id}`)).json.events as { position: string }[];
  const heard = [...first.events(), ...second.events()].map(([position]) => position);
  // What came before the first follower was in its snapshot.
  expect(log.map(({ position }) => position).slice(-heard.length)).toEqual(heard);
  second.close();
  await paybell.dispose();
  await proxy.close();
  await server().dropDatabase(url);
}, 120_000);

test("a second server on the database serves what the first does; one in the other mode is refused", async () => {
  const url = await server().createDatabase();
  const first = await ServerProcess.start({ env: { PAYBELL_DATABASE_URL: url } });
  const second = await ServerProcess.start({ env: { PAYBELL_DATABASE_URL: url } });
  const made = await call(first.url, "/v1/payments", { amount: "1500000", asset: "SBX", chain: "sandbox" });
  const id = made.json.id as string;
  expect(await call(second.url, `/v1/payments/${id}`)).toMatchObject({ status: 200, json: { status: "pending" } });
  const follower = await follow(second, id);
  expect((await call(second.url, "/v1/sandbox/pay", { paymentId: id })).status).toBe(200);
  expect((await call(first.url, "/v1/sandbox/mine", { blocks: 6 })).status).toBe(200);
  await until("it is final", () => follower.events().some(([, status]) => status === "final"));
  follower.close();
  const live = ServerProcess.start({ env: { PAYBELL_DATABASE_URL: url, PAYBELL_MODE: "live" } });
  await expect(live).rejects.toThrow("cannot be used in live mode");
  await Promise.all([first.dispose(), second.dispose()]);
  await server().dropDatabase(url);
}, 120_000);
