/** A shop on the real ingest and the real store, with a clock and a chain that stand still until a test moves them. */
import { sandboxFacts } from "../src/chains/sandbox/facts.ts";
import type { OrderLine } from "../src/ingest/ingest.ts";
import type { LogRecord } from "../src/log/event-log.ts";
import { topics } from "../src/log/topic.ts";
import type { PaymentState } from "../src/payments/payment.ts";
import type { Product } from "../src/payments/product.ts";
import type { Observation } from "../src/payments/transfer.ts";
import { ManualClock } from "./manual-clock.ts";
import { ServerCore } from "./server-core.ts";
import { auditStock, type Books, type OrderFacts } from "./stock-audit.ts";

export const EXPIRES_IN_SECONDS = 600;

export type Sighting = Pick<Observation, "status" | "confirmations"> & { txId?: string };

export class ShopFloor {
  readonly clock: ManualClock;
  readonly core: ServerCore;
  readonly merchantId: string;
  /** What was ordered; an erasure takes it out of the store, not out of here. */
  readonly ordered = new Map<string, OrderFacts>();
  readonly #fromOffset: number;

  /** On a new directory. */
  static async open(dataDir: string, startMs = Date.UTC(2026, 0, 1)): Promise<ShopFloor> {
    const clock = new ManualClock(startMs);
    return new ShopFloor(await ServerCore.open(dataDir, sandboxFacts, clock), clock, "merchant", 0);
  }

  private constructor(core: ServerCore, clock: ManualClock, merchantId: string, fromOffset: number) {
    this.core = core;
    this.clock = clock;
    this.merchantId = merchantId;
    this.#fromOffset = fromOffset;
  }

  /** Another merchant's, on the same store. */
  async another(merchantId: string): Promise<ShopFloor> {
    return new ShopFloor(this.core, this.clock, merchantId, await this.core.log.head());
  }

  /** What was ordered on this directory before, and not erased. */
  async recall(): Promise<void> {
    const { merchantId } = this;
    for (let after: string | null = null; ; ) {
      const rest: { after?: string } = after === null ? {} : { after };
      const page = await this.core.store.list({ merchantId, order: "any", limit: 500, ...rest });
      for (const { payment } of page.payments) {
        this.ordered.set(payment.id, { customer: payment.customer ?? "", items: payment.items ?? [] });
      }
      after = page.next;
      if (after === null) return;
    }
  }

  product(stock: number, priceAtomic = 100n): Promise<Product> {
    const { merchantId } = this;
    const coin = { chain: "sandbox", asset: "SBX" };
    return this.core.productIngest.create({ merchantId, name: "Bell", priceAtomic, ...coin, stock });
  }

  async order(customer: string, items: readonly OrderLine[]): Promise<PaymentState> {
    const { merchantId } = this;
    const expiry = { expiresInSeconds: EXPIRES_IN_SECONDS };
    const state = await this.core.ingest.createOrder({ merchantId, customer, items, ...expiry });
    this.ordered.set(state.payment.id, { customer, items });
    return state;
  }

  /** A transaction that pays the whole order is seen, gets deeper, or is lost. */
  async see(orderId: string, { status, confirmations, txId = "tx" }: Sighting): Promise<PaymentState> {
    const { payment } = await this.core.payment(orderId);
    const isIn = status === "included";
    const observation = {
      txId: `${txId}-${orderId}`,
      index: "0",
      asset: payment.asset,
      amountAtomic: payment.amountAtomic ?? 0n,
      status,
      confirmations: isIn ? Math.max(confirmations, 1) : 0,
      block: isIn ? { height: 5, hash: `block-${txId}`, timeMs: this.clock.nowMs() } : null,
    };
    const [state] = await this.core.ingest.observe(this.merchantId, [{ paymentId: orderId, observation }]);
    return state as PaymentState;
  }

  pay(orderId: string): Promise<PaymentState> {
    return this.see(orderId, { status: "included", confirmations: 2 });
  }

  /** Time passes, and the chain was watched all the while. */
  async wait(seconds: number): Promise<void> {
    this.clock.advance(seconds * 1_000);
    const watched = { disconnected: [], observations: [], head: null, cursor: null };
    await this.core.ingest.report(sandboxFacts, { ...watched, watchedUntilMs: this.clock.nowMs() });
    await this.core.ingest.tick();
  }

  /** `stock/reserved` of each product. */
  async numbers(...products: readonly Pick<Product, "id">[]): Promise<string[]> {
    const found = await this.#found(products.map(({ id }) => id));
    return found.map(({ stock, reserved }) => `${stock}/${reserved}`);
  }

  /** The merchant's records since the shop was opened. */
  async records(): Promise<LogRecord[]> {
    const found: LogRecord[] = [];
    for (let offset = this.#fromOffset; ; ) {
      const page = await this.core.log.readAfter(offset, { topics: [topics.merchant(this.merchantId)], limit: 1_000 });
      found.push(...page.records);
      offset = page.next;
      if (page.next >= page.head) return found;
    }
  }

  /** The books, after they were found to agree with the log record by record, and with the tables. */
  async audit(): Promise<Books> {
    const books = auditStock(await this.records(), (id) => this.ordered.get(id) ?? missing(id));
    for (const { id, stock, reserved } of await this.#found([...books.levels.keys()])) {
      const level = books.levels.get(id);
      if (level?.stock !== stock || level.reserved !== reserved) {
        throw new Error(`Product ${id} has ${stock}/${reserved}; the log says ${JSON.stringify(level)}.`);
      }
    }
    return books;
  }

  close(): Promise<void> {
    return this.core.close();
  }

  async #found(ids: readonly string[]): Promise<Product[]> {
    const products = await this.core.products.products(this.merchantId, ids);
    return products.map((product, at) => product ?? missing(ids[at]));
  }
}

function missing(id: string | undefined): never {
  throw new Error(`${id} is not known.`);
}
