/** Does an event cost more when there are more payments, watched addresses or clients that it does not concern? */
import { flowDetails, measureFlow } from "../event-flow.ts";
import { type Generator, type WsLoadResult, wsload } from "../generators.ts";
import { nativeTargets, observationItems, Paybell } from "../paybell.ts";
import { type Plan, type Sample, type Subject, scenario } from "../scenario.ts";

interface FlatSize extends Record<string, number> {
  rounds: number;
  seconds: number;
  few: number;
  more: number;
  many: number;
  /** Clients that hear nothing, beside the payments of `few`. */
  idle: number;
}

/** Payments that events happen to, each followed by a client: the same number in all subjects. */
const BUSY = 100;
const PAYMENTS = "payments, each with a watched address";
const IDLE = "idle clients";
const BATCH = 20;
const REQUESTS = 4;
const IDLE_SECONDS_MAX = 7_200;

/** A server with so many payments, and so many clients that wait. */
interface Populated {
  paybell: Paybell;
  busy: readonly string[];
  idle: Generator<WsLoadResult> | null;
}

export const flatProfile = scenario<FlatSize>({
  name: "flat-profile",
  title: "Events per second beside payments and clients that they do not concern",
  about: [
    "100 payments, each with a client, receive events as fast as they are taken, 20 to a request. Beside them are other",
    "payments, each with an address that is watched, or clients that follow those and hear nothing. A ratio of 1 is flat.",
  ].join("\n"),
  unit: "events/s",
  better: "higher",
  curve: "server CPU µs/event",
  goal: "the cost of an event does not depend on the number of payments, idle clients and watched scripts",
  size: { rounds: 5, seconds: 10, few: 1_000, more: 10_000, many: 100_000, idle: 10_000 },
  small: { rounds: 1, seconds: 1, few: 120, more: 240, many: 480, idle: 50 },
  plan,
});

const figure = (count: number) => count.toLocaleString("en-GB");

async function plan(size: FlatSize): Promise<Plan> {
  const started: Populated[] = [];
  const dispose = async () => {
    for (const { idle, paybell } of started) {
      await idle?.stop();
      await paybell.stop();
    }
  };
  const subject = async (payments: number, idleClients: number, on: Subject["on"] = {}): Promise<Subject> => {
    const populated = await populate(payments, idleClients, started);
    const beside = idleClients === 0 ? "" : `, ${figure(idleClients)} idle clients`;
    return { name: `${figure(payments)} payments${beside}`, on, run: () => measure(size, populated) };
  };
  try {
    return {
      dispose,
      subjects: [
        await subject(size.few, 0, { [PAYMENTS]: size.few, [IDLE]: 0 }),
        await subject(size.more, 0, { [PAYMENTS]: size.more }),
        await subject(size.many, 0, { [PAYMENTS]: size.many }),
        await subject(size.few, size.idle, { [IDLE]: size.idle }),
      ],
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

async function populate(payments: number, idleClients: number, started: Populated[]): Promise<Populated> {
  const paybell = await Paybell.start();
  const populated: Populated = { paybell, busy: [], idle: null };
  started.push(populated);
  const ids = await paybell.createStanding(payments);
  populated.busy = ids.slice(0, BUSY);
  if (idleClients === 0) return populated;
  populated.idle = wsload({
    port: paybell.port,
    connections: idleClients,
    targets: nativeTargets(ids.slice(BUSY).map((id) => `payment:${id}`)),
    ready: '"snapshot"',
    seconds: IDLE_SECONDS_MAX,
  });
  await populated.idle.ready();
  return populated;
}

async function measure({ seconds }: FlatSize, { paybell, busy }: Populated): Promise<Sample> {
  const flow = await measureFlow(
    { items: observationItems(busy), batch: BATCH, requests: REQUESTS, rate: 0, seconds },
    paybell.pid,
    {
      port: paybell.port,
      connections: busy.length,
      targets: nativeTargets(busy.map((id) => `payment:${id}`)),
      ready: '"snapshot"',
      match: '"event"',
    },
  );
  return { value: flow.frames.framesPerSecond, details: flowDetails(flow) };
}
