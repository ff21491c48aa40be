/** One run: a cluster, its clients, its load, everything that is done to it; then the books are compared. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Product } from "@paybell/protocol";
import { openPostgres, postgresStoresOn } from "../postgres-home.ts";
import { seededRandom } from "../seeded-random.ts";
import type { OpenStore } from "../storing/home.ts";
import { Audience } from "./audience.ts";
import { Book } from "./book.ts";
import { CarefulBackend } from "./careful-backend.ts";
import { readChain } from "./chain-truth.ts";
import { Cluster } from "./cluster.ts";
import { FAULTS, type FaultName, inRandomOrder } from "./faults.ts";
import { auditLedger } from "./ledger-audit.ts";
import type { Findings, Listener } from "./listener.ts";
import { Load } from "./load.ts";
import { LogView } from "./log-view.ts";
import { effectsMissing } from "./outcome.ts";
import { within } from "./patience.ts";
import { Pulse } from "./pulse.ts";
import { type FaultDone, figuresOf, table } from "./report.ts";
import { KEY, nodeConfig } from "./settings.ts";
import { Shopkeeper } from "./shopkeeper.ts";
import { auditWatchWrites } from "./watch-audit.ts";

export interface RunOptions {
  nodes: number;
  payments: number;
  /** Payments per second while things are done to the cluster. */
  pace: number;
  seed: number;
  faults: readonly FaultName[];
  /** What happens, as it happens. */
  say: (line: string) => void;
}

const HANDS = 12;
/** One of each kind, and something for each room and each till. */
const WARM_UP = 60;
/** From the end of a fault to the next one, ms: twice as long at most. */
const BETWEEN_MS = 700;
const CUSTOMERS = names("customer", 20);
const SHOPPERS = names("shopper", 36);
const REFERENCES = names("till", 40);
const PRODUCTS = 3;
const STOCK = 1_000_000;
const REQUEST_TIMEOUT_MS = 6_000;
const PATIENCE_MS = 120_000;
/** All clients have everything by then, after the end. */
const SETTLE_TIMEOUT_MS = 90_000;
/** Findings that a message quotes. */
const QUOTED = 12;

export async function runCluster(options: RunOptions): Promise<void> {
  const cluster = await Cluster.start({ nodes: options.nodes, config: nodeConfig(options.payments) });
  try {
    await new Run(options, cluster).play();
  } finally {
    await cluster.close();
  }
}

class Run {
  readonly #options: RunOptions;
  readonly #cluster: Cluster;
  readonly #backend: CarefulBackend;
  readonly #book = new Book();
  readonly #done: FaultDone[] = [];
  readonly #pulse: Pulse;

  constructor(options: RunOptions, cluster: Cluster) {
    this.#options = options;
    this.#cluster = cluster;
    this.#pulse = new Pulse(cluster.databaseUrl);
    const limits = { timeoutMs: REQUEST_TIMEOUT_MS, patienceMs: PATIENCE_MS };
    this.#backend = new CarefulBackend({ url: cluster.front.url, key: KEY, ...limits });
  }

