/** A shop full of customers who order, pay, lose their payments and cancel all at once, until somebody kills it. Prints
 * each order that was answered, and what became of its units. */
import type { StockState } from "@paybell/protocol";
import { PaybellError } from "../src/kit/errors.ts";
import type { Payment } from "../src/payments/payment.ts";
import { ShopFloor } from "./shop-floor.ts";

const CUSTOMERS = 24;

/** One answered step of an order. */
export interface Answered {
  orderId: string;
  sequence: number;
  stock: StockState | null;
}

function say({ id: orderId, sequence, stock }: Payment): void {
  process.stdout.write(`${JSON.stringify({ orderId, sequence, stock } satisfies Answered)}\n`);
}

/** Each customer has one order at a time, one after the other; all customers together. */
export async function keepShopForEver(dataDir: string): Promise<never> {
  const shop = await ShopFloor.open(dataDir, Date.now());
  const shelves = [await shop.product(60), await shop.product(40)].map(({ id }) => id) as [string, string];
  const customers = Array.from({ length: CUSTOMERS }, (_, nth) => `customer-${process.pid}-${nth}`);
  await Promise.all(customers.map((customer) => shopForEver(shop, shelves, customer)));
  throw new Error("The customers have gone.");
}

async function shopForEver(shop: ShopFloor, shelves: readonly [string, string], customer: string): Promise<never> {
  for (let nth = 0; ; nth += 1) {
    try {
      await buy(shop, shelves, customer, nth);
    } catch (error) {
      if (!(error instanceof PaybellError) || error.code !== "out_of_stock") throw error;
      for (const id of shelves) await shop.core.productIngest.edit("merchant", id, { addStock: 5 });
    }
  }
}

async function buy(shop: ShopFloor, [bell, rope]: readonly [string, string], customer: string, nth: number) {
  const { payment } = await shop.order(customer, [
    { productId: bell, quantity: 1 + (nth % 3) },
    { productId: rope, quantity: 1 },
  ]);
  const { id } = payment;
  say(payment);
  if (nth % 4 === 3) return say((await shop.core.ingest.execute("merchant", id, { type: "cancel" })).payment);
  // Told twice at the same moment, as backends do.
  const [paid] = await Promise.all([shop.pay(id), shop.pay(id)]);
  say(paid.payment);
  if (nth % 4 !== 1) return;
  say((await shop.see(id, { status: "orphaned", confirmations: 0 })).payment);
  const recovered = await shop.pay(id);
  say(recovered.payment);
  // It was sold to another meanwhile: the money goes back, or the customer could never order again.
  if (recovered.payment.stock !== "short") return;
  say((await shop.core.ingest.execute("merchant", id, { type: "deliver", to: "refunded" })).payment);
}
