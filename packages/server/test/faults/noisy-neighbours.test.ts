/**
 * One bad client hurts nobody (promise 6): while some never read, some send a byte now and then, and thousands begin
 * handshakes that they never finish, good clients on every wire get every event in order and once, new ones get in,
 * and requests are answered. How long that takes is measured in bench/, not here.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PaymentEvent } from "@paybell/protocol";
import { afterAll, beforeAll, expect, test } from "vitest";
import { descriptorLimit } from "../../src/kit/descriptors.ts";
import { Api } from "../../testkit/clients/api.ts";
import { BlockonomicsClient } from "../../testkit/clients/blockonomics-client.ts";
import { type CursorClient, PollingClient, SseClient, StreamClient } from "../../testkit/clients/cursor-client.ts";
import { Noise } from "../../testkit/clients/noise.ts";
import { ServerProcess } from "../../testkit/server-process.ts";
import { until } from "../../testkit/until.ts";

const KEY = "sk_sandbox_paybell";
const PAYMENTS = 100;
/** This process needs a descriptor for each. */
const HALF_OPEN = Math.min(2_000, Math.floor((descriptorLimit() ?? 4_000) / 2));

let server: ServerProcess;
let api: Api;
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "paybell-noise-"));
  // Short, so that the limits on slow clients are met within the test; the deaf ones fill their buffers soon.
  const limits = { handshakeTimeoutMs: 1_000, requestTimeoutMs: 1_500, bufferedBytes: 65_536, closeTimeoutMs: 500 };
  await writeFile(join(directory, "paybell.config.json"), JSON.stringify({ limits }));
  server = await ServerProcess.start({ dataDir: directory });
  api = new Api(server.url, KEY);
});
afterAll(async () => {
  await server.dispose();
  await rm(directory, { recursive: true, force: true });
});

const line = (event: PaymentEvent) => `${event.position} ${event.type} ${event.paymentId} ${event.sequence}`;

test("good clients get everything, new ones get in, and the bad ones are let go of", async () => {
  const watched = await api.createPayment({ amount: null });
  const start = (await api.call<{ next: string }>("GET", "/v1/events?limit=1")).next;
  const clients: CursorClient[] = [
    new StreamClient({ wsUrl: server.wsUrl, key: KEY, topic: "merchant:sandbox", after: start }),
    new PollingClient({ url: server.url, key: KEY, after: start }),
  ];
  const blockonomics = new BlockonomicsClient({ wsUrl: server.wsUrl, address: String(watched.address) });
  const noise = await Noise.start({
    port: server.port,
    key: KEY,
    paymentId: watched.id,
    halfOpen: HALF_OPEN,
    addresses: ["127.0.0.1"],
    againMs: 100,
    byteEveryMs: 100,
  });
  const paid: string[] = [];
  for (let count = 0; count < PAYMENTS; count += 1) {
    const { id } = await api.createPayment();
    await api.pay(id);
    if (count % 10 === 0) paid.push((await api.pay(watched.id, "1000")).txId);
    if (count % 20 === 0)
      clients.push(new StreamClient({ wsUrl: server.wsUrl, key: KEY, topic: "merchant:sandbox", after: start }));
    if (count % 5 === 0) await api.mine(1);
  }
  await api.mine(2);
  const late = new SseClient({ url: server.url, paymentId: watched.id });

  const log = await api.allEvents();
  const history = log.filter((event) => event.paymentId === watched.id);
  await until("the clients", () => clients.every((client) => client.told.length >= log.length - 1));
  await until("the one that came last", () => late.told.length >= history.length);
  for (const client of clients) expect(client.told.map(line)).toEqual(log.slice(1).map(line));
  expect(late.told.map(line)).toEqual(history.map(line));
  await until("every transaction to be confirmed", () =>
    paid.every((txId) => blockonomics.statusesOf(txId).at(-1) === 2),
  );
  await until("half-open handshakes to be cut", () => noise.cut >= HALF_OPEN);

  noise.stop();
  blockonomics.stop();
  await Promise.all([...clients, late].map((client) => client.stop()));
  await until("all places to be free", async () => {
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    return !/^paybell_connections\{.*\} [1-9]/m.test(metrics);
  });
}, 120_000);
