/** Observations posted, frames counted: what the scenarios about events share. */
import { setTimeout as delay } from "node:timers/promises";
import {
  type HttpLoadOptions,
  type HttpLoadResult,
  httpload,
  type WsLoadOptions,
  type WsLoadResult,
  wsload,
} from "./generators.ts";
import { AUTHORIZATION, STAMP } from "./paybell.ts";
import { processorUs } from "./process-tree.ts";
import { mustHold, type Sample } from "./scenario.ts";

export interface Posting {
  /** `--items` of httpload. */
  items: string;
  /** Observations in a request; 0: one, not in an array. */
  batch: number;
  /** Requests under way. */
  requests: number;
  /** Requests a second; 0: as many as are answered. */
  rate: number;
  seconds: number;
}

export interface Flow {
  /** Of the server, for one observation: deciding, storing, telling. */
  processorUs: number;
  frames: WsLoadResult;
  posted: HttpLoadResult;
}

/** Posted before the measured run, as fast as they are answered, with clients that listen. A server runs for weeks, and
 * V8 compiles what it does in its first 20,000 events: seen at 2,500 a second, that alone doubled what an event costs. */
const WARM_UP_EVENTS = 20_000;
const WARM_UP_SECONDS_MAX = 10;
/** Of the measured run, so much is left out as well: the clients are new. */
const SKIPPED_SECONDS = 0.2;
/** An answer may be a little ahead of the frame. */
const LAST_FRAMES_MS = 300;
const CLIENTS_SECONDS_MAX = 600;

/** Every observation becomes one frame at one of the clients. Throws when one did not. */
export async function measureFlow(posting: Posting, serverPid: number, load: WsLoadOptions): Promise<Flow> {
  const { items, batch, requests, rate, seconds } = posting;
  const { port } = load;
  const post = { port, path: "/v1/observations", header: AUTHORIZATION, items, batch, connections: requests, rate };
  const warm = await warmUp(posting, { ...post, rate: 0 }, load);
  const skip = Math.ceil((rate || warm.requestsPerSecond) * Math.max(1, batch) * SKIPPED_SECONDS);
  const clients = wsload({ ...load, stamp: STAMP, skip, seconds: CLIENTS_SECONDS_MAX });
  try {
    await clients.ready();
    const before = processorUs(serverPid);
    const posted = await httpload({ ...post, seconds, first: warm.items }).result();
    await delay(LAST_FRAMES_MS);
    const used = processorUs(serverPid) - before;
    const frames = await clients.finish();
    mustHold(posted.failed === 0, `observations were refused: ${posted.firstFailure}`);
    mustHold(frames.closed === 0, `${frames.closed} clients were cut off: ${frames.firstCloseReason}`);
    mustHold(frames.frames >= posted.items, `${posted.items} observations became only ${frames.frames} frames`);
    return { frames, posted, processorUs: used / posted.items };
  } finally {
    await clients.stop();
  }
}

async function warmUp(
  { batch, seconds }: Posting,
  post: HttpLoadOptions,
  load: WsLoadOptions,
): Promise<HttpLoadResult> {
  const clients = wsload({ ...load, seconds: CLIENTS_SECONDS_MAX });
  try {
    await clients.ready();
    const requests = Math.ceil(WARM_UP_EVENTS / Math.max(1, batch));
    return await httpload({ ...post, requests, seconds: Math.min(seconds, WARM_UP_SECONDS_MAX) }).result();
  } finally {
    await clients.stop();
  }
}

export function flowDetails({ frames, posted, processorUs }: Flow): Sample["details"] {
  return {
    "p50 ms": (frames.latencyUs?.p50 ?? Number.NaN) / 1_000,
    "p99 ms": (frames.latencyUs?.p99 ?? Number.NaN) / 1_000,
    "server CPU µs/event": processorUs,
    "requests/s": posted.requestsPerSecond,
    "answer p99 ms": (posted.latencyUs?.p99 ?? Number.NaN) / 1_000,
    "generator CPU": frames.cpuShare + posted.cpuShare,
  };
}
