/** What does it cost to be many? */
import { setTimeout as delay } from "node:timers/promises";
import { type Services, startServices, withNodes } from "../cluster.ts";
import { type Generator, type HttpLoadResult, httpload, type WsLoadResult, wsload } from "../generators.ts";
import { AUTHORIZATION, nativeTargets, observationItems, type Paybell, STAMP } from "../paybell.ts";
import { processorUs } from "../process-tree.ts";
import { mustHold, type Sample, type Subject, scenario } from "../scenario.ts";

interface NodesSize extends Record<string, number> {
  rounds: number;
  /** Payments in all, each followed by one client. */
  payments: number;
  seconds: number;
  warmUpSeconds: number;
  /** Observations in a request; 0: one, not in an array. */
  batch: number;
  /** Requests under way in all. */
  requests: number;
}

interface Cluster {
  nodes: number;
  /** The last of them has no clients and is asked nothing: what it does, it does for others' events. */
  idle?: boolean;
  store: "SQLite" | "PostgreSQL";
  bus?: "Redis" | "NOTIFY";
}

const CLUSTERS: readonly [Cluster, ...Cluster[]] = [
  { nodes: 1, store: "SQLite" },
  { nodes: 1, store: "PostgreSQL", bus: "NOTIFY" },
  { nodes: 1, store: "PostgreSQL", bus: "Redis" },
  { nodes: 2, store: "PostgreSQL", bus: "Redis" },
  { nodes: 2, store: "PostgreSQL", bus: "NOTIFY" },
  { nodes: 4, store: "PostgreSQL", bus: "Redis" },
  { nodes: 4, store: "PostgreSQL", bus: "NOTIFY" },
  { nodes: 2, idle: true, store: "PostgreSQL", bus: "Redis" },
  { nodes: 2, idle: true, store: "PostgreSQL", bus: "NOTIFY" },
];

/** The last frames may come by way of the log. */
const LAST_FRAMES_MS = 1_500;
const RESTING_MS = 2_000;
const CLIENTS_SECONDS_MAX = 600;

export const nodes = scenario<NodesSize>({
  name: "nodes",
  title: "Durable events with 1, 2 and 4 nodes, 20 to a request",
  about: [
    "Each observation that is posted becomes an event, and a frame to the one client that follows its payment, who is at the",
    "next node: it crosses the bus. All nodes, PostgreSQL and Redis share one core, so more nodes cannot be faster here; what",
    "counts is the processor time for one event: of all nodes together, of PostgreSQL, of Redis, and `at an idle node` of one",
    "that has no client and is asked nothing, beyond what it uses when nothing happens. `cores/node`: the share of a core that a node used on average.",
  ].join("\n"),
  unit: "events/s",
  better: "higher",
  goal: null,
  size: { rounds: 2, payments: 400, seconds: 6, warmUpSeconds: 4, batch: 20, requests: 16 },
  small: { rounds: 1, payments: 40, seconds: 2, warmUpSeconds: 1, batch: 20, requests: 4 },
  async plan(size) {
    const services = await startServices();
    const subjects = CLUSTERS.map((cluster): Subject => subject(cluster, size, services));
    return { subjects: subjects as [Subject, ...Subject[]], dispose: () => services.stop() };
  },
});

function subject(cluster: Cluster, size: NodesSize, services: Services): Subject {
  const { nodes: count, idle, store, bus } = cluster;
  const name = [`${count} node${count > 1 ? "s" : ""}`, ...(idle ? ["one idle"] : []), store, ...(bus ? [bus] : [])];
  return { name: name.join(", "), run: () => run(cluster, size, services) };
}

