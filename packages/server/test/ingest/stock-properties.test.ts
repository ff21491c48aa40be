/**
 * The books always balance: random shops, in which orders, payments, reversals, late money, deliveries, refunds, edits and
 * the clock meet each other at the same moment, on the real ingest and the real store. After each, the log is audited
 * record by record (`testkit/stock-audit.ts`), and what it says is what the tables hold.
 */
import { rm } from "node:fs/promises";
import { DELIVERY_STATES, type DeliveryState, type StockState } from "@paybell/protocol";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PaybellError } from "../../src/kit/errors.ts";
import { nextStock } from "../../src/payments/stock.ts";
import { EXPIRES_IN_SECONDS, ShopFloor, type Sighting } from "../../testkit/shop-floor.ts";
import { temporaryDir } from "../../testkit/sqlite-home.ts";

const SEED = 20_260_401;
const RUNS = 150;
const INITIAL_STOCK = [3, 5, 1];

let dataDir: string;
let floor: ShopFloor;
beforeAll(async () => {
  dataDir = await temporaryDir();
  floor = await ShopFloor.open(dataDir);
});
afterAll(async () => {
  await floor.close();
  await rm(dataDir, { recursive: true });
});

const nth = fc.nat({ max: 11 });
const sighting: fc.Arbitrary<Sighting> = fc.record({
  status: fc.constantFrom("seen", "included", "included", "included", "orphaned", "dropped", "replaced"),
  confirmations: fc.constantFrom(1, 2, 2, 6),
  txId: fc.constantFrom("a", "b"),
});

type Step =
  | { kind: "order"; customer: number; lines: readonly { product: number; quantity: number }[] }
  | { kind: "see"; order: number; sighting: Sighting; times: number }
  | { kind: "cancel" | "claim" | "erase"; order: number }
  | { kind: "resolve"; order: number; as: "paid" | "failed" }
  | { kind: "deliver"; order: number; to: DeliveryState }
  | { kind: "add"; product: number; units: number }
  | { kind: "count"; product: number; stock: number; expected: number }
  | { kind: "price"; product: number; price: number }
  | { kind: "wait"; seconds: number };

