/** What good clients notice of bad ones. */
import { fileURLToPath } from "node:url";
import { Child } from "../child.ts";
import { flowDetails, measureFlow } from "../event-flow.ts";
import { nativeTargets, observationItems, type Paybell, SECRET_KEY, withPaybell } from "../paybell.ts";
import { type Sample, scenario } from "../scenario.ts";

interface NoiseSize extends Record<string, number> {
  rounds: number;
  /** Payments, each followed by one good client. */
  payments: number;
  /** Events a second. */
  rate: number;
  seconds: number;
  halfOpen: number;
  /** Pause before a half-open one that was cut comes back. */
  againMs: number;
  /** Pause of those that send a byte now and then. */
  byteEveryMs: number;
}

/** One connection, which is used at once: one that waits for its first request is taken for half-open. */
const REQUESTS = 1;
const PROGRAM = fileURLToPath(new URL("../programs/noise.ts", import.meta.url));

export const noisyNeighbours = scenario<NoiseSize>({
  name: "noisy-neighbours",
  title: "Latency of good clients beside bad ones: p99",
  about: [
    "As in event-latency, alone and beside bad clients: some that never read what they ask for on any wire, some that send",
    "a byte a minute, and 19,000 connections that begin a handshake and never finish it; each that the server cuts comes",
    "back after ten seconds. The bad ones share a core with the generators, the good clients' frames are timed there as well.",
  ].join("\n"),
  unit: "ms",
  better: "lower",
  goal: "others notice nothing",
  size: { rounds: 3, payments: 100, rate: 100, seconds: 30, halfOpen: 19_000, againMs: 10_000, byteEveryMs: 60_000 },
  small: { rounds: 1, payments: 20, rate: 50, seconds: 2, halfOpen: 200, againMs: 1_000, byteEveryMs: 500 },
  plan: async (size) => ({
    subjects: [
      { name: "beside bad clients", run: () => withPaybell((paybell) => besideNoise(size, paybell)) },
      { name: "alone", run: () => withPaybell((paybell) => measure(size, paybell)) },
    ],
  }),
});

async function measure({ payments, ...size }: NoiseSize, paybell: Paybell): Promise<Sample> {
  const ids = await paybell.createStanding(payments);
  const targets = nativeTargets(ids.map((id) => `payment:${id}`));
  const load = { port: paybell.port, connections: ids.length, targets, ready: '"snapshot"', match: '"event"' };
  const posting = {
    items: observationItems(ids),
    batch: 0,
    requests: REQUESTS,
    rate: size.rate,
    seconds: size.seconds,
  };
  const flow = await measureFlow(posting, paybell.pid, load);
  return { value: (flow.frames.latencyUs?.p99 ?? Number.NaN) / 1_000, details: flowDetails(flow) };
}

async function besideNoise(size: NoiseSize, paybell: Paybell): Promise<Sample> {
  const [payment = ""] = await paybell.createStanding(1);
  const options = Object.entries({
    port: paybell.port,
    key: SECRET_KEY,
    payment,
    "half-open": size.halfOpen,
    "again-ms": size.againMs,
    "byte-ms": size.byteEveryMs,
  }).flatMap(([name, value]) => [`--${name}`, `${value}`]);
  const command = [process.execPath, "--conditions=@paybell/source", PROGRAM, ...options];
  const noise = new Child("noise", "generator", command);
  try {
    await noise.line("err", (line) => line === "ready");
    return await measure(size, paybell);
  } finally {
    await noise.stop();
  }
}
