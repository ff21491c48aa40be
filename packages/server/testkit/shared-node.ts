/** The part of a server between a watcher and the log, as `main.ts` puts it together for several nodes on one PostgreSQL.
 * Who watches the chain is for the test to say. */
import { randomUUID } from "node:crypto";
import type { ChainFacts, Watcher, WatchSink } from "../src/chains/watcher.ts";
import { ChainRegistry } from "../src/ingest/chain-registry.ts";
import type { CreateRequest } from "../src/ingest/ingest.ts";
import { PaymentIngest } from "../src/ingest/payment-ingest.ts";
import { WatchList } from "../src/ingest/watch-list.ts";
import { IngestSink } from "../src/ingest/watch-sink.ts";
import { WatchTerm } from "../src/ingest/watch-term.ts";
import type { Clock } from "../src/kit/clock.ts";
import { defaultLimits } from "../src/kit/limits.ts";
import type { EventLog } from "../src/log/event-log.ts";
import type { Fence } from "../src/log/leases.ts";
import type { PaymentState } from "../src/payments/payment.ts";
import type { PostgresDatabase } from "../src/storage/postgres/database.ts";
import { PostgresKeyLog } from "../src/storage/postgres/key-log.ts";
import { PostgresLeases } from "../src/storage/postgres/leases.ts";
import { openPostgres, postgresStoresOn } from "./postgres-home.ts";
import type { OpenStore } from "./storing/home.ts";

export const SHARED_MERCHANT = "merchant";
const DAY_SECONDS = 86_400;
const LONG_MS = 3_600_000;

export interface SharedNodeOptions {
  url: string;
  facts: ChainFacts;
  clock: Clock;
  openWatcher?: () => Watcher;
  /** For how long due payments are left to this node, milliseconds. */
  claimMs?: number;
  /** What ingest writes to, in place of the store's own log. */
  wrapLog?: (log: EventLog) => EventLog;
  /** Payments per commit. */
  groupSize?: number;
}

/** One time of watching. */
export interface Leading {
  fence: Fence;
  sink: WatchSink;
  end(): Promise<void>;
}

export class SharedNode {
  readonly stores: OpenStore;
  readonly leases: PostgresLeases;
  readonly watchList: WatchList;
  readonly ingest: PaymentIngest;
  /** What failed behind the back of whoever called. */
  readonly errors: unknown[];
  readonly #options: SharedNodeOptions;
  readonly #name = randomUUID();
  #term: WatchTerm | null = null;
  #fence: Fence | null = null;

  static async open(options: SharedNodeOptions): Promise<SharedNode> {
    const { url, claimMs } = options;
    const errors: unknown[] = [];
    const onError = (error: unknown) => errors.push(error);
    const database = await openPostgres(url, { onError, ...(claimMs === undefined ? {} : { claimMs }) });
    const node = new SharedNode(options, database, errors);
    const { merchants } = node.stores;
    if (!(await merchants.merchant(SHARED_MERCHANT))) {
      await merchants.createMerchant({ id: SHARED_MERCHANT, name: "The shop", createdAtMs: 1, xpubs: {} });
    }
    return node;
  }

  private constructor(options: SharedNodeOptions, database: PostgresDatabase, errors: unknown[]) {
    const { facts, clock, wrapLog = (log: EventLog) => log, groupSize = 100 } = options;
    this.#options = options;
    this.errors = errors;
    this.stores = postgresStoresOn(database);
    this.leases = new PostgresLeases(database);
    const { log, payments, merchants, products } = this.stores;
    const onError = (error: unknown) => errors.push(error);
    this.watchList = new WatchList({ store: payments, keyLog: new PostgresKeyLog(database), onError });
    database.onHint("appended", () => this.watchList.look());
    log.onAppended(() => this.watchList.look());
    this.ingest = new PaymentIngest({
      ...{ log: wrapLog(log), store: payments, merchants, products, watchList: this.watchList, clock, groupSize },
      chains: new ChainRegistry([{ facts, watched: true }]),
      defaults: { expiresInSeconds: DAY_SECONDS, monitoringSeconds: DAY_SECONDS, gapLimit: defaultLimits.gapLimit },
      observable: () => true,
      transfersPerPayment: defaultLimits.transfersPerPayment,
      pendingCommands: defaultLimits.pendingCommands,
      storeProgressEveryMs: 20,
    });
  }

  create(request: Partial<CreateRequest> = {}): Promise<PaymentState> {
    const { chain, assets } = this.#options.facts;
    const asset = assets[0]?.symbol ?? "";
    return this.ingest.create({ merchantId: SHARED_MERCHANT, chain, asset, amountAtomic: null, ...request });
  }

  /** Watches the chain from now on. @throws Error where another node does */
  async lead(): Promise<void> {
    const { openWatcher, facts } = this.#options;
    if (!openWatcher) throw new Error("This node has no watcher.");
    const fence = await this.#acquire();
    this.#fence = fence;
    const onLeaseLost = () => undefined;
    const { watchList, ingest } = this;
    const given = { facts, watchList, ingest, store: this.stores.payments, openWatcher: async () => openWatcher() };
    const term = new WatchTerm({ ...given, fence, onLeaseLost });
    this.#term = term;
    await term.started;
  }

  /** As a watcher of its own would have it: the test reports in its place. */
  async leadByHand(onAnnounced: (matchKey: string) => void = () => undefined): Promise<Leading> {
    const { facts } = this.#options;
    const fence = await this.#acquire();
    this.#fence = fence;
    const keys = await this.watchList.begin(facts.chain, onAnnounced);
    const sink = new IngestSink(facts, { ingest: this.ingest, store: this.stores.payments, keys, fence });
    const end = async () => this.watchList.end(facts.chain, keys);
    return { fence, sink, end };
  }

  /** The lease is over, and it does not know it: it goes on watching. */
  async loseLease(): Promise<void> {
    if (this.#fence) await this.leases.release(this.#fence);
    this.#fence = null;
  }

  async stopLeading(): Promise<void> {
    await this.#term?.stop();
    this.#term = null;
    await this.loseLease();
  }

  async close(): Promise<void> {
    await this.stopLeading();
    await this.stores.close();
  }

  async #acquire(): Promise<Fence> {
    const fence = await this.leases.acquire(`watch ${this.#options.facts.chain}`, this.#name, LONG_MS);
    if (!fence) throw new Error("Another node watches the chain.");
    return fence;
  }
}