const product = fc.nat({ max: INITIAL_STOCK.length - 1 });
const of = <K extends Step["kind"]>(kind: K) => fc.constant(kind);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: of("order"),
      customer: fc.nat({ max: 3 }),
      lines: fc.array(fc.record({ product, quantity: fc.integer({ min: 1, max: 3 }) }), { minLength: 1, maxLength: 3 }),
    }),
  },
  {
    weight: 12,
    arbitrary: fc.record({ kind: of("see"), order: nth, sighting, times: fc.integer({ min: 1, max: 2 }) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("cancel", "claim", "erase"), order: nth }) },
  { weight: 2, arbitrary: fc.record({ kind: of("resolve"), order: nth, as: fc.constantFrom("paid", "failed") }) },
  { weight: 2, arbitrary: fc.record({ kind: of("deliver"), order: nth, to: fc.constantFrom(...DELIVERY_STATES) }) },
  { weight: 2, arbitrary: fc.record({ kind: of("add"), product, units: fc.integer({ min: -3, max: 4 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: of("count"), product, stock: fc.nat({ max: 6 }), expected: fc.nat({ max: 6 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: of("price"), product, price: fc.integer({ min: 1, max: 9 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: of("wait"), seconds: fc.constantFrom(1, EXPIRES_IN_SECONDS + 1, 86_400) }),
  },
);
/** What happens in one moment. */
const moments = fc.array(fc.array(step, { minLength: 1, maxLength: 6, size: "max" }), {
  minLength: 6,
  maxLength: 24,
  size: "max",
});

/** What a shop may be told; anything else is a mistake of ours. */
const REFUSALS: ReadonlySet<string> = new Set([
  "out_of_stock",
  "pending_order_exists",
  "below_reserved",
  "stock_mismatch",
  "invalid_state",
  "not_found",
]);

class Run {
  readonly #shop: ShopFloor;
  readonly #products: readonly string[];
  /** Units that the merchant put in, by product. */
  readonly #supplied: number[] = [...INITIAL_STOCK];
  /** Counted anew at some time: how many units that brought is known from the log only. */
  readonly #counted = new Set<number>();
  readonly refusals = new Map<string, number>();

  private constructor(shop: ShopFloor, products: readonly string[]) {
    this.#shop = shop;
    this.#products = products;
  }

  static async open(merchantId: string): Promise<Run> {
    const shop = await floor.another(merchantId);
    const products: string[] = [];
    for (const stock of INITIAL_STOCK) products.push((await shop.product(stock)).id);
    return new Run(shop, products);
  }

  async do(moment: readonly Step[]): Promise<void> {
    for (const outcome of await Promise.allSettled(moment.map((step) => this.#step(step)))) {
      if (outcome.status === "fulfilled") continue;
      const { reason } = outcome;
      if (!(reason instanceof PaybellError) || !REFUSALS.has(reason.code)) throw reason;
      this.refusals.set(reason.code, (this.refusals.get(reason.code) ?? 0) + 1);
    }
  }

  async #step(step: Step): Promise<void> {
    switch (step.kind) {
      case "order":
        await this.#shop.order(
          `customer-${step.customer}`,
          step.lines.map(({ product, quantity }) => ({ productId: this.#product(product), quantity })),
        );
        return;
      case "see":
        await this.#of(step.order, async (id) => {
          await Promise.all(Array.from({ length: step.times }, () => this.#see(id, step.sighting)));
        });
        return;
      case "wait":
        return this.#shop.wait(step.seconds);
      case "add":
        await this.#edit(step.product, { addStock: step.units });
        this.#supplied[step.product] = (this.#supplied[step.product] ?? 0) + step.units;
        return;
      case "count":
        return this.#count(step);
      case "price":
        return this.#edit(step.product, { priceAtomic: BigInt(step.price) });
      case "resolve":
        return this.#execute(step.order, { type: "resolve", as: step.as });
      case "deliver":
        return this.#execute(step.order, { type: "deliver", to: step.to });
      default:
        return this.#execute(step.order, { type: step.kind });
    }
  }

  /** An order that is erased is not found by who reports a transfer of it. */
  #see(orderId: string, sighting: Sighting): Promise<unknown> {
    return this.#shop.see(orderId, sighting).catch((error: unknown) => {
      if (error instanceof Error && error.message === `There is no payment ${orderId}.`) return;
      throw error;
    });
  }

  async #count({ product, stock, expected }: Extract<Step, { kind: "count" }>): Promise<void> {
    await this.#edit(product, { setStock: { stock, expected } });
    this.#counted.add(product);
  }

  async #edit(product: number, edit: Parameters<typeof floor.core.productIngest.edit>[2]): Promise<void> {
    await floor.core.productIngest.edit(this.#shop.merchantId, this.#product(product), edit);
  }

  #execute(order: number, input: Parameters<typeof floor.core.ingest.execute>[2]): Promise<void> {
    return this.#of(order, async (id) => {
      await floor.core.ingest.execute(this.#shop.merchantId, id, input);
    });
  }

  async #of(order: number, work: (orderId: string) => Promise<void>): Promise<void> {
    const ids = [...this.#shop.ordered.keys()];
    const id = ids[order % Math.max(ids.length, 1)];
    if (id !== undefined) await work(id);
  }

  #product(at: number): string {
    return this.#products[at] as string;
  }

  /** The log agrees with itself and with the tables; each unit is on the shelf, sold, or was never there. */
  async check(): Promise<ReadonlyMap<string, StockState>> {
    const { levels, orders, sold } = await this.#shop.audit();
    for (const [at, id] of this.#products.entries()) {
      if (this.#counted.has(at)) continue;
      expect((levels.get(id)?.stock ?? 0) + (sold.get(id) ?? 0)).toBe(this.#supplied[at]);
    }
    const found = await floor.core.store.loadForDecision([...orders.keys()].map((paymentId) => ({ paymentId })));
    for (const state of found) {
      if (!state) continue;
      const { payment } = state;
      expect(payment.stock).toBe(orders.get(payment.id)?.stock);
      expect(nextStock(payment, null, payment.stock !== "short"), payment.status).toBe(payment.stock);
      if (payment.stock === "short") expect(payment.flags).toContain("needs_review");
    }
    return new Map([...orders].map(([id, { stock }]) => [id, stock]));
  }
}

test("whatever meets in one moment, every unit is accounted for, and none is given twice", async () => {
  let run = 0;
  const reached = new Map<string, number>();
  const count = (what: string, times = 1) => reached.set(what, (reached.get(what) ?? 0) + times);
  await fc.assert(
    fc.asyncProperty(moments, async (story) => {
      run += 1;
      const shop = await Run.open(`shop-${run}`);
      for (const moment of story) await shop.do(moment);
      for (const stock of (await shop.check()).values()) count(stock);
      for (const [code, times] of shop.refusals) count(code, times);
    }),
    { seed: SEED, numRuns: RUNS, endOnFailure: true },
  );
  process.stdout.write(`stock: seed ${SEED}, ${run} shops, ${JSON.stringify(Object.fromEntries(reached))}\n`);
  // The stories went everywhere: a test that reaches nothing proves nothing.
  for (const stock of ["reserved", "taken", "released", "short", "returned"])
    expect(reached.has(stock), stock).toBe(true);
  for (const code of ["out_of_stock", "pending_order_exists", "below_reserved", "stock_mismatch"]) {
    expect(reached.has(code), code).toBe(true);
  }
}, 120_000);
