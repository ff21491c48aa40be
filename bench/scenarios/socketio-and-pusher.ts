/** Clients of Socket.IO and of Pusher on one server: what each costs in memory, and how fast all of a kind are told. */

import { setTimeout as delay } from "node:timers/promises";
import { counting, frameSample, SECONDS_MAX, warmUp } from "../frame-count.ts";
import { type Generator, httpload, type WsLoadOptions, type WsLoadResult, wsload } from "../generators.ts";
import { AUTHORIZATION, type Paybell, withPaybell } from "../paybell.ts";
import { processorUs, residentBytes } from "../process-tree.ts";
import { startReference } from "../reference.ts";
import { mustHold, type Plan, type Sample, scenario } from "../scenario.ts";
import { linesFile } from "../temporary.ts";

interface CrowdSize extends Record<string, number> {
  rounds: number;
  /** Of each kind. */
  clients: number;
  /** Frames to each client that are timed; a quarter as many come before, as warm-up. */
  frames: number;
  /** Seconds of quiet before memory is read. */
  quiet: number;
}

const PUBLISHABLE_KEY = "pk_sandbox_paybell";
const TRACKING_ID = "bench";
/** They come and go first, so that code and buffers that the first clients need are not counted. */
const FIRST_CLIENTS = 500;
/** Of a WebSocket frame, and of an Engine.IO message that is an event. */
const FRAME_HEAD_BYTES = 4;

type Load = Pick<WsLoadOptions, "targets" | "dialect" | "ready" | "match">;

const socketIoClients = (): Load => ({
  dialect: "socketio",
  targets: linesFile([
    `/ws/v1/?EIO=4&transport=websocket\t42${JSON.stringify(["subscribe", { trackingId: TRACKING_ID }])}`,
  ]),
  ready: "Subscribed to",
  match: "payment_notification",
});

const pusherClients = (): Load => ({
  targets: linesFile([
    `/app/paybell?protocol=7&client=js&version=8.6.0\t${JSON.stringify({ event: "pusher:subscribe", data: { channel: PUBLISHABLE_KEY } })}`,
  ]),
  ready: "subscription_succeeded",
  match: "ORDER_CREATED",
});

export const socketIoAndPusher = scenario<CrowdSize>({
  name: "socketio-and-pusher",
  title: "5,000 Socket.IO and 5,000 Pusher clients on one server",
  about: [
    "Both kinds are connected at the same time. First every Socket.IO client hears of each payment under one tracking id,",
    "then every Pusher client of each new order, as a signed token. Paybell's events come in over HTTP and are committed",
    "to disk; the bare Socket.IO server emits payloads of the same size to a room from a loop, and has no other clients.",
    "Memory is the growth of the resident set for each client of that kind.",
  ].join("\n"),
  unit: "frames/s",
  better: "higher",
  goal: null,
  size: { rounds: 3, clients: 5_000, frames: 200, quiet: 5 },
  small: { rounds: 1, clients: 100, frames: 40, quiet: 1 },
  plan,
});

async function plan(size: CrowdSize): Promise<Plan> {
  const probe = await crowd({ ...size, clients: 50, frames: 20, quiet: 0 }, "socketio");
  const bytes = Math.round((probe.details["bytes/frame"] ?? 0) - FRAME_HEAD_BYTES);
  return {
    subjects: [
      { name: "paybell, Socket.IO", run: () => crowd(size, "socketio") },
      { name: "paybell, Pusher", run: () => crowd(size, "pusher") },
      { name: "bare Socket.IO, room emit", run: () => bare(size, bytes) },
    ],
  };
}

