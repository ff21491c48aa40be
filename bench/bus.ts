/**
 * What a record costs on its way between nodes, in processor time: `node --conditions=@paybell/source bench/bus.ts`,
 * about a minute. The receiving node is a process of its own; what is printed for it is its whole processor time, the Redis
 * client and the system's network included.
 *
 * `nobody`: no client of that node follows any of it. `everybody`: every record has a listener, who takes it as it is.
 */
import { fork } from "node:child_process";
import { randomUUID } from "node:crypto";
import type { EventData } from "@paybell/protocol";
import { encode, senderOf } from "../packages/server/src/bus/redis/message.ts";
import { RedisBus } from "../packages/server/src/bus/redis/redis-bus.ts";
import { sealKey } from "../packages/server/src/bus/redis/seal.ts";
import { Hub } from "../packages/server/src/fanout/hub.ts";
import type { EventLog, LogRecord } from "../packages/server/src/log/event-log.ts";
import { topics } from "../packages/server/src/log/topic.ts";
import { RedisServer } from "../packages/server/testkit/redis.ts";
import { until } from "../packages/server/testkit/until.ts";

const PER_MESSAGE = [1, 10, 100];
const RECORDS = 30_000;
const FIRST_RECORDS = 5_000;
/** A multiple of all of `PER_MESSAGE`, and a part of both above. */
const AT_ONCE = 500;
const SENDER = senderOf(randomUUID());
const SECRET = Buffer.alloc(32, "bench");
const KEY = sealKey(SECRET, "bench");
const NAMES = { epoch: "bench", prefix: "bench", secret: SECRET };
const MERCHANT = "corner-shop";

function recordAt(offset: number): LogRecord {
  const id = randomUUID();
  return {
    offset,
    id: `evt_${offset.toString(36).padStart(12, "0")}`,
    type: "payment.confirmation",
    merchantId: MERCHANT,
    paymentId: id,
    sequence: 3,
    atMs: 1_800_000_000_000 + offset,
    data: sampleData(id),
    topics: [
      topics.payment(id),
      topics.merchant(MERCHANT),
      topics.customer(MERCHANT, "customer-4711"),
      topics.address(MERCHANT, "bitcoin", "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"),
    ],
  };
}

function sampleData(id: string): EventData {
  const transfer = {
    txId: "f4184fc596403b9d638783cf57adfe4c75c605f6356fbc91338530e9831e9e16",
    index: "0",
    amount: "1500000",
    status: "included",
    confirmations: 1,
    blockHeight: 800_000,
    blockHash: "00000000000000000002a7c4c1e48d76c5a37902165a270156b7a8d72728a054",
  };
  const payment = {
    id,
    status: "confirming",
    amountState: "exact",
    delivery: "none",
    flags: [],
    chain: "bitcoin",
    asset: "BTC",
    decimals: 8,
    amount: "1500000",
    received: "1500000",
    address: "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq",
    confirmations: 1,
    confirmationsRequired: 2,
  };
  return { payment, transfers: [transfer], reference: "order-2041" } as unknown as EventData;
}

interface Order {
  listens: boolean;
}

/** What the receiving process says: that it is ready, or what it has used. */
type Said = { ready: true } | { messages: number; records: number; cpuMs: number };

/** The other node: a bus and a hub, without a log of its own, since nothing is lost here. */
async function receive(url: string, { listens }: Order): Promise<void> {
  const log = {
    head: async () => 0,
    readAfter: async () => ({ records: [], next: 0, head: 0 }),
  } as unknown as EventLog;
  const bus = new RedisBus({ url, ...NAMES, onState: () => undefined, onError: console.error });
  const hub = new Hub({ log, bus, pollIntervalMs: 3_600_000, pageSize: 1_000, onError: console.error });
  await hub.start();
  if (listens) hub.listen(topics.merchant(MERCHANT), () => undefined);
  await until("Redis", () => bus.reachesOthers);
  const say = (said: Said) => process.send?.(said);
  process.on("message", (upTo: { offset: number }) => {
    void until("all of it", () => hub.offset >= upTo.offset).then(() => {
      const { user, system } = process.cpuUsage();
      say({ messages: bus.counters.received, records: hub.offset, cpuMs: (user + system) / 1_000 });
    });
  });
  say({ ready: true });
}

