/** A client that comes back after a million events, and a thousand that never left. */
import { setTimeout as delay } from "node:timers/promises";
import { httpload, type WsLoadResult, wsload } from "../generators.ts";
import { AUTHORIZATION, MERCHANT_TOPIC, nativeTargets, observationItems, Paybell, STAMP } from "../paybell.ts";
import { startWriteLoop } from "../reference.ts";
import { mustHold, type Plan, type Sample, scenario } from "../scenario.ts";

interface ReplaySize extends Record<string, number> {
  rounds: number;
  records: number;
  /** Clients that follow live meanwhile. */
  tail: number;
  /** Events a second that they follow. */
  rate: number;
}

interface Prepared {
  paybell: Paybell;
  ids: readonly string[];
  /** Before the records that are replayed. */
  from: string;
}

const PAYMENTS = 100;
const BATCH = 1_000;
const SECONDS_MAX = 3_600;
const TAIL_ALONE_MS = 5_000;
/** A merchant's event, about; only the C loop needs to know. */
const FRAME_BYTES = 930;

export const replay = scenario<ReplaySize>({
  name: "replay",
  title: "A log of 1,000,000 records replayed to one client, and tailed by 1,000",
  about: [
    "One client subscribes to all events of its merchant with a cursor from before them and receives every record as a",
    "frame, in order, read from the database in pages; then the same while 1,000 others follow live events. `tail p99` is",
    "their latency from HTTP to frame meanwhile, `tail p99 before` without the replay.",
  ].join("\n"),
  unit: "frames/s",
  better: "higher",
  goal: null,
  size: { rounds: 3, records: 1_000_000, tail: 1_000, rate: 20 },
  small: { rounds: 1, records: 5_000, tail: 20, rate: 20 },
  plan,
});

async function plan(size: ReplaySize): Promise<Plan> {
  const paybell = await Paybell.start();
  try {
    const prepared = await fill(paybell, size);
    const name = size.records.toLocaleString("en-GB");
    return {
      dispose: () => paybell.stop(),
      subjects: [
        { name: `${name} records to one client`, run: async () => sampleOf(await replayed(prepared, size), {}) },
        { name: `the same, ${size.tail} others following`, run: () => replayedBesideTail(prepared, size) },
        { name: "C write loop to one client", run: () => writeLoop(size) },
      ],
    };
  } catch (error) {
    await paybell.stop();
    throw error;
  }
}

async function fill(paybell: Paybell, { records }: ReplaySize): Promise<Prepared> {
  const ids = await paybell.createStanding(PAYMENTS);
  const { next: from } = await paybell.get<{ next: string }>(`/v1/events?limit=${PAYMENTS}`);
  const filled = await httpload({
    port: paybell.port,
    path: "/v1/observations",
    header: AUTHORIZATION,
    items: observationItems(ids),
    batch: BATCH,
    // One after the other: all payments are in each, and two at a time would only wait for each other.
    connections: 1,
    requests: Math.ceil(records / BATCH),
    seconds: SECONDS_MAX,
  }).result();
  console.log(`filled: ${filled.items} records, ${Math.round(filled.requestsPerSecond * BATCH)} a second`);
  return { paybell, ids, from };
}

function replayed({ paybell, from }: Prepared, { records }: ReplaySize): Promise<WsLoadResult> {
  const targets = nativeTargets([MERCHANT_TOPIC], { key: true, after: from });
  return wsload({
    port: paybell.port,
    connections: 1,
    targets,
    match: '"event"',
    frames: records,
    seconds: SECONDS_MAX,
  }).result();
}

function sampleOf(result: WsLoadResult, details: Sample["details"]): Sample {
  mustHold(result.closed === 0, `the client was cut off: ${result.firstCloseReason}`);
  return { value: result.framesPerSecond, details: { ...details, "generator CPU": result.cpuShare } };
}

async function replayedBesideTail(prepared: Prepared, size: ReplaySize): Promise<Sample> {
  const alone = await tailed(prepared, size, () => delay(TAIL_ALONE_MS));
  let replay: WsLoadResult | null = null;
  const beside = await tailed(prepared, size, async () => {
    replay = await replayed(prepared, size);
  });
  if (replay === null) throw new Error("The replay gave no result.");
  const p99Ms = (seen: WsLoadResult) => (seen.latencyUs?.p99 ?? Number.NaN) / 1_000;
  return sampleOf(replay, { "tail p99 ms": p99Ms(beside), "tail p99 before ms": p99Ms(alone) });
}

/** What the clients that follow live see while something is done. */
async function tailed(
  { paybell, ids }: Prepared,
  { tail, rate }: ReplaySize,
  during: () => Promise<void>,
): Promise<WsLoadResult> {
  const targets = nativeTargets([MERCHANT_TOPIC], { key: true });
  const load = { port: paybell.port, targets, match: '"event"', stamp: STAMP, seconds: SECONDS_MAX };
  const clients = wsload({ ...load, connections: tail, ready: '"subscribed"' });
  try {
    await clients.ready();
    // Numbered above all others, so that every transfer is new.
    const first = Date.now() * 1_000;
    const post = { port: paybell.port, path: "/v1/observations", header: AUTHORIZATION, items: observationItems(ids) };
    const source = httpload({ ...post, rate, first, connections: 4, seconds: SECONDS_MAX });
    try {
      await during();
    } finally {
      await source.finish();
    }
    const seen = await clients.finish();
    mustHold(seen.closed === 0, `${seen.closed} followers were cut off: ${seen.firstCloseReason}`);
    return seen;
  } finally {
    await clients.stop();
  }
}

async function writeLoop({ records }: ReplaySize): Promise<Sample> {
  const server = await startWriteLoop({ connections: 1, rounds: records, bytes: FRAME_BYTES });
  try {
    return sampleOf(
      await wsload({ port: server.port, connections: 1, frames: records, seconds: SECONDS_MAX }).result(),
      {},
    );
  } finally {
    await server.stop();
  }
}
