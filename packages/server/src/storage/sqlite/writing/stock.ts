/** What an order moves, and whether it may be made. Conditional updates: what is not there is never given. */
import type { Shortage, StockLevel } from "@paybell/protocol";
import type { AppendResult } from "../../../log/event-log.ts";
import { levelOf } from "../../../payments/product.ts";
import type { WirePayment, WireStock, WireStockLine } from "../wire.ts";
import type { Transaction } from "./commit.ts";

type Refused = Exclude<AppendResult, { ok: true }>;

/** Changes no row where it would leave 0 ≤ reserved ≤ stock. */
const MOVE_STOCK = `UPDATE products
  SET stock = stock + ?1, reserved = reserved + ?2, updated_at_ms = max(updated_at_ms, ?3)
  WHERE id = ?4 AND merchant_id = ?5 AND reserved + ?2 BETWEEN 0 AND stock + ?1
  RETURNING id, stock, reserved`;

const PENDING_ORDER = `SELECT id FROM payments
  WHERE merchant_id = ? AND customer = ? AND order_status = 'pending' LIMIT 1`;

const PRICE = "SELECT 1 FROM products WHERE id = ? AND merchant_id = ? AND price = ? AND archived_at_ms IS NULL";

/** Of an order that is to be created; `null`: nothing stands against it but its stock. */
export function orderProblem({ connection }: Transaction, { merchantId, stock }: WirePayment): Refused | null {
  const order = stock?.order ?? null;
  if (!order) return null;
  const pending = connection.get<{ id: string }>(PENDING_ORDER, merchantId, order.customer);
  if (pending) return { ok: false, reason: "pending_order_exists", pendingOrderId: pending.id };
  const isSame = order.prices.every(([productId, price]) => connection.get(PRICE, productId, merchantId, price));
  return isSame ? null : { ok: false, reason: "product_changed" };
}

/** The products as they then are, in the order of the lines; or which of them have too few units free. */
export function moveStock(
  transaction: Transaction,
  { id, merchantId }: Pick<WirePayment, "id" | "merchantId">,
  { atMs, lines }: WireStock,
): readonly StockLevel[] | Refused {
  const levels: StockLevel[] = [];
  for (const [productId, stockDelta, reservedDelta] of lines) {
    const row = transaction.connection.get<{ id: string; stock: number; reserved: number }>(
      MOVE_STOCK,
      stockDelta,
      reservedDelta,
      atMs,
      productId,
      merchantId,
    );
    if (!row) return refuse(transaction, { id, merchantId }, lines);
    levels.push(levelOf(row));
  }
  return levels;
}

function refuse(
  { connection }: Transaction,
  { id, merchantId }: Pick<WirePayment, "id" | "merchantId">,
  lines: readonly WireStockLine[],
): Refused {
  const shortages = lines.flatMap(([productId, stockDelta, reservedDelta]): Shortage[] => {
    const row = connection.get<{ available: number }>(
      "SELECT stock - reserved AS available FROM products WHERE id = ? AND merchant_id = ?",
      productId,
      merchantId,
    );
    const available = row?.available ?? 0;
    const wanted = reservedDelta - stockDelta;
    return wanted > available ? [{ productId, wanted, available }] : [];
  });
  if (shortages.length > 0) return { ok: false, reason: "out_of_stock", shortages };
  // What was set aside, or taken, is not there: units would appear or vanish. Nothing of this may be stored.
  throw new Error(`Payment ${id}: its units do not fit the stock: ${JSON.stringify(lines)}.`);
}
