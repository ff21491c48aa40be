/** What an order moves, and whether it may be made. */
import type { Shortage, StockLevel } from "@paybell/protocol";
import type { AppendResult, StockChange } from "../../../log/event-log.ts";
import { levelOf } from "../../../payments/product.ts";
import type { ProductRow } from "../../products.ts";
import { type Draft, keyOf } from "./draft.ts";
import type { PreparedPayment } from "./prepare.ts";

type Refused = Exclude<AppendResult, { ok: true }>;

/** Of an order that is to be created; `null`: nothing stands against it but its stock. */
export function orderProblem(draft: Draft, { merchantId, stock }: PreparedPayment): Refused | null {
  const order = stock?.order ?? null;
  if (!order) return null;
  const [pendingOrderId] = draft.pendingOf.get(keyOf(merchantId, order.customer)) ?? [];
  if (pendingOrderId !== undefined) return { ok: false, reason: "pending_order_exists", pendingOrderId };
  const isSame = order.prices.every(({ productId, priceAtomic }) => {
    const row = productOf(draft, merchantId, productId);
    return row !== null && row.archived_at_ms === null && row.price === priceAtomic.toString();
  });
  return isSame ? null : { ok: false, reason: "product_changed" };
}

/** The products as they then are, in the order of the lines; or which of them have too few units free. */
export function moveStock(
  draft: Draft,
  { id, merchantId, row }: PreparedPayment,
  { lines }: StockChange,
): readonly StockLevel[] | Refused {
  const moved: ProductRow[] = [];
  for (const { productId, stockDelta, reservedDelta } of lines) {
    const product = productOf(draft, merchantId, productId);
    const [stock, reserved] = [(product?.stock ?? 0) + stockDelta, (product?.reserved ?? 0) + reservedDelta];
    if (!product || reserved < 0 || reserved > stock) return refuse(draft, { id, merchantId }, lines);
    moved.push({
      ...product,
      stock,
      reserved,
      updated_at_ms: Math.max(product.updated_at_ms, row.updated_at_ms),
    });
  }
  for (const product of moved) writeProduct(draft, product);
  return moved.map(levelOf);
}

function refuse(
  draft: Draft,
  { id, merchantId }: Pick<PreparedPayment, "id" | "merchantId">,
  lines: StockChange["lines"],
): Refused {
  const shortages = lines.flatMap(({ productId, stockDelta, reservedDelta }): Shortage[] => {
    const row = productOf(draft, merchantId, productId);
    const available = row ? row.stock - row.reserved : 0;
    const wanted = reservedDelta - stockDelta;
    return wanted > available ? [{ productId, wanted, available }] : [];
  });
  if (shortages.length > 0) return { ok: false, reason: "out_of_stock", shortages };
  // What was set aside, or taken, is not there: units would appear or vanish. Nothing of this may be stored.
  throw new Error(`Payment ${id}: its units do not fit the stock: ${JSON.stringify(lines)}.`);
}

/** The merchant's own; `null`: he has none such. */
export function productOf(draft: Draft, merchantId: string, productId: string): ProductRow | null {
  const row = draft.products.get(productId)?.row;
  return row && row.merchant_id === merchantId ? row : null;
}

/** A product that is there already, as it then is. */
export function writeProduct(draft: Draft, row: ProductRow): void {
  const write = draft.products.get(row.id)?.write ?? "update";
  draft.set(draft.products, row.id, { row, write });
}
