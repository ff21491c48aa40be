/**
 * The server is killed at random moments of a run of payments, with clients attached, and started again. At the end the
 * clients with a cursor have the complete, ordered history, each event once; those of Crypto Shop, Tributary and Transak
 * have everything at least once, in order and once on each connection; nothing was ever told that is not in the log; and
 * of the products that were ordered every unit is accounted for. Promises 1, 2, 3 and 7.
 *
 * FAULT_PAYMENTS and FAULT_SEED repeat a run of another size, or one that failed.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Order, PaymentEvent, Product } from "@paybell/protocol";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Api } from "../../testkit/clients/api.ts";
import { type CursorClient, PollingClient, SseClient, StreamClient } from "../../testkit/clients/cursor-client.ts";
import { cryptoShopWitness, TransakWitness, tributaryWitness, type Witness } from "../../testkit/clients/witnesses.ts";
import { compareNews, cryptoShopNews, type Told, transakNews, tributaryNews } from "../../testkit/expected-news.ts";
import { seededRandom } from "../../testkit/seeded-random.ts";
import { ServerProcess } from "../../testkit/server-process.ts";
import { auditStock, type OrderFacts } from "../../testkit/stock-audit.ts";
import { until } from "../../testkit/until.ts";

const PAYMENTS = Number(process.env.FAULT_PAYMENTS ?? 1_000);
const SEED = Number(process.env.FAULT_SEED ?? Date.now() % 1_000_000);
const KILLS = 8;
const WORKERS = 8;
const SSE_CLIENTS = 10;
const KEY = "sk_sandbox_paybell";

/** One payment in so many is an order for products, by a shopper who has no other that is open. */
const ORDERS_EVERY = 10;
const STOCK = 10_000;
const CUSTOMERS = Array.from({ length: 5 }, (_, nth) => `customer-${nth}`);
const SHOPPERS = Array.from({ length: WORKERS }, (_, nth) => `shopper-${nth}`);
const REFERENCES = Array.from({ length: 40 }, (_, nth) => `till-${nth}`);
const ORDER_CHANNELS = 10;

/** What a payment was made with. */
interface Given {
  reference: string;
  customer: string;
  items: OrderFacts["items"];
}

let server: ServerProcess;
let dataDir: string;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "paybell-kill9-"));
  // The backend's channel is about all of the merchant's payments, and is to have every record of this run again.
  const limits = { replayRecords: PAYMENTS * 20 };
  await writeFile(join(dataDir, "paybell.config.json"), JSON.stringify({ limits }));
  server = await ServerProcess.start({ dataDir });
});
afterAll(async () => {
  await server.dispose();
  await rm(dataDir, { recursive: true });
});

