/** The part of the server between a watcher and the log, as `main.ts` puts it together: real ingest, real SQLite. */
import type { ChainFacts, Watcher, WatchSink } from "../src/chains/watcher.ts";
import { ChainRegistry } from "../src/ingest/chain-registry.ts";
import type { CreateRequest } from "../src/ingest/ingest.ts";
import { PaymentIngest } from "../src/ingest/payment-ingest.ts";
import { ProductIngest } from "../src/ingest/product-ingest.ts";
import { WatchList } from "../src/ingest/watch-list.ts";
import { IngestSink } from "../src/ingest/watch-sink.ts";
import type { WatchedKeys } from "../src/ingest/watched-keys.ts";
import type { Clock } from "../src/kit/clock.ts";
import { defaultLimits } from "../src/kit/limits.ts";
import type { LogRecord } from "../src/log/event-log.ts";
import { topics } from "../src/log/topic.ts";
import type { PaymentState } from "../src/payments/payment.ts";
import { SqliteDatabase } from "../src/storage/sqlite/database.ts";
import { SqliteEventLog } from "../src/storage/sqlite/event-log.ts";
import { SqliteMerchantStore } from "../src/storage/sqlite/merchant-store.ts";
import { SqlitePaymentStore } from "../src/storage/sqlite/payment-store.ts";
import { SqliteProductStore } from "../src/storage/sqlite/product-store.ts";

const MERCHANT = "merchant";
const DAY_SECONDS = 86_400;

const fail = (error: unknown): never => {
  throw error;
};

export class ServerCore {
  readonly database: SqliteDatabase;
  readonly log: SqliteEventLog;
  readonly store: SqlitePaymentStore;
  readonly ingest: PaymentIngest;
  readonly products: SqliteProductStore;
  readonly productIngest: ProductIngest;
  readonly #watchList: WatchList;
  readonly #facts: ChainFacts;
  #keys: WatchedKeys | null = null;
  #told: (recipient: string) => void = () => undefined;

  /** On a new directory, or on the one of a core that ended. */
  static async open(dataDir: string, facts: ChainFacts, clock: Clock): Promise<ServerCore> {
    const database = await SqliteDatabase.open({
      dataDir,
      mode: "sandbox",
      exclusive: true,
      pendingCommands: defaultLimits.pendingCommands,
      onFatal: fail,
      onListenerError: fail,
    });
    const merchants = new SqliteMerchantStore(database);
    if (!(await merchants.merchant(MERCHANT))) {
      await merchants.createMerchant({ id: MERCHANT, name: "The shop", createdAtMs: clock.nowMs(), xpubs: {} });
    }
    const core = new ServerCore(database, merchants, facts, clock);
    core.#keys = await core.#watchList.begin(facts.chain, (recipient) => core.#told(recipient));
    return core;
  }

  private constructor(database: SqliteDatabase, merchants: SqliteMerchantStore, facts: ChainFacts, clock: Clock) {
    this.database = database;
    this.log = new SqliteEventLog(database);
    this.store = new SqlitePaymentStore(database);
    this.#watchList = new WatchList({ store: this.store, keyLog: null, onError: fail });
    this.products = new SqliteProductStore(database);
    this.#facts = facts;
    const chains = new ChainRegistry([{ facts, watched: true }]);
    this.productIngest = new ProductIngest({ log: this.log, products: this.products, chains, clock });
    this.ingest = new PaymentIngest({
      log: this.log,
      store: this.store,
      merchants,
      products: this.products,
      chains,
      watchList: this.#watchList,
      clock,
      storeProgressEveryMs: null,
      defaults: {
        expiresInSeconds: DAY_SECONDS,
        monitoringSeconds: DAY_SECONDS,
        gapLimit: defaultLimits.gapLimit,
      },
      observable: () => true,
      transfersPerPayment: defaultLimits.transfersPerPayment,
      groupSize: 100,
      pendingCommands: defaultLimits.pendingCommands,
    });
  }

  get sink(): WatchSink {
    if (!this.#keys) throw new Error("The core has not been opened.");
    return new IngestSink(this.#facts, { ingest: this.ingest, store: this.store, keys: this.#keys });
  }

  /** The watcher hears of every new address from now on. */
  tell(watcher: Pick<Watcher, "onWatched">): void {
    this.#told = (recipient) => watcher.onWatched(recipient);
  }

  create(request: Pick<CreateRequest, "asset" | "amountAtomic"> & Partial<CreateRequest>): Promise<PaymentState> {
    return this.ingest.create({ merchantId: MERCHANT, chain: this.#facts.chain, ...request });
  }

  /** The payer's side names the transaction by which it says to have paid. */
  claim(paymentId: string, txId: string): Promise<PaymentState> {
    return this.ingest.execute(MERCHANT, paymentId, { type: "claim", txId });
  }

  async payment(paymentId: string): Promise<PaymentState> {
    const snapshot = await this.store.snapshot(paymentId);
    if (!snapshot) throw new Error(`There is no payment ${paymentId}.`);
    return snapshot.state;
  }

  /** The payment's events in order, at most 1,000. */
  async eventsOf(paymentId: string): Promise<readonly LogRecord[]> {
    return (await this.log.readAfter(0, { topics: [topics.payment(paymentId)], limit: 1_000 })).records;
  }

  /** `transfer.unattributed` and whatever else concerns the merchant, at most 1,000. */
  async eventsOfMerchant(): Promise<readonly LogRecord[]> {
    return (await this.log.readAfter(0, { topics: [topics.merchant(MERCHANT)], limit: 1_000 })).records;
  }

  close(): Promise<void> {
    return this.database.close();
  }
}