function node(url: string, order: Order) {
  const child = fork(new URL(import.meta.url), [url, JSON.stringify(order)], {
    execArgv: ["--conditions=@paybell/source"],
  });
  const next = () =>
    new Promise<Said>((resolve, reject) => {
      child.once("message", (said) => resolve(said as Said));
      child.once("exit", () => reject(new Error("The receiving node has ended.")));
    });
  return { child, next };
}

/** Publishes commits of so many records, some at once, and waits until Redis has taken them. */
async function publish(bus: RedisBus, from: number, to: number, perMessage: number): Promise<void> {
  const { counters } = bus;
  for (let offset = from; offset <= to; offset += AT_ONCE) {
    const before = counters.sent;
    let messages = 0;
    for (let first = offset; first < offset + AT_ONCE; first += perMessage) {
      const records = Array.from({ length: perMessage }, (_, nth) => recordAt(first + nth));
      messages += [...encode(SENDER, KEY, records)].length;
      bus.publish(records);
    }
    await until("Redis has taken them", () => counters.sent === before + messages);
  }
}

async function measure(url: string, listens: boolean, perMessage: number): Promise<string> {
  const { child, next } = node(url, { listens });
  const bus = new RedisBus({ url, ...NAMES, onState: () => undefined, onError: console.error });
  try {
    await next();
    await until("Redis", () => bus.reachesOthers);
    const used = async (offset: number) => {
      child.send({ offset });
      return (await next()) as Exclude<Said, { ready: true }>;
    };
    await publish(bus, 1, FIRST_RECORDS, perMessage);
    const before = await used(FIRST_RECORDS);
    await publish(bus, FIRST_RECORDS + 1, RECORDS, perMessage);
    const after = await used(RECORDS);
    const micros = (1_000 * (after.cpuMs - before.cpuMs)) / (after.records - before.records);
    const messages = (1_000 * (after.cpuMs - before.cpuMs)) / (after.messages - before.messages);
    return `${micros.toFixed(2).padStart(7)} µs/record ${messages.toFixed(1).padStart(7)} µs/message`;
  } finally {
    child.kill("SIGKILL");
    await bus.close();
  }
}

/** At the node that has written it, before it is given to the Redis client. */
function encodingMicros(perMessage: number): number {
  const records = Array.from({ length: perMessage }, (_, nth) => recordAt(nth + 1));
  let began = process.cpuUsage();
  for (let done = 0; done < RECORDS; done += perMessage) {
    if (done === FIRST_RECORDS) began = process.cpuUsage();
    for (const bytes of encode(SENDER, KEY, records)) if (bytes.length === 0) throw new Error("nothing was encoded");
  }
  const { user, system } = process.cpuUsage(began);
  return (user + system) / (RECORDS - FIRST_RECORDS);
}

async function run(): Promise<void> {
  const server = await RedisServer.start();
  try {
    const [sample] = encode(SENDER, KEY, [recordAt(1)]);
    console.log(`a message of one record: ${sample?.length} bytes`);
    for (const perMessage of PER_MESSAGE) {
      console.log(`${perMessage} records per commit`);
      console.log(`  encoding              ${encodingMicros(perMessage).toFixed(2).padStart(7)} µs/record`);
      console.log(`  a node with nobody    ${await measure(server.url, false, perMessage)}`);
      console.log(`  a node with everybody ${await measure(server.url, true, perMessage)}`);
    }
  } finally {
    await server.stop();
  }
}

const [url, order] = process.argv.slice(2);
if (url && order) await receive(url, JSON.parse(order) as Order);
else await run();
