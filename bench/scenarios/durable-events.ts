/** From an HTTP request to the frame at the client, with the disk in between, beside a server that keeps nothing. */
import { type Flow, flowDetails, measureFlow } from "../event-flow.ts";
import { nativeTargets, observationItems, withPaybell } from "../paybell.ts";
import { startReference } from "../reference.ts";
import { type Plan, type Sample, scenario } from "../scenario.ts";
import { linesFile } from "../temporary.ts";

interface EventsSize extends Record<string, number> {
  rounds: number;
  /** Payments, each followed by one client. */
  payments: number;
  seconds: number;
  batch: number;
  requests: number;
  rate: number;
}

const ABOUT = [
  "Each observation that is posted becomes an event, and a frame to the one client that follows its payment. Paybell",
  "answers and tells after the commit; the other is Express and a Socket.IO room, which check and keep nothing.",
  "Latency is from the sending of the request (when a rate is set: from the moment at which it was due) to the client.",
].join("\n");

const SIZE: EventsSize = { rounds: 5, payments: 1_000, seconds: 15, batch: 0, requests: 64, rate: 0 };
const SMALL: EventsSize = { rounds: 1, payments: 50, seconds: 2, batch: 0, requests: 16, rate: 0 };

export const durableEvents = scenario<EventsSize>({
  name: "durable-events",
  title: "Durable events from HTTP to the client's frame, one to a request",
  about: ABOUT,
  unit: "events/s",
  better: "higher",
  goal: "at least 5,000, and not slower than the server that keeps nothing",
  size: SIZE,
  small: SMALL,
  plan: (size) => plan(size, ({ frames }) => frames.framesPerSecond),
});

export const durableEventsBatched = scenario<EventsSize>({
  name: "durable-events-batched",
  title: "Durable events from HTTP to the client's frame, 20 to a request",
  about: ABOUT,
  unit: "events/s",
  better: "higher",
  goal: "at least 5,000, and not slower than the server that keeps nothing",
  size: { ...SIZE, batch: 20, requests: 16 },
  small: { ...SMALL, batch: 20, requests: 4 },
  plan: (size) => plan(size, ({ frames }) => frames.framesPerSecond),
});

export const eventLatency = scenario<EventsSize>({
  name: "event-latency",
  title: "Latency from HTTP to the client's frame at 2,500 events/s: p99",
  about: ABOUT,
  unit: "ms",
  better: "lower",
  goal: "below 50 ms at half of 5,000 events/s",
  size: { ...SIZE, rate: 2_500 },
  small: { ...SMALL, rate: 200 },
  plan: (size) => plan(size, ({ frames }) => (frames.latencyUs?.p99 ?? Number.NaN) / 1_000),
});

type Value = (flow: Flow) => number;

async function plan(size: EventsSize, value: Value): Promise<Plan> {
  const sampleOf = (flow: Flow): Sample => ({ value: value(flow), details: flowDetails(flow) });
  return {
    subjects: [
      { name: "paybell", run: async () => sampleOf(await paybellRun(size)) },
      { name: "express-socketio, keeps nothing", run: async () => sampleOf(await expressRun(size)) },
    ],
  };
}

function paybellRun(size: EventsSize): Promise<Flow> {
  return withPaybell(async (paybell) => {
    const ids = await paybell.createStanding(size.payments);
    const targets = nativeTargets(ids.map((id) => `payment:${id}`));
    const load = { port: paybell.port, connections: ids.length, targets, ready: '"snapshot"', match: '"event"' };
    return measureFlow({ ...size, items: observationItems(ids) }, paybell.pid, load);
  });
}

async function expressRun(size: EventsSize): Promise<Flow> {
  const server = await startReference("express-socketio");
  try {
    const ids = Array.from({ length: size.payments }, (_, index) => uuidOf(index));
    const targets = linesFile(
      ids.map((id) => `/socket.io/?EIO=4&transport=websocket\t42${JSON.stringify(["subscribe", id])}`),
    );
    return await measureFlow({ ...size, items: observationItems(ids) }, server.pid, {
      port: server.port,
      connections: ids.length,
      targets,
      dialect: "socketio",
      ready: "subscribed",
      match: '"transfer.seen"',
    });
  } finally {
    await server.stop();
  }
}

/** Ids as long as the real ones. */
function uuidOf(index: number): string {
  return `00000000-0000-4000-8000-${`${index}`.padStart(12, "0")}`;
}
