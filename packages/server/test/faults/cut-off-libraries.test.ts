/**
 * The libraries of Crypto Shop's, Tributary's and Transak's clients while their lines are cut at random, over every
 * transport that they have: each has everything in the end, and on each of its connections nothing twice, nothing out of
 * order and no gap. And clients that join in the middle of events: nothing falls between what they are told of the past
 * and what happens. Promises 2 and 3.
 *
 * FAULT_SEED repeats a run.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { PaymentEvent } from "@paybell/protocol";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { Api } from "../../testkit/clients/api.ts";
import {
  cryptoShopWitness,
  PUSHER_WAYS,
  type PusherWay,
  TransakWitness,
  tributaryWitness,
  type Witness,
} from "../../testkit/clients/witnesses.ts";
import { CuttingProxy } from "../../testkit/cutting-proxy.ts";
import { compareNews, cryptoShopNews, type Told, transakNews, tributaryNews } from "../../testkit/expected-news.ts";
import { seededRandom } from "../../testkit/seeded-random.ts";
import { ServerProcess } from "../../testkit/server-process.ts";
import { until } from "../../testkit/until.ts";

const SEED = Number(process.env.FAULT_SEED ?? Date.now() % 1_000_000);
const PAYMENTS = 120;
const JOINS = 20;
const CUSTOMERS = ["ann", "ben", "cem"];
const REFERENCES = ["till-0", "till-1", "till-2", "till-3", "till-4"];
const TRANSPORTS = { WebSocket: ["websocket"], polling: ["polling"], both: ["polling", "websocket"] };
const WAYS = Object.keys(PUSHER_WAYS) as PusherWay[];

type News = (log: readonly PaymentEvent[]) => Told[];

let server: ServerProcess;
let dataDir: string;
let api: Api;
const open: Witness[] = [];

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "paybell-cut-off-"));
  // The backend's channel is about all of the merchant's payments, and is to have every record of this run again. A
  // library of Socket.IO whose line is cut in the middle of its upgrade may notice by the absence of pings only.
  const limits = { replayRecords: 100_000, pingIntervalMs: 3_000 };
  await writeFile(join(dataDir, "paybell.config.json"), JSON.stringify({ limits }));
  server = await ServerProcess.start({ dataDir });
  api = new Api(server.url);
});
afterEach(() => {
  for (const witness of open.splice(0)) witness.close();
});
afterAll(async () => {
  await server.dispose();
  await rm(dataDir, { recursive: true });
});

function witnessed<W extends Witness>(witness: W): W {
  open.push(witness);
  return witness;
}

async function expectHeard(witness: Witness, expected: readonly Told[]): Promise<void> {
  const compared = () => compareNews(witness.connections, expected);
  await until(
    () => `${witness.name}: ${compared().missing.length} of ${expected.length}, like ${compared().missing.slice(0, 4)}`,
    () => compared().missing.length === 0,
  );
  expect(compared().wrong, witness.name).toEqual([]);
}

/** One of each library, on each of its transports. */
function everyClient({ url, port }: { url: string; port: number }): [Witness, News][] {
  const all: [Witness, News][] = [];
  for (const transports of Object.values(TRANSPORTS)) {
    const client = { transports };
    for (const asks of ["once", "at each connect"] as const) {
      all.push(
        [cryptoShopWitness({ url, client, asks, customers: CUSTOMERS, products: false }), cryptoShopNews],
        [tributaryWitness({ url, client, asks, trackingIds: REFERENCES }), tributaryNews],
      );
    }
  }
  for (const way of WAYS) all.push([TransakWitness.ofMerchant(port, way), transakNews]);
  for (const [witness] of all) witnessed(witness);
  return all;
}

const given = (nth: number) => ({
  customer: CUSTOMERS[nth % CUSTOMERS.length] as string,
  reference: REFERENCES[nth % REFERENCES.length] as string,
});

