/** What becomes of Redis is nobody's trouble: commits go on, memory stays bounded, and what comes back is used again. */
import { randomBytes, randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "redis";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { RedisBus, RedisBusOptions } from "../../src/bus/redis/redis-bus.ts";
import { Heard, record } from "../../testkit/bus.ts";
import { CuttingProxy } from "../../testkit/cutting-proxy.ts";
import { RedisServer, useRedis } from "../../testkit/redis.ts";
import { anyPrefix, redisBus, redisIsThere } from "../../testkit/redis-nodes.ts";
import { freePort } from "../../testkit/server-process.ts";
import { until } from "../../testkit/until.ts";

const server = useRedis();
const BEAT_MS = 50;

let prefix: string;
const ends: (() => Promise<void> | void)[] = [];
const said: string[] = [];
beforeEach(() => {
  prefix = anyPrefix();
  said.length = 0;
});
afterEach(async () => {
  // A test that failed may have left it paused.
  await server().resume();
  for (const end of ends.splice(0).reverse()) await end();
});

function open(url: string, given: Partial<RedisBusOptions> = {}): RedisBus {
  const onState = (problem: string | null, name: string) => said.push(problem ?? name);
  const bus = redisBus(url, { prefix, beatMs: BEAT_MS, onState, ...given });
  ends.push(() => bus.close());
  return bus;
}

async function proxied(): Promise<{ proxy: CuttingProxy; url: string }> {
  const proxy = await CuttingProxy.start(server().port);
  ends.push(() => proxy.close());
  return { proxy, url: server().through(proxy.port) };
}

let offset = 0;
/** What one publishes the other hears. */
async function expectToReach(one: RedisBus, two: RedisBus): Promise<void> {
  await redisIsThere(one);
  await redisIsThere(two);
  const heard = new Heard(two);
  offset += 1;
  one.publish([record(offset)]);
  await until("it comes", () => heard.offsets.includes(offset));
  heard.end();
}

test("Redis that is not there is said once, and used when it comes", async () => {
  const other = await RedisServer.start();
  ends.push(() => other.stop());
  await other.crash();
  const [one, two] = [open(other.url), open(other.url)];
  const heard = new Heard(one);
  await until("both have said it", () => said.length === 2);
  one.publish([record(1)]);
  expect(heard.offsets).toEqual([1]);
  expect(one.reachesOthers).toBe(false);
  expect(one.counters).toMatchObject({ sent: 0, unsent: 1 });
  await sleep(500);
  expect(said).toEqual([expect.stringContaining("ECONNREFUSED"), expect.stringContaining("ECONNREFUSED")]);
  await other.restart();
  await expectToReach(one, two);
  expect(said.slice(2)).toEqual([
    expect.stringMatching(/^(Redis|Valkey) \d/),
    expect.stringMatching(/^(Redis|Valkey) \d/),
  ]);
});

test("after a crash, a reset and a refusal they are connected and subscribed again", async () => {
  const { proxy, url } = await proxied();
  const [one, two] = [open(url), open(url)];
  await expectToReach(one, two);
  proxy.newLines = "refused";
  proxy.cutAll();
  await until("it is gone", () => !one.reachesOthers && !two.reachesOthers);
  proxy.newLines = "open";
  await expectToReach(two, one);
  const changes: boolean[] = [];
  one.onChanged(() => changes.push(one.reachesOthers));
  await server().crash();
  await until("it is gone", () => !one.reachesOthers && !two.reachesOthers);
  await server().restart();
  await expectToReach(one, two);
  await expectToReach(two, one);
  expect([changes[0], changes.at(-1)]).toEqual([false, true]);
});

test("a line that is dead without a word is noticed by both, and replaced", async () => {
  const { proxy, url } = await proxied();
  const [one, two] = [open(url), open(url)];
  await expectToReach(one, two);
  proxy.silence();
  await until("it is gone", () => !one.reachesOthers && !two.reachesOthers);
  await expectToReach(one, two);
  await expectToReach(two, one);
  expect(said).toContain("it does not answer any more");
});

test("a server that takes connections and says nothing is not waited for, at the start nor at the end", async () => {
  const { proxy, url } = await proxied();
  proxy.newLines = "silent";
  const bus = open(url);
  await until("it is said", () => said.length === 1);
  expect(said).toEqual(["no answer within 5000 ms"]);
  await until("it tries again", () => proxy.accepted > 2);
  // Not after the five seconds that a connection is given.
  const ended = await Promise.race([bus.close().then(() => "at once"), sleep(4_000).then(() => "late")]);
  expect(ended).toBe("at once");
});

test("while Redis hangs nothing waits, memory is bounded, and what was not sent is counted", async () => {
  // Long beats: it is not noticed, and every message is tried.
  const [one, two] = [open(server().url, { beatMs: 60_000 }), open(server().url, { beatMs: 60_000 })];
  await expectToReach(one, two);
  const before = one.counters.unsent;
  await server().pause();
  const large = "m".repeat(30_000);
  const messages = 4_000;
  for (let nth = 0; nth < messages; nth += 1) one.publish([record(1_000 + nth, { merchantId: large })]);
  expect(one.reachesOthers).toBe(true);
  const unsent = one.counters.unsent - before;
  // 120 MB were offered, at most 8 MB wait.
  expect((messages - unsent) * large.length).toBeLessThan(8_388_608 + large.length);
  expect(unsent).toBeLessThan(messages);
  const heard = new Heard(two);
  await server().resume();
  await until("what waited comes", () => heard.offsets.length === messages - unsent);
  await until("and is counted", () => one.counters.sent >= messages - unsent);
  heard.end();
  await expectToReach(one, two);
});

test("nothing waits in a paused Redis for longer than some beats", async () => {
  const bus = await redisIsThere(open(server().url));
  await server().pause();
  await until("it is gone", () => !bus.reachesOthers);
  bus.publish([record(1)]);
  expect(bus.counters).toMatchObject({ sent: 0, unsent: 1 });
  await server().resume();
  await redisIsThere(bus);
});

test("a receiver that is too slow for Redis is cut off, and comes back", async () => {
  const { proxy, url } = await proxied();
  const [one, two] = [open(server().url), open(url)];
  await expectToReach(one, two);
  const admin = createClient({ url: server().url });
  await admin.connect();
  ends.push(() => admin.destroy());
  await admin.sendCommand(["CLIENT", "KILL", "TYPE", "pubsub"]);
  await until("it is gone", () => !two.reachesOthers);
  await expectToReach(one, two);
  expect(proxy.cuts).toBe(0);
});

describe("messages that nobody can read", () => {
  test("are counted, said once, and do no harm", async () => {
    const errors: unknown[] = [];
    const [one, two] = [open(server().url), open(server().url, { onError: (error) => errors.push(error) })];
    await expectToReach(one, two);
    const heard = new Heard(two);
    const stranger = createClient({ url: server().url });
    await stranger.connect();
    ends.push(() => stranger.destroy());
    const channels = await stranger.pubSubChannels(`${prefix}:*`);
    const channel = channels.find((name) => name.split(":").length === 3) as string;
    const lookingRight = `paybell 1 ${randomUUID()} ${"A".repeat(43)} 3\n[]\n`;
    for (const text of ["", "garbage", "paybell 2 from the future", lookingRight]) {
      await stranger.publish(channel, text);
    }
    await until("all were counted", () => two.counters.received >= 5);
    await expectToReach(one, two);
    expect(two.counters.unreadable).toBe(4);
    expect(errors).toHaveLength(1);
    expect(String(errors[0])).toMatch(/could not be read/);
    expect(heard.offsets).toEqual([offset]);
  });

  test("are also those of somebody who has not the secret, and knows all else", async () => {
    const errors: unknown[] = [];
    const [one, two] = [open(server().url), open(server().url, { onError: (error) => errors.push(error) })];
    const forger = open(server().url, { secret: randomBytes(32), onError: () => undefined });
    await expectToReach(one, two);
    await redisIsThere(forger);
    const heard = new Heard(two);
    forger.publish([record(offset + 1), record(offset + 2)]);
    await until("it came", () => two.counters.unreadable === 1);
    expect(heard.messages).toEqual([]);
    expect(errors.map(String)).toEqual([expect.stringContaining("not sealed with the database's secret")]);
    await expectToReach(one, two);
    expect(heard.offsets).toEqual([offset]);
  });
});

test("installations on one Redis do not mix: by epoch, prefix and number of the database", async () => {
  const { url } = server();
  const one = await redisIsThere(open(`${url}/1`));
  const same = await redisIsThere(open(`${url}/1`));
  const others = [open(`${url}/2`), open(`${url}/1`, { epoch: "other" }), open(`${url}/1`, { prefix: `${prefix}x` })];
  const heard = await Promise.all(others.map(async (bus) => new Heard(await redisIsThere(bus))));
  await expectToReach(one, same);
  // Whatever were to come would have come before this.
  for (const bus of others) expect(bus.counters.received).toBe(0);
  for (const { messages } of heard) expect(messages).toEqual([]);
});

describe("a Redis with a password", () => {
  const guarded = useRedis({ password: "s3cret/p@ss" });

  test("is used with it", async () => {
    const [one, two] = [open(guarded().url), open(guarded().url)];
    await expectToReach(one, two);
  });

  test.each([
    ["without one", "redis://127.0.0.1", /NOAUTH/],
    ["with a wrong one", "redis://:wr0ng%2Fp%40ss@127.0.0.1", /WRONGPASS|invalid/i],
  ])("refuses %s, and what is said has no password in it", async (_, address, reason) => {
    open(`${address}:${guarded().port}`);
    await until("it is said", () => said.length === 1);
    expect(said[0]).toMatch(reason);
    expect(said[0]).not.toMatch(/wr0ng|p@ss|p%40ss/);
  });
});

test("an older server is not used, and named", async () => {
  const { proxy, url } = await proxied();
  // Of the same length, so that nothing else changes.
  proxy.rewrite = (text) => text.replace(/redis_version:\d/, "redis_version:6");
  open(url);
  await until("it is said", () => said.length === 1);
  expect(said[0]).toMatch(/^Redis 6\.\d.* answers; Redis 7 or newer is needed, or Valkey$/);
});

test("a host that does not exist, and a port at which nobody listens, are said", async () => {
  open(`redis://127.0.0.1:${await freePort()}`);
  open("redis://nowhere.invalid:6379");
  await until("both are said", () => said.length === 2);
  expect(said.toSorted().join()).toMatch(/ECONNREFUSED.*(ENOTFOUND|EAI_AGAIN)/);
});
