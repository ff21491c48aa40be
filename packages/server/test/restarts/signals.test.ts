/**
 * SIGTERM and what comes after it, on the server that `npm start` runs: it says that it stops, finishes what is under way,
 * sends whoever comes elsewhere, ends with 0 within its bound whatever a client does, and at a second signal at once.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { Api } from "../../testkit/clients/api.ts";
import { BareLine, requestText } from "../../testkit/clients/bare-line.ts";
import { StreamClient } from "../../testkit/clients/cursor-client.ts";
import { type ExitStatus, ServerProcess } from "../../testkit/server-process.ts";
import { handshake } from "../../testkit/transport-server.ts";
import { until } from "../../testkit/until.ts";

const KEY = "sk_sandbox_paybell";
const AUTHORIZED = [`Authorization: Bearer ${KEY}`];
const WELL: ExitStatus = { code: 0, signal: null };
const PAYMENT = JSON.stringify({ amount: "1500000", asset: "SBX", chain: "sandbox" });

/** A machine with much else to do takes long to start a process. */
const PATIENT_TEST = { readyTimeoutMs: 120_000 };
vi.setConfig({ testTimeout: 300_000 });

const toEnd: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const end of toEnd.splice(0).reverse()) await end();
});

async function start(settings: { drainNoticeMs?: number; drainMs?: number; limits?: object } = {}) {
  const dataDir = await mkdtemp(join(tmpdir(), "paybell-signals-"));
  toEnd.push(() => rm(dataDir, { recursive: true, force: true }));
  await writeFile(join(dataDir, "paybell.config.json"), JSON.stringify(settings));
  const server = await ServerProcess.start({ dataDir, ...PATIENT_TEST });
  toEnd.push(() => server.dispose());
  return { server, api: new Api(server.url), signal: () => process.kill(server.pid as number, "SIGTERM") };
}

async function line(server: ServerProcess): Promise<BareLine> {
  const opened = await BareLine.open(server.port);
  if (!opened) throw new Error("The port is closed.");
  toEnd.push(() => opened.socket.destroy());
  return opened;
}

/** So many that telling them takes a while. */
async function followers(server: ServerProcess, paymentId: string, count: number): Promise<void> {
  const topic = `payment:${paymentId}`;
  const clients = Array.from({ length: count }, () => {
    const client = new StreamClient({ wsUrl: server.wsUrl, key: null, topic, after: "" });
    toEnd.push(() => client.stop());
    return client;
  });
  await until("all to be connected", () => clients.every(({ connections }) => connections >= 1));
}

const isPortClosed = (server: ServerProcess) => async () => (await BareLine.open(server.port)) === null;

/** The head of a request for a payment, and half of its body. */
async function halfAPayment(server: ServerProcess): Promise<{ client: BareLine; rest: string }> {
  const client = await line(server);
  const text = requestText("POST", "/v1/payments", AUTHORIZED, PAYMENT);
  client.write(text.slice(0, -20));
  // It has arrived when the next one, on another connection, is answered.
  await (await line(server)).ask(requestText("GET", "/healthz"));
  return { client, rest: text.slice(-20) };
}

test("a payment that is being made at the signal gets its 201, on a connection that ends, and is there afterwards", async () => {
  const { server, signal } = await start();
  const { client, rest } = await halfAPayment(server);
  signal();
  await until("the port to be closed", isPortClosed(server));
  const answer = await client.ask(rest);
  expect([answer.status, answer.headers.connection]).toEqual([201, "close"]);
  expect(await server.exited()).toEqual(WELL);
  await server.restart();
  const { id } = JSON.parse(answer.body) as { id: string };
  expect(await new Api(server.url).payment(id)).toMatchObject({ id, status: "pending" });
});

test("during the notice it says `stopping`, and all else goes on", async () => {
  const { server, api, signal } = await start({ drainNoticeMs: 8_000 });
  signal();
  const ready = await until("the notice", async () => {
    const answer = await fetch(`${server.url}/readyz`);
    return answer.status === 503 && answer;
  });
  expect(await ready.json()).toMatchObject({ status: "stopping", database: "ok" });
  const { id } = await api.createPayment();
  const late = new StreamClient({ wsUrl: server.wsUrl, key: null, topic: `payment:${id}`, after: "" });
  toEnd.push(() => late.stop());
  await until("its connection", () => late.connections >= 1);
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  expect(await server.exited()).toEqual(WELL);
});