async function runPayments(count: number, onCreated: (id: string, nth: number) => void): Promise<void> {
  for (let nth = 0; nth < count; nth += 1) {
    const { id } = await api.createPayment(given(nth));
    onCreated(id, nth);
    await api.pay(id);
    if (nth % 5 === 0) await api.mine(1);
  }
  await api.mine(2);
}

it(`lines cut at random: every client of every library has everything (seed ${SEED})`, async () => {
  const random = seededRandom(SEED);
  const proxy = await CuttingProxy.start(server.port);
  const clients = everyClient(proxy);
  const channels = WAYS.map((way) => witnessed(new TransakWitness(proxy.port, way)));
  // Who asks only once must have been heard before the line is cut: every room and id tells of a first payment.
  await runPayments(REFERENCES.length, () => undefined);
  const before = await api.allEvents();
  for (const [witness, newsOf] of clients) await expectHeard(witness, newsOf(before));
  // Until the payments are over, and every client has been cut off.
  let over = false;
  const cutting = (async () => {
    while (!over || clients.some(([{ connections }]) => connections.length < 2)) {
      await delay(random() * 60);
      proxy.cut(random);
    }
  })();
  const followed: string[] = [];
  await runPayments(PAYMENTS, (id, nth) => {
    if (nth % 10 > 0) return;
    followed.push(id);
    for (const channel of channels) channel.follow(id);
  });
  over = true;
  await cutting;

  const log = await api.allEvents();
  for (const [witness, newsOf] of clients) await expectHeard(witness, newsOf(log));
  for (const channel of channels) await expectOrdersHeard(channel, followed, log);
  expect(proxy.cuts).toBeGreaterThan(clients.length);
  for (const witness of open.splice(0)) witness.close();
  await proxy.close();
}, 120_000);

/** A channel of one order gives its latest step when it is subscribed to, and in it all that came before. */
async function expectOrdersHeard(channel: TransakWitness, ids: readonly string[], log: readonly PaymentEvent[]) {
  for (const id of ids) {
    const steps = transakNews(log.filter(({ paymentId }) => paymentId === id));
    const statuses = steps.map(([, what]) => what.split(" ")[1]).join();
    await until(`the last step of ${id} on ${channel.name}`, () => channel.histories.get(id)?.join() === statuses);
  }
  expect(compareNews(channel.connections, transakNews(log)).wrong, channel.name).toEqual([]);
}

it("who joins or subscribes in the middle of events hears all of them, once and in order", async () => {
  const joined: [Witness, News][] = [];
  const ids: string[] = [];
  const paying = (async () => {
    for (let nth = 0; joined.length < JOINS * 4; nth += 1) {
      const { id } = await api.createPayment(given(nth));
      ids.push(id);
      await api.pay(id);
      await api.mine(1);
    }
    await api.mine(2);
  })();
  const { url, port } = server;
  for (let nth = 0; nth < JOINS; nth += 1) {
    await until("another payment", () => ids.length > nth);
    const client = { transports: Object.values(TRANSPORTS)[nth % 3] as string[] };
    const channel = new TransakWitness(port, "WebSocket");
    channel.follow(ids.at(-1) as string);
    joined.push(
      [cryptoShopWitness({ url, client, asks: "once", customers: CUSTOMERS, products: false }), cryptoShopNews],
      [tributaryWitness({ url, client, asks: "once", trackingIds: REFERENCES }), tributaryNews],
      [TransakWitness.ofMerchant(port, WAYS[nth % 3] as PusherWay), transakNews],
      [channel, () => []],
    );
    for (const [witness] of joined.slice(-4)) witnessed(witness);
  }
  await paying;
  const log = await api.allEvents();
  for (const [witness, newsOf] of joined) {
    const expected = newsOf(log);
    if (expected.length > 0) {
      await expectHeard(witness, expected);
      expect(witness.connections.length, witness.name).toBe(1);
    } else {
      const steps = transakNews(log);
      await until("the order's last step", () => witness.connections[0]?.at(-1)?.[1] === "ORDER_PROCESSING PROCESSING");
      expect(compareNews(witness.connections, steps).wrong).toEqual([]);
    }
  }
}, 120_000);
