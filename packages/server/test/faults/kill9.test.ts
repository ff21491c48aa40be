/**
 * The server is killed at random moments of a run of payments, with clients attached, and started again. At the end the
 * clients with a cursor have the complete, ordered history, each event once, and nothing was ever told that is not in
 * the log. Promises 1, 2, 3 and 7.
 *
 * FAULT_PAYMENTS and FAULT_SEED repeat a run of another size, or one that failed.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { PaymentEvent } from "@paybell/protocol";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Api } from "../../testkit/clients/api.ts";
import { type CursorClient, PollingClient, SseClient, StreamClient } from "../../testkit/clients/cursor-client.ts";
import { seededRandom } from "../../testkit/seeded-random.ts";
import { ServerProcess } from "../../testkit/server-process.ts";
import { until } from "../../testkit/until.ts";

const PAYMENTS = Number(process.env.FAULT_PAYMENTS ?? 1_000);
const SEED = Number(process.env.FAULT_SEED ?? Date.now() % 1_000_000);
const KILLS = 8;
const WORKERS = 8;
const SSE_CLIENTS = 10;
const KEY = "sk_sandbox_paybell";

let server: ServerProcess;

beforeAll(async () => {
  server = await ServerProcess.start();
});
afterAll(async () => {
  await server.dispose();
});

/** Creates and pays `PAYMENTS` payments, several at a time, through crashes. Returns their ids. */
async function runPayments(api: Api, onCreated: (id: string) => void): Promise<string[]> {
  const ids: string[] = [];
  let started = 0;
  const worker = async () => {
    while (started < PAYMENTS) {
      const reference = `order-${started++}`;
      const { id } = await api.insist((key) => api.createPayment({ reference }, key));
      ids.push(id);
      onCreated(id);
      await api.insist(() => api.pay(id));
      if (ids.length % 25 === 0) await api.insist(() => api.mine(1));
    }
  };
  await Promise.all(Array.from({ length: WORKERS }, worker));
  await api.insist(() => api.mine(6));
  return ids;
}

async function killAtRandom(done: () => number): Promise<void> {
  const random = seededRandom(SEED);
  for (let kill = 1; kill <= KILLS; kill += 1) {
    await until(`payment ${kill}/${KILLS + 2} of the run`, () => done() >= (kill * PAYMENTS) / (KILLS + 2));
    await delay(random() * 300);
    await server.kill9();
    await delay(random() * 200);
    await server.restart();
  }
}

const line = (event: PaymentEvent) =>
  `${event.position} ${event.id} ${event.type} ${event.paymentId} ${event.sequence}`;

test(`kill -9 at ${KILLS} random moments of ${PAYMENTS} payments (seed ${SEED}): nothing lost, nothing twice, nothing untrue`, async () => {
  const api = new Api(server.url, KEY);
  const start = (await api.call<{ next: string }>("GET", "/v1/events?limit=1")).next;
  const topic = "merchant:sandbox";
  const merchantClients: CursorClient[] = [
    new StreamClient({ wsUrl: server.wsUrl, key: KEY, topic, after: start }),
    new StreamClient({ wsUrl: server.wsUrl, key: KEY, topic, after: start }),
    new PollingClient({ url: server.url, key: KEY, after: start }),
  ];
  const sseClients = new Map<string, SseClient>();
  let created = 0;
  const killing = killAtRandom(() => created);
  const ids = await runPayments(api, (id) => {
    created += 1;
    if (sseClients.size < SSE_CLIENTS) sseClients.set(id, new SseClient({ url: server.url, paymentId: id }));
  });
  await killing;

  const log = await api.allEvents();
  const last = log.at(-1) as PaymentEvent;
  await until("the merchant's clients to catch up", () =>
    merchantClients.every((client) => client.told.at(-1)?.position === last.position),
  );
  for (const client of merchantClients) expect(client.told.map(line)).toEqual(log.map(line));

  for (const [paymentId, client] of sseClients) {
    const history = log.filter((event) => event.paymentId === paymentId);
    await until("an SSE client to catch up", () => client.told.length >= history.length);
    expect(client.told.map(line)).toEqual(history.map(line));
  }

  expect(new Set(ids).size).toBe(PAYMENTS);
  const createdIds = log.filter((event) => event.type === "payment.created").map((event) => event.paymentId);
  expect(createdIds.sort()).toEqual([...ids].sort());
  for (const id of ids) {
    const history = log.filter((event) => event.paymentId === id);
    expect(history.map((event) => event.sequence)).toEqual(history.map((_, index) => index + 1));
    expect(history.filter((event) => event.type === "payment.paid")).toHaveLength(1);
    expect(history.at(-1)?.data.payment?.status).toBe("final");
  }
  await Promise.all([...merchantClients, ...sseClients.values()].map((client) => client.stop()));
}, 240_000);
