/** What a decision does to the units of an order. Pure. Source: PAYMENT_STATES.md, "Stock". */
import type { PaymentItem, StockState } from "@paybell/protocol";
import type { Payment } from "./payment.ts";
import { HELD, STOCK_BY_COMMAND, STOCK_BY_STATUS, type StockCommand, type StockStep } from "./stock-table.ts";

/**
 * The state after an event.
 * @param payment as the event leaves it, with the stock from before
 * @param command what was said, where it is one of those that the status does not tell
 * @param isFree may units that are not reserved be taken? The store has the last word.
 */
export function nextStock(
  { stock, status, delivery }: Pick<Payment, "stock" | "status" | "delivery">,
  command: StockCommand | null,
  isFree: boolean,
): StockState | null {
  if (stock === null) return null;
  const step = (command === null ? STOCK_BY_STATUS[status] : STOCK_BY_COMMAND[command])[stock];
  return STEPS[step](stock, delivery, isFree);
}

type Step = (stock: StockState, delivery: Payment["delivery"], isFree: boolean) => StockState;

const STEPS: Readonly<Record<StockStep, Step>> = {
  keep: (stock) => stock,
  take: () => "taken",
  take_if_free: (stock, delivery, isFree) => {
    if (delivery === "refunded") return stock;
    return isFree ? "taken" : "short";
  },
  release: () => "released",
  return_if_undelivered: (stock, delivery) => (delivery === "none" ? "returned" : stock),
};

/** What one product's numbers change by. */
export interface StockLine {
  productId: string;
  stockDelta: number;
  reservedDelta: number;
}

/**
 * From one state of an order to another; `null` as `before`: the order begins. One line per product, ordered by product,
 * so that all writers lock products in one order; empty where nothing moves.
 */
export function stockLines(
  items: readonly PaymentItem[],
  before: StockState | null,
  after: StockState,
): readonly StockLine[] {
  const held = before === null ? { reserved: 0, taken: 0 } : HELD[before];
  const reserved = HELD[after].reserved - held.reserved;
  const taken = HELD[after].taken - held.taken;
  if (reserved === 0 && taken === 0) return [];
  return [...quantities(items)].map(([productId, quantity]) => ({
    productId,
    stockDelta: taken === 0 ? 0 : -taken * quantity,
    reservedDelta: reserved * quantity,
  }));
}

/** Units of each product, ordered by product. */
export function quantities(items: readonly PaymentItem[]): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const { productId, quantity } of items) {
    if (productId !== undefined) found.set(productId, (found.get(productId) ?? 0) + quantity);
  }
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}
