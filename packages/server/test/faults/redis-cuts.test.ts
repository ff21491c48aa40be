/**
 * Three processes' worth of stores, buses and hubs on one PostgreSQL and one Redis, as `main.ts` composes them. While all
 * three write, Redis crashes, hangs and comes back, lines to it are cut, reset and left dead, and strangers speak on its
 * channel. Every listener hears every record once, in order, and no commit waits for any of it.
 * FAULT_SEED repeats a run.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "redis";
import { expect, test } from "vitest";
import { Hub } from "../../src/fanout/hub.ts";
import type { EventLog } from "../../src/log/event-log.ts";
import { topics } from "../../src/log/topic.ts";
import { openBus } from "../../src/open-bus.ts";
import { busSecret } from "../../src/storage/postgres/bus-secret.ts";
import type { PostgresDatabase } from "../../src/storage/postgres/database.ts";
import { CuttingProxy } from "../../testkit/cutting-proxy.ts";
import { usePostgres } from "../../testkit/postgres.ts";
import { openPostgres, postgresStoresOn } from "../../testkit/postgres-home.ts";
import { type RedisServer, useRedis } from "../../testkit/redis.ts";
import { seededRandom } from "../../testkit/seeded-random.ts";
import { change, creation, recordsIn, samplePayment } from "../../testkit/storing/samples.ts";
import { until } from "../../testkit/until.ts";

const SEED = Number(process.env.FAULT_SEED ?? Date.now() % 1_000_000);
const NODES = 3;
const FAULTS = 24;

const postgres = usePostgres();
const redis = useRedis();
const fail = (error: unknown): never => {
  throw error;
};

interface Node {
  proxy: CuttingProxy;
  database: PostgresDatabase;
  hub: Hub;
  /** Offsets of the merchant's records. */
  heard: number[];
  /** How often its hub has read the log. */
  reads: () => number;
  connected: () => boolean;
  close(): Promise<void>;
}

async function startNode(url: string, pollIntervalMs: number): Promise<Node> {
  const proxy = await CuttingProxy.start(redis().port);
  const database = await openPostgres(url);
  const { log } = postgresStoresOn(database);
  let reads = 0;
  const counted = {
    head: () => log.head(),
    readAfter: (...args: Parameters<EventLog["readAfter"]>) => {
      reads += 1;
      return log.readAfter(...args);
    },
  } as EventLog;
  const onHint = (listener: () => void) => void database.onHint("appended", listener);
  const store = { log, onHint, busSecret: () => busSecret(database) };
  const logger = { warn: () => undefined, info: () => undefined };
  const config = { redisUrl: redis().through(proxy.port), redisPrefix: "cuts" };
  const opened = await openBus(config, { store, logger, onError: () => undefined });
  log.onAppended((records) => opened.bus.publish(records));
  const hub = new Hub({ log: counted, bus: opened.bus, pollIntervalMs, pageSize: 1_000, onError: fail });
  await hub.start();
  opened.hint(hub);
  const heard: number[] = [];
  hub.listen(topics.merchant("merchant"), ({ record }) => heard.push(record.offset));
  return {
    proxy,
    database,
    hub,
    heard,
    reads: () => reads,
    connected: () => opened.redis?.().connected === true,
    async close() {
      await hub.stop();
      await opened.bus.close();
      await database.close();
      await proxy.close();
    },
  };
}

/** Payments of its own, and a change of each. */
async function writeOn(node: Node, isOver: () => boolean): Promise<void> {
  const { log } = postgresStoresOn(node.database);
  while (!isOver()) {
    const payments = Array.from({ length: 5 }, () => samplePayment());
    recordsIn(await log.append(payments.map((payment) => creation(payment))));
    recordsIn(await log.append(payments.map((payment) => change(payment))));
    await sleep(5);
  }
}

async function breakSomething(nodes: readonly Node[], server: RedisServer, random: () => number): Promise<void> {
  const { proxy } = nodes[Math.floor(random() * nodes.length)] as Node;
  const faults = [
    () => proxy.cut(random),
    () => proxy.cut(random),
    () => proxy.silence(),
    () => proxy.cutAll(),
    async () => {
      await server.crash();
      await sleep(random() * 300);
      await server.restart();
    },
    async () => {
      await server.pause();
      await sleep(random() * 300);
      await server.resume();
    },
    () => speakAsStranger(server),
  ];
  await faults[Math.floor(random() * faults.length)]?.();
}

async function speakAsStranger(server: RedisServer): Promise<void> {
  const stranger = createClient({ url: server.url });
  await stranger.connect();
  const channels = await stranger.pubSubChannels("cuts:*");
  for (const channel of channels) await stranger.publish(channel, "paybell 1 nonsense");
  stranger.destroy();
}

test(`whatever happens to Redis, every node hears every record once, in order (FAULT_SEED=${SEED})`, {
  timeout: 180_000,
}, async () => {
  const random = seededRandom(SEED);
  const url = await postgres().createDatabase();
  const nodes = await Promise.all(Array.from({ length: NODES }, () => startNode(url, 1_000)));
  await until("all reach Redis", () => nodes.every(({ connected }) => connected()));
  let isOver = false;
  const writing = Promise.all(nodes.map((node) => writeOn(node, () => isOver)));
  for (let fault = 0; fault < FAULTS; fault += 1) {
    await sleep(50 + random() * 250);
    await breakSomething(nodes, redis(), random);
  }
  isOver = true;
  await writing;
  const head = await postgresStoresOn((nodes[0] as Node).database).log.head();
  await until("all are at the end", () => nodes.every(({ hub }) => hub.offset === head));
  const wanted = Array.from({ length: head }, (_, nth) => nth + 1);
  for (const { heard } of nodes) expect(heard).toEqual(wanted);
  await until("all reach Redis again", () => nodes.every(({ connected }) => connected()));
  await Promise.all(nodes.map((node) => node.close()));
  await postgres().dropDatabase(url);
});

test("while Redis is there the log is not read for what it brings; without it nothing waits, and hints of the database are heard", async () => {
  const url = await postgres().createDatabase();
  // Nobody polls: what is heard came by the bus or by a hint.
  const [one, two] = (await Promise.all([startNode(url, 3_600_000), startNode(url, 3_600_000)])) as [Node, Node];
  const { log } = postgresStoresOn(one.database);
  const append = async () => recordsIn(await log.append([creation(samplePayment())])).length;
  await until("both reach Redis", () => one.connected() && two.connected());
  await until("they have looked for that", () => two.reads() >= 2);
  const before = two.reads();
  let length = 0;
  for (let nth = 0; nth < 50; nth += 1) length += await append();
  await until("the other has heard all", () => two.heard.length === length);
  expect(two.reads()).toBe(before);
  await redis().pause();
  for (let nth = 0; nth < 5; nth += 1) length += await append();
  expect(one.heard).toHaveLength(length);
  await until("it is noticed", () => !two.connected());
  await until("the other has heard all by the database", () => two.heard.length === length);
  length += await append();
  await until("and goes on so", () => two.heard.length === length);
  await redis().resume();
  await Promise.all([one.close(), two.close()]);
  await postgres().dropDatabase(url);
});
