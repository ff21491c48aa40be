/**
 * Clients whose line is cut at random, again and again, while payments go on: each resumes by its cursor without a gap
 * and without a duplicate. And clients that come in the middle of it all: what they are shown first is never newer than
 * what follows, nor older than what they were told. Promises 2 and 3.
 *
 * FAULT_SEED repeats a run.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { MerchantPayment, PaymentEvent, StreamMessage } from "@paybell/protocol";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import { Api } from "../../testkit/clients/api.ts";
import { type CursorClient, PollingClient, SseClient, StreamClient } from "../../testkit/clients/cursor-client.ts";
import { seededRandom } from "../../testkit/seeded-random.ts";
import { ServerProcess } from "../../testkit/server-process.ts";
import { until } from "../../testkit/until.ts";

const SEED = Number(process.env.FAULT_SEED ?? Date.now() % 1_000_000);
const KEY = "sk_sandbox_paybell";
const PAYMENTS = 120;

let server: ServerProcess;
let api: Api;

beforeAll(async () => {
  server = await ServerProcess.start();
  api = new Api(server.url, KEY);
});
afterAll(async () => {
  await server.dispose();
});

const line = (event: PaymentEvent) =>
  `${event.position} ${event.id} ${event.type} ${event.paymentId} ${event.sequence}`;

test(`lines cut at random: every client ends with the whole history, each event once (seed ${SEED})`, async () => {
  const random = seededRandom(SEED);
  const start = (await api.call<{ next: string }>("GET", "/v1/events?limit=1")).next;
  const first = await api.createPayment();
  const clients: CursorClient[] = [
    new StreamClient({ wsUrl: server.wsUrl, key: KEY, topic: "merchant:sandbox", after: start }),
    new PollingClient({ url: server.url, key: KEY, after: start }),
  ];
  const ofOne: CursorClient[] = [
    new SseClient({ url: server.url, paymentId: first.id }),
    new StreamClient({ wsUrl: server.wsUrl, key: null, topic: `payment:${first.id}`, after: start }),
  ];
  let over = false;
  const cutting = (async () => {
    while (!over) {
      await delay(random() * 80);
      const all = [...clients, ...ofOne];
      all[Math.floor(random() * all.length)]?.cut();
    }
  })();
  for (let count = 0; count < PAYMENTS; count += 1) {
    const { id } = await api.createPayment();
    await api.pay(id);
    if (count % 10 === 0) await api.pay(first.id, "1000");
    if (count % 5 === 0) await api.mine(1);
    if (count % 30 === 29) await api.reorg(2);
  }
  await api.mine(6);
  over = true;
  await cutting;

  const log = await api.allEvents();
  const history = log.filter((event) => event.paymentId === first.id);
  await until("the merchant's clients", () => clients.every((client) => client.told.length >= log.length));
  await until("the payment's clients", () => ofOne.every((client) => client.told.length >= history.length));
  for (const client of clients) expect(client.told.map(line)).toEqual(log.map(line));
  for (const client of ofOne) expect(client.told.map(line)).toEqual(history.map(line));
  for (const client of [...clients, ...ofOne]) expect(client.connections).toBeGreaterThan(2);
  await Promise.all([...clients, ...ofOne].map((client) => client.stop()));
}, 120_000);

/** Subscribes without a cursor and keeps what it gets, in order. */
function joiner(paymentId: string): { messages: StreamMessage[]; close: () => void } {
  const messages: StreamMessage[] = [];
  const socket = new WebSocket(`${server.wsUrl}/v1/stream`, { headers: { authorization: `Bearer ${KEY}` } });
  socket.on("open", () => socket.send(JSON.stringify({ type: "subscribe", topic: `payment:${paymentId}` })));
  socket.on("message", (data) => messages.push(JSON.parse(String(data)) as StreamMessage));
  return { messages, close: () => socket.terminate() };
}

test("a snapshot taken under load is followed by exactly the events behind it", async () => {
  const { id } = await api.createPayment({ amount: "1000000" });
  const joiners: ReturnType<typeof joiner>[] = [];
  for (let count = 0; count < 60; count += 1) {
    const paying = api.pay(id, "1000");
    joiners.push(joiner(id), joiner(id));
    await paying;
  }
  await until("all to have a snapshot", () =>
    joiners.every(({ messages }) => messages.some(({ type }) => type === "snapshot")),
  );
  await api.pay(id, "940000");
  await api.mine(6);
  const log = await api.allEvents(id);
  const last = log.at(-1) as PaymentEvent;
  await until("all to hear the end", () =>
    joiners.every(({ messages }) => {
      const end = messages.at(-1);
      return end?.type === "event" && end.event.id === last.id;
    }),
  );
  for (const { messages, close } of joiners) {
    const snapshots = messages.flatMap((message) => (message.type === "snapshot" ? [message.payment] : []));
    expect(snapshots).toHaveLength(1);
    const { sequence } = snapshots[0] as MerchantPayment;
    const events = messages.flatMap((message) => (message.type === "event" ? [message.event.sequence] : []));
    expect(events).toEqual(log.slice(sequence).map((event) => event.sequence));
    expect(messages.findIndex(({ type }) => type === "snapshot")).toBeLessThan(
      messages.findIndex(({ type }) => type === "event"),
    );
    close();
  }
}, 60_000);