  async play(): Promise<void> {
    const { payments, pace, seed } = this.#options;
    const { front, stickyFront } = this.#cluster;
    const after = (await this.#backend.get<{ next: string }>("/v1/events?limit=1")).body.next;
    const products = await this.#stockShop();
    const [customers, shoppers, references] = [CUSTOMERS, SHOPPERS, REFERENCES];
    const people = { customers, shoppers, references, book: this.#book };
    const audience = new Audience({ front, stickyFront, after, payments, ...people });
    try {
      const onMade = (entry: Parameters<Audience["meet"]>[0]) => audience.meet(entry);
      const shopkeeper = new Shopkeeper({ backend: this.#backend, products, onMade, ...people });
      const random = seededRandom(seed);
      const amount = { payments, warmUp: WARM_UP, pace, hands: HANDS };
      const load = new Load({ backend: this.#backend, shopkeeper, random, ...amount });
      await Promise.all([load.run(), this.#breakThings(load, audience.listeners)]);
      await load.finish();
      await this.#compare(audience.listeners);
    } finally {
      await this.#pulse.stop();
      await audience.close();
    }
  }

  async #stockShop(): Promise<string[]> {
    const ids: string[] = [];
    for (let nth = 0; nth < PRODUCTS; nth += 1) {
      const product = { name: `Mug ${nth}`, price: "1000", chain: "sandbox", asset: "SBX", stock: STOCK };
      ids.push((await this.#backend.post<Product>("/v1/products", product)).body.id);
    }
    return ids;
  }

  /** Who has joined once and was never heard of would not be known when it comes back: nothing is broken before. */
  async #everybodyListens(listeners: readonly Listener[]): Promise<void> {
    const store = postgresStoresOn(await openPostgres(this.#cluster.databaseUrl));
    try {
      const deaf = async () => {
        const log = await LogView.read(store);
        return listeners.filter((listener) => listener.compare(log).missing.length > 0);
      };
      await within(
        SETTLE_TIMEOUT_MS,
        "all listeners to hear the first payments",
        async () => (await deaf()).length === 0,
      );
    } finally {
      await store.close();
    }
  }

  /** One fault after the other. */
  async #breakThings(load: Load, listeners: readonly Listener[]): Promise<void> {
    const { seed, faults, say } = this.#options;
    const random = seededRandom(seed + 1);
    await load.reached(WARM_UP);
    await this.#everybodyListens(listeners);
    load.keepPace();
    for (const name of inRandomOrder(faults, random)) {
      await sleep(BETWEEN_MS + random() * BETWEEN_MS);
      say(`${this.#book.size} payments: ${name}`);
      const done = await this.#break(name, random);
      this.#done.push(done);
      say(`  lasted ${done.lastedMs} ms, everything served again ${done.healthyMs} ms later`);
    }
    load.hurryOn();
  }

  async #break(name: FaultName, random: () => number): Promise<FaultDone> {
    const beganAtMs = Date.now();
    this.#pulse.begin();
    try {
      await FAULTS[name]({ cluster: this.#cluster, random });
    } catch (error) {
      throw new Error(`"${name}" could not be done (seed ${this.#options.seed}).`, { cause: error });
    }
    const lastedMs = Date.now() - beganAtMs;
    const healthyMs = await this.#cluster.healthy();
    const { eventsMs, blocksMs } = this.#pulse.end();
    return { fault: name, lastedMs, healthyMs, withoutEventsMs: eventsMs, withoutBlocksMs: blocksMs };
  }

  async #compare(listeners: readonly Listener[]): Promise<void> {
    const database = await openPostgres(this.#cluster.databaseUrl);
    const store = postgresStoresOn(database);
    try {
      const wrong = await this.#untilSettled(store, listeners);
      this.#report(listeners, await LogView.read(store));
      if (wrong.length === 0) return;
      const quoted = wrong.slice(0, QUOTED).join("\n");
      throw new Error(`${wrong.length} findings (seed ${this.#options.seed}):\n${quoted}\n${this.#outputs()}`);
    } finally {
      await store.close();
    }
  }

  /** What may still come is waited for; what stays wrong is returned. */
  async #untilSettled(store: OpenStore, listeners: readonly Listener[]): Promise<string[]> {
    const giveUpAtMs = Date.now() + SETTLE_TIMEOUT_MS;
    for (;;) {
      const { log, wrong } = await this.#auditStore(store);
      const heard = listeners.map((listener) => ({ name: listener.name, ...listener.compare(log) }));
      const lies = heard.flatMap(({ name, wrong: lies }) => lies.map((lie) => `${name}: ${lie}`));
      const gaps = heard.flatMap(({ name, missing }) =>
        missing.length === 0 ? [] : [`${name}: ${missing.length} missing, like ${missing[0]}`],
      );
      const all = [...wrong, ...lies, ...gaps];
      if (all.length === 0 || Date.now() > giveUpAtMs) return all;
      await sleep(1_000);
    }
  }

  async #auditStore(store: OpenStore) {
    const log = await LogView.read(store);
    const chain = await readChain(this.#cluster.databaseUrl);
    const book = this.#book;
    const watching = await auditWatchWrites(this.#cluster.databaseUrl);
    const wrong = [
      ...effectsMissing(book, chain, log),
      ...(await auditLedger({ store, log, chain, book })),
      ...watching.wrong,
    ];
    return { log, wrong };
  }

  #report(listeners: readonly Listener[], log: LogView): void {
    const { say, seed, nodes } = this.#options;
    const heard = listeners.map((listener) => [listener, listener.compare(log)] as [Listener, Findings]);
    const { answered, repeats, repeated } = this.#backend;
    const why = [...repeated].map(([reason, count]) => `${count} × ${reason}`).join(", ");
    say(`\n${this.#book.size} payments on ${nodes} nodes, ${log.records.length} events, seed ${seed}`);
    say(`${answered} requests answered, ${repeats} sent once more (${why})\n`);
    if (this.#done.length > 0) say(`${table(this.#done.map((done) => ({ ...done })))}\n`);
    say(table(figuresOf(heard).map((figures) => ({ ...figures }))));
  }

  /** What the nodes said last, where something is wrong. */
  #outputs(): string {
    return this.#cluster.nodes.map(({ name, output }) => `── ${name}\n${output.slice(-1_500)}`).join("\n");
  }
}

function names(kind: string, count: number): string[] {
  return Array.from({ length: count }, (_, nth) => `${kind}-${nth}`);
}
