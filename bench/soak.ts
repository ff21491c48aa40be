/**
 * A soak: payments at a moderate rate for a long time, each followed by three clients that come and go, and what the
 * server holds at the start and at the end: resident memory, descriptors, event-loop delay.
 *
 *   node --conditions=@paybell/source bench/soak.ts --minutes 60 --rate 5
 *
 * Loopback only; ends by itself. Every payment must reach `final` at its clients; one that does not is an error.
 */
import { readdirSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { StreamMessage } from "@paybell/protocol";
import { WebSocket } from "ws";
import { Api } from "../packages/server/testkit/clients/api.ts";
import { ServerProcess } from "../packages/server/testkit/server-process.ts";
import { residentBytes } from "./process-tree.ts";

const { values } = parseArgs({
  options: { minutes: { type: "string", default: "60" }, rate: { type: "string", default: "5" } },
});
const MINUTES = Number(values.minutes);
const PAYMENTS_PER_SECOND = Number(values.rate);
const BLOCK_EVERY_MS = 5_000;
const SAMPLE_EVERY_MS = 60_000;

interface Tally {
  payments: number;
  final: number;
  frames: number;
  errors: string[];
}

const tally: Tally = { payments: 0, final: 0, frames: 0, errors: [] };

/** A native client without a key; leaves when the payment is final. */
function native(server: ServerProcess, paymentId: string): void {
  const socket = new WebSocket(`${server.wsUrl}/v1/stream`);
  socket.on("open", () => socket.send(JSON.stringify({ type: "subscribe", topic: `payment:${paymentId}` })));
  socket.on("message", (data) => {
    tally.frames += 1;
    const message = JSON.parse(String(data)) as StreamMessage;
    if (message.type === "error") tally.errors.push(message.message);
    if (message.type !== "event" || message.event.type !== "payment.finalized") return;
    tally.final += 1;
    socket.close();
  });
  socket.on("error", (error) => tally.errors.push(error.message));
}

/** A client of Blockonomics' document; leaves at status 2. */
function blockonomics(server: ServerProcess, address: string): void {
  const socket = new WebSocket(`${server.wsUrl}/payment/${address}`);
  socket.on("message", (data) => {
    tally.frames += 1;
    if ((JSON.parse(String(data)) as { status: number }).status === 2) socket.close();
  });
  socket.on("error", (error) => tally.errors.push(error.message));
}

/** A client of identiPay's document; leaves without a close frame as soon as it is settled, as a closed tab does. */
function identipay(server: ServerProcess, paymentId: string): void {
  const socket = new WebSocket(`${server.wsUrl}/ws/transactions/${paymentId}`);
  socket.on("message", (data) => {
    tally.frames += 1;
    if ((JSON.parse(String(data)) as { type: string }).type === "settlement") socket.terminate();
  });
  socket.on("error", (error) => tally.errors.push(error.message));
}

async function onePayment(server: ServerProcess, api: Api): Promise<void> {
  const { id, address } = await api.createPayment();
  tally.payments += 1;
  native(server, id);
  if (address) blockonomics(server, address);
  // identiPay allows 50 at once for a merchant: some of the payments only.
  if (tally.payments % 10 === 0) identipay(server, id);
  await delay(Math.random() * 2_000);
  await api.pay(id);
}

async function sample(server: ServerProcess, api: Api): Promise<string> {
  const pid = server.pid ?? 0;
  const metrics = await (await fetch(`${api.url}/metrics`)).text();
  const delaySeconds = /^paybell_event_loop_delay_seconds{quantile="0.99"} (\S+)$/m.exec(metrics)?.[1];
  if (delaySeconds === undefined) throw new Error(`/metrics says nothing of the event loop:\n${metrics}`);
  return [
    `${(residentBytes(pid) / 1e6).toFixed(0)} MB resident`,
    `${readdirSync(`/proc/${pid}/fd`).length} descriptors`,
    `event loop p99 ${(Number(delaySeconds) * 1e3).toFixed(1)} ms`,
    `${tally.payments} payments`,
    `${tally.final} final`,
    `${tally.frames} frames`,
    `${tally.errors.length} errors`,
  ].join(", ");
}

const server = await ServerProcess.start({ env: { PAYBELL_LOG_LEVEL: "error" }, args: ["--quiet"] });
try {
  const api = new Api(server.url);
  const fail = (error: unknown) => tally.errors.push(String(error));
  const endAtMs = Date.now() + MINUTES * 60_000;
  const say = async (when: string) =>
    console.log(`${new Date().toISOString().slice(11, 19)} ${when}: ${await sample(server, api)}`);
  await say("start");
  const mining = setInterval(() => api.mine(1).catch(fail), BLOCK_EVERY_MS);
  const sampling = setInterval(() => say("running").catch(fail), SAMPLE_EVERY_MS);
  while (Date.now() < endAtMs) {
    onePayment(server, api).catch(fail);
    await delay(1_000 / PAYMENTS_PER_SECOND);
  }
  // The last payments become final, their clients leave.
  await delay(8 * BLOCK_EVERY_MS);
  clearInterval(mining);
  clearInterval(sampling);
  await say("end");
  for (const error of new Set(tally.errors)) console.log(`error: ${error}`);
  if (tally.final !== tally.payments || tally.errors.length > 0) process.exitCode = 1;
} finally {
  await server.dispose();
}