async function run({ nodes: count, idle, store, bus }: Cluster, size: NodesSize, services: Services): Promise<Sample> {
  const environment = {
    ...(store === "PostgreSQL" ? { PAYBELL_DATABASE_URL: await services.createDatabase() } : {}),
    ...(bus === "Redis" ? { PAYBELL_REDIS_URL: services.redisUrl } : {}),
  };
  return withNodes(count, environment, async (all) => {
    const busy = idle ? all.slice(0, -1) : all;
    const ids = await (all[0] as Paybell).createStanding(size.payments);
    const routes = busy.map((node, nth): Route => {
      const own = ids.filter((_, index) => index % busy.length === nth);
      return { postedTo: node.port, followedAt: (busy[(nth + 1) % busy.length] as Paybell).port, ids: own };
    });
    const restingPerSecond = idle ? await resting(all.at(-1) as Paybell) : 0;
    const warm = await flow(routes, size, { seconds: size.warmUpSeconds, first: 0 });
    const nodesBefore = all.map(({ pid }) => processorUs(pid));
    const servicesBefore = services.used();
    const seen = await flow(routes, size, { seconds: size.seconds, first: warm.events });
    const perNode = all.map(({ pid }, nth) => processorUs(pid) - (nodesBefore[nth] ?? 0));
    const used = services.used();
    const perEvent = (us: number) => us / seen.events;
    return {
      value: seen.eventsPerSecond,
      details: {
        "p99 ms": seen.p99Ms,
        "nodes CPU µs/event": perEvent(sum(perNode)),
        "PostgreSQL CPU µs/event": perEvent(used.postgres - servicesBefore.postgres),
        "Redis CPU µs/event": perEvent(used.redis - servicesBefore.redis),
        ...(idle
          ? { "at an idle node µs/event": perEvent((perNode.at(-1) as number) - restingPerSecond * seen.seconds) }
          : {}),
        "cores/node": sum(perNode) / count / (seen.seconds * 1e6),
      },
    };
  });
}

/** Processor time a second of a node when nothing happens anywhere, µs. */
async function resting({ pid }: Paybell): Promise<number> {
  const before = processorUs(pid);
  await delay(RESTING_MS);
  return ((processorUs(pid) - before) * 1_000) / RESTING_MS;
}

/** Payments that are posted to one node and followed at another. */
interface Route {
  postedTo: number;
  followedAt: number;
  ids: readonly string[];
}

interface Flow {
  events: number;
  eventsPerSecond: number;
  seconds: number;
  p99Ms: number;
}

/** Every observation becomes one frame at one of the clients. Throws when one did not. */
async function flow(
  routes: readonly Route[],
  { batch, requests }: NodesSize,
  { seconds, first }: { seconds: number; first: number },
): Promise<Flow> {
  const clients = routes.map(({ followedAt, ids }) =>
    wsload({
      port: followedAt,
      connections: ids.length,
      targets: nativeTargets(ids.map((id) => `payment:${id}`)),
      ready: '"snapshot"',
      match: '"event"',
      stamp: STAMP,
      seconds: CLIENTS_SECONDS_MAX,
    }),
  );
  try {
    for (const client of clients) await client.ready();
    const started = performance.now();
    const posted = await Promise.all(
      routes.map(({ postedTo: port, ids }) =>
        httpload({
          ...{
            port,
            path: "/v1/observations",
            header: AUTHORIZATION,
            items: observationItems(ids),
            batch,
            first,
            seconds,
          },
          connections: Math.max(1, Math.floor(requests / routes.length)),
        }).result(),
      ),
    );
    const tookSeconds = (performance.now() - started) / 1_000;
    await delay(LAST_FRAMES_MS);
    const frames = await Promise.all(clients.map((client) => client.finish()));
    return outcome(posted, frames, tookSeconds);
  } finally {
    await Promise.all(clients.map((client: Generator<WsLoadResult>) => client.stop()));
  }
}

function outcome(posted: readonly HttpLoadResult[], frames: readonly WsLoadResult[], seconds: number): Flow {
  const events = sum(posted.map(({ items }) => items));
  for (const { failed, firstFailure } of posted) mustHold(failed === 0, `observations were refused: ${firstFailure}`);
  for (const { closed, firstCloseReason } of frames)
    mustHold(closed === 0, `clients were cut off: ${firstCloseReason}`);
  const came = sum(frames.map((seen) => seen.frames));
  mustHold(came >= events, `${events} observations became only ${came} frames`);
  return {
    events,
    eventsPerSecond: events / seconds,
    seconds,
    p99Ms: Math.max(...frames.map(({ latencyUs }) => (latencyUs?.p99 ?? Number.NaN) / 1_000)),
  };
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
