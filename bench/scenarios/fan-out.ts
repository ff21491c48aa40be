/** One event to very many clients: what it costs to be a server, beside a loop of `write` and beside its peers. */
import { counting, frameSample, SECONDS_MAX, warmUp } from "../frame-count.ts";
import {
  type Generator,
  type HttpLoadResult,
  httpload,
  type WsLoadOptions,
  type WsLoadResult,
  wsload,
} from "../generators.ts";
import { AUTHORIZATION, nativeTargets, observationItems, type Paybell, withPaybell } from "../paybell.ts";
import { processorUs } from "../process-tree.ts";
import { type Reference, type ReferenceName, startReference, startWriteLoop } from "../reference.ts";
import { mustHold, type Plan, type Sample, type Scenario, scenario } from "../scenario.ts";

interface FanOutSize extends Record<string, number> {
  rounds: number;
  clients: number;
  /** Frames to each client that are timed; a quarter as many come before, as warm-up. */
  frames: number;
}

/** Observations in one request: as a watcher reports a block. */
const BATCH = 20;
/** Of a frame with 126 to 65,535 bytes of payload. */
const FRAME_HEAD_BYTES = 4;

export const fanOut1000 = fanOut(1_000, 1_000, "at least 0.75 of the C loop, at least 1.7 × Socket.IO's room emit");
export const fanOut10000 = fanOut(10_000, 100, null);

function fanOut(clients: number, frames: number, goal: string | null): Scenario {
  return scenario<FanOutSize>({
    name: `fan-out-${clients}`,
    title: `Fan-out to ${clients.toLocaleString("en-GB")} WebSocket clients`,
    about: [
      "Every client follows one payment; each of its events becomes one frame to each of them. Paybell's events come in",
      "over HTTP, are decided and committed to disk, and each is a JSON event of the native protocol; the others send",
      "payloads of the same size, made once, from a loop. The first fifth of the frames is warm-up.",
    ].join("\n"),
    unit: "frames/s",
    better: "higher",
    goal,
    size: { rounds: 5, clients, frames },
    small: { rounds: 1, clients: 50, frames: 200 },
    plan,
  });
}

async function plan(size: FanOutSize): Promise<Plan> {
  // A short run first: the others send frames as large as Paybell's turn out to be.
  const probe = await paybellRun({ ...size, clients: Math.min(size.clients, 50), frames: 200 });
  const bytes = Math.round((probe.details["bytes/frame"] ?? 0) - FRAME_HEAD_BYTES);
  const reference = (name: ReferenceName, load: Partial<WsLoadOptions> = {}) => ({
    name,
    run: () => referenceRun(size, load, (options) => startReference(name, { ...options, bytes })),
  });
  return {
    subjects: [
      { name: "paybell", run: () => paybellRun(size) },
      { name: "C write loop", run: () => referenceRun(size, {}, (options) => startWriteLoop({ ...options, bytes })) },
      reference("ws-shared-frame"),
      reference("ws-send"),
      reference("socketio-room", { dialect: "socketio", path: "/socket.io/?EIO=4&transport=websocket" }),
    ],
  };
}

function paybellRun(size: FanOutSize): Promise<Sample> {
  return withPaybell(async (paybell) => {
    const [id = ""] = await paybell.createStanding(1);
    const targets = nativeTargets([`payment:${id}`]);
    const clients = wsload({ port: paybell.port, targets, ready: '"snapshot"', match: '"event"', ...counting(size) });
    try {
      await clients.ready();
      const before = processorUs(paybell.pid);
      const result = await feed(paybell, id, clients);
      return frameSample(size, result, processorUs(paybell.pid) - before);
    } finally {
      await clients.stop();
    }
  });
}

/** Observations for as long as the clients count. */
async function feed(paybell: Paybell, id: string, clients: Generator<WsLoadResult>): Promise<WsLoadResult> {
  const source = httpload({
    port: paybell.port,
    path: "/v1/observations",
    header: AUTHORIZATION,
    items: observationItems([id]),
    batch: BATCH,
    connections: 2,
    seconds: SECONDS_MAX,
  });
  try {
    const result = await clients.result();
    const fed: HttpLoadResult = await source.finish();
    mustHold(fed.failed === 0, `Paybell refused observations: ${fed.firstFailure}`);
    return result;
  } finally {
    await source.stop();
  }
}

async function referenceRun(
  size: FanOutSize,
  load: Partial<WsLoadOptions>,
  start: (options: { connections: number; rounds: number }) => Promise<Reference>,
): Promise<Sample> {
  // A few frames more than are counted, so that the last counted one is not the last one sent.
  const server = await start({ connections: size.clients, rounds: size.frames + warmUp(size) + 10 });
  try {
    const before = processorUs(server.pid);
    const result = await wsload({ port: server.port, ...counting(size), ...load }).result();
    return frameSample(size, result, processorUs(server.pid) - before);
  } finally {
    await server.stop();
  }
}