/** All clients of both kinds come; those of one kind are told and counted. */
function crowd(size: CrowdSize, told: "socketio" | "pusher"): Promise<Sample> {
  return withPaybell(async (paybell) => {
    const payment = await paybell.post<{ id: string }>("/v1/payments", {
      ...{ amount: null, asset: "SBX", chain: "sandbox", reference: TRACKING_ID },
    });
    const kinds = { socketio: socketIoClients(), pusher: pusherClients() };
    for (const load of Object.values(kinds)) await comeAndGo(size, paybell.port, load);
    const idle = told === "socketio" ? kinds.pusher : kinds.socketio;
    const others = wsload({ port: paybell.port, connections: size.clients, seconds: SECONDS_MAX, ...idle });
    try {
      await others.ready();
      await delay(size.quiet * 1_000);
      const before = residentBytes(paybell.pid);
      const clients = wsload({ port: paybell.port, ...kinds[told], ...counting(size) });
      try {
        await clients.ready();
        await delay(size.quiet * 1_000);
        const bytesPerClient = (residentBytes(paybell.pid) - before) / size.clients;
        const usedBefore = processorUs(paybell.pid);
        const result = await feed(paybell, told === "socketio" ? toOne(payment.id) : newOrders(), clients);
        return frameSample(size, result, processorUs(paybell.pid) - usedBefore, { "bytes/client": bytesPerClient });
      } finally {
        await clients.stop();
      }
    } finally {
      await others.stop();
    }
  });
}

async function comeAndGo({ clients, quiet }: CrowdSize, port: number, load: Load): Promise<void> {
  await wsload({ port, ...load, connections: Math.min(FIRST_CLIENTS, clients), seconds: 1 }).result();
  await delay(quiet * 1_000);
}

interface Feed {
  path: string;
  items: string;
}

/** Each is a payment of its own to those who follow the tracking id. */
function toOne(paymentId: string): Feed {
  const observation = {
    ...{ paymentId, txId: "bench-{now}-{n}", index: "0", asset: "SBX", amount: "1000000" },
    ...{ status: "included", confirmations: 2, blockHash: "bench", blockHeight: 1 },
  };
  return { path: "/v1/observations", items: linesFile([JSON.stringify(observation)]) };
}

function newOrders(): Feed {
  return { path: "/v1/payments", items: linesFile([JSON.stringify({ amount: "1", asset: "SBX", chain: "sandbox" })]) };
}

/** For as long as the clients count. */
async function feed(paybell: Paybell, what: Feed, clients: Generator<WsLoadResult>): Promise<WsLoadResult> {
  const { port } = paybell;
  const source = httpload({ port, header: AUTHORIZATION, connections: 4, seconds: SECONDS_MAX, ...what });
  try {
    const result = await clients.result();
    const fed = await source.finish();
    mustHold(fed.failed === 0, `Paybell refused: ${fed.firstFailure}`);
    return result;
  } finally {
    await source.stop();
  }
}

async function bare(size: CrowdSize, bytes: number): Promise<Sample> {
  const load: Load & { path: string } = { dialect: "socketio", path: "/socket.io/?EIO=4&transport=websocket" };
  const bytesPerClient = await bareMemory(size, load);
  const server = await startReference("socketio-room", {
    connections: size.clients,
    rounds: size.frames + warmUp(size) + 10,
    bytes,
  });
  try {
    const before = processorUs(server.pid);
    const result = await wsload({ port: server.port, ...load, ...counting(size) }).result();
    return frameSample(size, result, processorUs(server.pid) - before, { "bytes/client": bytesPerClient });
  } finally {
    await server.stop();
  }
}

async function bareMemory(size: CrowdSize, load: Load & { path: string }): Promise<number> {
  const server = await startReference("socketio-room");
  try {
    await comeAndGo(size, server.port, load);
    const before = residentBytes(server.pid);
    const clients = wsload({ port: server.port, ...load, connections: size.clients, seconds: SECONDS_MAX });
    try {
      await clients.ready();
      await delay(size.quiet * 1_000);
      return (residentBytes(server.pid) - before) / size.clients;
    } finally {
      await clients.stop();
    }
  } finally {
    await server.stop();
  }
}
