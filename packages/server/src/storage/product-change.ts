/** What a change makes of a product, or why it may not be made. Pure: each store reads and writes the row in its own way. */
import type { AppendResult, ProductChange } from "../log/event-log.ts";
import { levelOf, MAX_STOCK } from "../payments/product.ts";
import type { ProductRow } from "./products.ts";

type Refused = Exclude<AppendResult, { ok: true }>;
type Edit = Extract<ProductChange, { type: "edit" }>;

/** The product after an edit; `row`: as it is, `null` or `undefined` where the merchant has none. */
export function editedProduct(
  row: ProductRow | null | undefined,
  change: Edit,
  atMs: number,
): { ok: true; row: ProductRow } | Refused {
  if (!row || row.archived_at_ms !== null) return { ok: false, reason: "not_found" };
  const level = levelOf(row);
  const { setStock, addStock = 0 } = change;
  const isExpected = !setStock || setStock.expected === row.stock || setStock.stock === row.stock;
  if (!isExpected) return { ok: false, reason: "stock_mismatch", level };
  const stock = (setStock ? setStock.stock : row.stock) + addStock;
  if (stock < row.reserved) return { ok: false, reason: "below_reserved", level };
  if (stock > Math.max(MAX_STOCK, row.stock)) return { ok: false, reason: "too_much_stock", level };
  const name = change.name ?? row.name;
  const price = change.priceAtomic?.toString() ?? row.price;
  return { ok: true, row: { ...row, name, price, stock, updated_at_ms: Math.max(row.updated_at_ms, atMs) } };
}