/** Creates and pays `PAYMENTS` payments, several at a time, through crashes. Returns what each was made with, by id. */
async function runPayments(api: Api, productId: string, onCreated: (id: string) => void): Promise<Map<string, Given>> {
  const made = new Map<string, Given>();
  let started = 0;
  const worker = async (shopper: string) => {
    while (started < PAYMENTS) {
      const nth = started++;
      const isOrder = nth % ORDERS_EVERY === 0;
      const reference = REFERENCES[nth % REFERENCES.length] as string;
      const customer = isOrder ? shopper : (CUSTOMERS[nth % CUSTOMERS.length] as string);
      const items = isOrder ? [{ productId, quantity: 1 + (nth % 3) }] : [];
      const { id } = isOrder
        ? await api.insist((key) => api.call<Order>("POST", "/v1/orders", { customer, reference, items }, key))
        : await api.insist((key) => api.createPayment({ reference, customer }, key));
      made.set(id, { reference, customer, items });
      onCreated(id);
      await api.insist(() => api.pay(id));
      if (isOrder) await api.insist(() => api.mine(2));
      if (made.size % 25 === 0) await api.insist(() => api.mine(1));
    }
  };
  await Promise.all(SHOPPERS.map(worker));
  await api.insist(() => api.mine(6));
  return made;
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

/** Clients of the three documents, each with what it is to hear of the whole log. */
function witnesses(made: () => ReadonlyMap<string, Given>): [Witness, (log: readonly PaymentEvent[]) => Told[]][] {
  const { url } = server;
  const [websocket, polling] = [{ transports: ["websocket"] }, { transports: ["polling"] }];
  const about = (told: readonly Told[], names: readonly string[], nameOf: (about: string) => string | undefined) =>
    told.filter(([name]) => names.includes(nameOf(name) ?? ""));
  const customerOf = (id: string) => made().get(id)?.customer;
  const shop = (names: readonly string[]) => (log: readonly PaymentEvent[]) =>
    about(cryptoShopNews(log), names, customerOf);
  const shopAndStock = (log: readonly PaymentEvent[]) =>
    cryptoShopNews(log).filter(([name]) => !made().has(name) || SHOPPERS.includes(customerOf(name) ?? ""));
  const till = (names: readonly string[]) => (log: readonly PaymentEvent[]) =>
    about(tributaryNews(log), names, (name) => name);
  const some = REFERENCES.slice(0, 10);
  return [
    [cryptoShopWitness({ url, client: websocket, asks: "once", customers: SHOPPERS, products: true }), shopAndStock],
    [
      cryptoShopWitness({ url, client: polling, asks: "at each connect", customers: CUSTOMERS, products: false }),
      shop(CUSTOMERS),
    ],
    [tributaryWitness({ url, client: websocket, asks: "once", trackingIds: REFERENCES }), till(REFERENCES)],
    [tributaryWitness({ url, client: polling, asks: "at each connect", trackingIds: some }), till(some)],
    [TransakWitness.ofMerchant(server.port, "WebSocket"), transakNews],
  ];
}

async function expectHeard(witness: Witness, expected: readonly Told[]): Promise<void> {
  const compared = () => compareNews(witness.connections, expected);
  await until(
    () =>
      `${witness.name}: ${compared().missing.length} of ${expected.length}, like ${compared().missing.slice(0, 4)}; heard ${witness.connections.map(({ length }) => length)}`,
    () => compared().missing.length === 0,
  );
  expect(compared().wrong, witness.name).toEqual([]);
  expect(witness.connections.length, witness.name).toBeGreaterThan(KILLS / 2);
  witness.close();
}

/** Each channel gives its order's latest step when it is subscribed to, and in it all that came before. */
async function expectOrdersHeard(witness: TransakWitness, ids: readonly string[], log: readonly PaymentEvent[]) {
  for (const id of ids) {
    const steps = transakNews(log.filter(({ paymentId }) => paymentId === id));
    const statuses = steps.map(([, what]) => what.split(" ")[1]).join();
    await until(`the last step of ${id}`, () => witness.histories.get(id)?.join() === statuses);
    const own = witness.connections.map((connection) => connection.filter(([about]) => about === id));
    expect(compareNews(own, steps).wrong).toEqual([]);
  }
  witness.close();
}

/** Every unit that left was sold to somebody, once; nothing is reserved any more. */
async function expectStockExact(api: Api, productId: string, log: readonly PaymentEvent[], made: Map<string, Given>) {
  const records = log.map((event, offset) => ({ ...event, offset, atMs: 0, merchantId: "sandbox", topics: [] }));
  const books = auditStock(records, (id) => made.get(id) as Given);
  const orders = [...made].filter(([, { items }]) => items.length > 0);
  for (const [id] of orders) expect(books.orders.get(id)).toEqual({ stock: "taken", status: "completed", taken: 1 });
  const wanted = orders.reduce((sum, [, { items }]) => sum + (items[0]?.quantity ?? 0), 0);
  expect(books.sold.get(productId)).toBe(wanted);
  const { stock, reserved } = await api.call<Product>("GET", `/v1/products/${productId}`);
  expect({ stock, reserved }).toEqual({ stock: STOCK - wanted, reserved: 0 });
}

test(`kill -9 at ${KILLS} random moments of ${PAYMENTS} payments (seed ${SEED}): nothing lost, nothing twice, nothing untrue`, async () => {
  const api = new Api(server.url, KEY);
  const start = (await api.call<{ next: string }>("GET", "/v1/events?limit=1")).next;
  const topic = "merchant:sandbox";
  const merchantClients: CursorClient[] = [
    new StreamClient({ wsUrl: server.wsUrl, key: KEY, topic, after: start }),
    new StreamClient({ wsUrl: server.wsUrl, key: KEY, topic, after: start }),
    new PollingClient({ url: server.url, key: KEY, after: start }),
  ];
  const product = { name: "Mug", price: "1000", chain: "sandbox", asset: "SBX", stock: STOCK };
  const { id: productId } = await api.call<Product>("POST", "/v1/products", product);
  let made: ReadonlyMap<string, Given> = new Map();
  const ofDocuments = witnesses(() => made);
  const orderChannels = new TransakWitness(server.port, "WebSocket");
  const sseClients = new Map<string, SseClient>();
  const followed: string[] = [];
  let created = 0;
  const killing = killAtRandom(() => created);
  const payments = await runPayments(api, productId, (id) => {
    created += 1;
    if (sseClients.size < SSE_CLIENTS) sseClients.set(id, new SseClient({ url: server.url, paymentId: id }));
    if (created % Math.ceil(PAYMENTS / ORDER_CHANNELS) === 1)
      orderChannels.follow(followed[followed.push(id) - 1] as string);
  });
  made = payments;
  const ids = [...payments.keys()];
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
  for (const [witness, newsOf] of ofDocuments) await expectHeard(witness, newsOf(log));
  await expectOrdersHeard(orderChannels, followed, log);
  await expectStockExact(api, productId, log, payments);

  expect(ids.length).toBe(PAYMENTS);
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
