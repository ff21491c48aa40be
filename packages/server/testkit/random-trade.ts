/** A shop's life over the HTTP API, at random: payments and orders that are made, paid in part or too much, confirmed,
 * reorganised, double-spent, cancelled, claimed, delivered and erased. A seed repeats it. */
import type { MerchantPayment, Order, PaymentEvent, Product } from "@paybell/protocol";
import { type Api, ApiError } from "./clients/api.ts";
import { auditStock, type OrderFacts } from "./stock-audit.ts";

/** What a shop may be told; anything else is a mistake of ours. */
const REFUSALS: ReadonlySet<string> = new Set([
  "out_of_stock",
  "pending_order_exists",
  "invalid_state",
  "not_found",
  "invalid_request",
  "address_in_use",
]);

const CUSTOMERS = 6;
const DELIVERIES = ["processing", "delivering", "on_hold", "delivered", "refunded", "failed"];

export class RandomTrade {
  /** Of orders: what was wanted, also when it was erased. */
  readonly ordered = new Map<string, OrderFacts>();
  readonly ids: string[] = [];
  readonly erased = new Set<string>();
  readonly #random: () => number;
  #productId = "";
  #txIds: string[] = [];

  constructor(random: () => number) {
    this.#random = random;
  }

  get productId(): string {
    return this.#productId;
  }

  async open(api: Api): Promise<void> {
    const product = { name: "Mug", price: "1000", chain: "sandbox", asset: "SBX", stock: 500 };
    this.#productId = (await api.call<Product>("POST", "/v1/products", product)).id;
  }

  /** One after the other, so that a seed repeats them. */
  async steps(api: Api, count: number): Promise<void> {
    for (let step = 0; step < count; step += 1) {
      try {
        await this.#step(api);
      } catch (error) {
        if (!(error instanceof ApiError) || !REFUSALS.has(error.code)) throw error;
      }
    }
  }

  async #step(api: Api): Promise<void> {
    const [kind, id] = [Math.floor(this.#random() * 20), this.#one(this.ids)];
    if (kind < 4 || id === undefined) return this.#create(api);
    if (kind < 7) return this.#order(api);
    if (kind < 12) return this.#pay(api, id);
    if (kind < 15) return void (await api.mine(1 + this.#upTo(3)));
    if (kind === 15) return void (await api.reorg(1 + this.#upTo(2)));
    if (kind === 16) return this.#doubleSpend(api);
    if (kind === 17) return void (await api.call("POST", `/v1/payments/${id}/cancel`));
    if (kind === 18) {
      const to = this.#one(DELIVERIES);
      return void (await api.call("POST", `/v1/payments/${id}/delivery`, { to }));
    }
    if (this.#random() < 0.5) return void (await api.call("POST", `/v1/payments/${id}/claim`));
    await api.call("DELETE", `/v1/payments/${id}`);
    this.erased.add(id);
  }

  async #create(api: Api): Promise<void> {
    const n = this.#upTo(CUSTOMERS);
    const request = { reference: `till-${n}`, customer: `customer-${n}`, metadata: { note: `"${n}"\u2028` } };
    const amount = this.#random() < 0.15 ? null : String(1_000 + this.#upTo(1_000));
    const { id } = await api.createPayment({ ...request, amount }, `create-${this.ids.length}`);
    this.ids.push(id);
  }

  async #order(api: Api): Promise<void> {
    const customer = `shopper-${this.#upTo(CUSTOMERS)}`;
    const items = [{ productId: this.#productId, quantity: 1 + this.#upTo(3) }];
    const { id } = await api.call<Order>("POST", "/v1/orders", { customer, items }, `order-${this.ids.length}`);
    this.ids.push(id);
    this.ordered.set(id, { customer, items });
  }

  async #pay(api: Api, id: string): Promise<void> {
    const isOdd = this.#random() < 0.3;
    const { amount } = await api.payment(id);
    const { txId } = await api.pay(id, isOdd || amount === null ? String(1 + this.#upTo(3_000)) : undefined);
    this.#txIds.push(txId);
  }

  async #doubleSpend(api: Api): Promise<void> {
    const txId = this.#txIds.pop();
    if (txId !== undefined) await api.call("POST", "/v1/sandbox/double-spend", { txId });
  }

  #upTo(end: number): number {
    return Math.floor(this.#random() * end);
  }

  #one<T>(among: readonly T[]): T | undefined {
    return among[this.#upTo(among.length)];
  }
}

/** Every payment's sequence is without gaps and its state that of its last event; every unit of the product is accounted
 * for. Returns the log. @throws where the books do not balance */
export async function audit(api: Api, trade: RandomTrade): Promise<PaymentEvent[]> {
  const log = await api.allEvents();
  const byPayment = Map.groupBy(log, ({ paymentId }) => paymentId);
  for (const id of trade.ids) {
    const own = byPayment.get(id) ?? [];
    if (own.some(({ sequence }, at) => sequence !== at + 1)) throw new Error(`${id} has a gap in its sequence.`);
    if (trade.erased.has(id)) continue;
    const { status, sequence } = await api.call<MerchantPayment>("GET", `/v1/payments/${id}`);
    const last = own.at(-1);
    if (last?.sequence !== sequence || last.data.payment?.status !== status) {
      throw new Error(`${id} is ${status} at ${sequence}, and its last event says ${JSON.stringify(last)}.`);
    }
  }
  const records = log.map((event, at) => ({ ...event, offset: at, atMs: 0, merchantId: "sandbox", topics: [] }));
  const books = auditStock(records, (id) => trade.ordered.get(id) as OrderFacts);
  const { stock, reserved } = await api.call<Product>("GET", `/v1/products/${trade.productId}`);
  const level = books.levels.get(trade.productId);
  if (level?.stock !== stock || level.reserved !== reserved) {
    throw new Error(`The product has ${stock}/${reserved}; the log says ${JSON.stringify(level)}.`);
  }
  return log;
}