test("while clients are told, whoever asks on a line that he kept is answered, and sent elsewhere", async () => {
  const { server, api, signal } = await start({ drainMs: 6_000 });
  const { id } = await api.createPayment();
  await followers(server, id, 40);
  const lines = await Promise.all(Array.from({ length: 6 }, () => line(server)));
  for (const kept of lines) await kept.ask(requestText("GET", "/healthz"));
  const [creating, streaming, polling, upgrading, waiting, socketIo] = lines as [
    BareLine,
    BareLine,
    BareLine,
    BareLine,
    BareLine,
    BareLine,
  ];
  const after = (await api.call<{ next: string }>("GET", "/v1/events")).next;
  const poll = requestText("GET", `/v1/events?waitMs=20000&after=${after}`, AUTHORIZED);
  const waits = waiting.ask(poll);
  signal();
  await until("the port to be closed", isPortClosed(server));

  const made = await creating.ask(requestText("POST", "/v1/payments", AUTHORIZED, PAYMENT));
  expect([made.status, made.headers.connection]).toEqual([201, "close"]);
  // At anything else than a stream, an EventSource would never come back.
  streaming.write(requestText("GET", `/v1/payments/${id}/events`));
  await streaming.closed;
  expect(streaming.received).toContain("text/event-stream");
  expect(streaming.received).toMatch(/retry: 1[0-9]{3}\n\n/);
  const polled = await polling.ask(poll);
  expect([polled.status, polled.headers.connection]).toEqual([200, "close"]);
  const refused = await upgrading.ask(handshake("/v1/stream"));
  expect([refused.status, JSON.parse(refused.body)]).toMatchObject([503, { error: { code: "shutting_down" } }]);
  const noSession = await socketIo.ask(requestText("GET", "/socket.io/?EIO=4&transport=polling"));
  expect([noSession.status, noSession.headers.connection]).toEqual([503, "close"]);

  const early = await waits;
  expect([early.status, early.headers.connection]).toEqual([200, "close"]);
  expect(await server.exited()).toEqual(WELL);
});

test("no client can hold it longer than the bound, and the log says who was cut", async () => {
  const { server, api, signal } = await start({
    drainMs: 0,
    limits: { closeTimeoutMs: 500, bufferedBytes: 100_000_000 },
  });
  const { id } = await api.createPayment();
  const deaf = await Promise.all([line(server), line(server), line(server)]);
  deaf[0]?.write(handshake("/v1/stream"));
  deaf[1]?.write(requestText("GET", `/v1/payments/${id}/events`));
  deaf[2]?.write(handshake(`/ws/transactions/${id}`));
  for (const client of deaf) {
    await until("its answer", () => client.received.includes("\r\n\r\n"));
    client.socket.pause();
  }
  const { client } = await halfAPayment(server);
  client.socket.pause();
  signal();
  expect(await server.exited()).toEqual(WELL);
  expect(server.output).toContain("clients did not leave in time: their connections were cut");
});

test("a drain that takes long says how far it is; a second signal ends it at once", async () => {
  const { server, signal } = await start({ limits: { closeTimeoutMs: 60_000 } });
  await halfAPayment(server);
  signal();
  await until("a word of how far it is", () => server.output.includes("Stopping: waiting for 0 clients and 1 request"));
  signal();
  expect(await server.exited()).toEqual({ code: 143, signal: null });
  expect(server.output).toContain("Ended at once");
});

test("two signals in one moment are one, as npm passes them on", async () => {
  const { server, signal } = await start();
  const { client, rest } = await halfAPayment(server);
  signal();
  signal();
  await until("the port to be closed", isPortClosed(server));
  expect((await client.ask(rest)).status).toBe(201);
  expect(await server.exited()).toEqual(WELL);
});
