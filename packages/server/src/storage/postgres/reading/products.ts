/** Products, and what is asked of orders. */
import type { OrderStatus } from "@paybell/protocol";
import type { ProductQuery } from "../../../log/store.ts";
import type { Product } from "../../../payments/product.ts";
import type { ListAnchor } from "../../list-anchor.ts";
import { type ProductRow, productFromRow } from "../../products.ts";
import { arrayOf } from "../arrays.ts";
import type { Connection } from "../connection.ts";

export async function products(
  connection: Connection,
  merchantId: string,
  productIds: readonly string[],
): Promise<readonly (Product | null)[]> {
  const rows = await connection.all<ProductRow>(
    "SELECT * FROM products WHERE id = ANY($1::text[]) AND merchant_id = $2",
    arrayOf(productIds),
    merchantId,
  );
  const byId = new Map(rows.map((row) => [row.id, productFromRow(row)]));
  return productIds.map((id) => byId.get(id) ?? null);
}

export async function listProducts(
  connection: Connection,
  { merchantId, limit }: Omit<ProductQuery, "after">,
  after: ListAnchor | null,
): Promise<{ products: readonly Product[]; next: ListAnchor | null }> {
  const rows = await connection.all<ProductRow>(
    `SELECT * FROM products WHERE merchant_id = $1 AND archived_at_ms IS NULL AND (created_at_ms, id) > ($2, $3)
     ORDER BY created_at_ms, id LIMIT $4`,
    merchantId,
    after?.createdAtMs ?? -1,
    after?.id ?? "",
    limit + 1,
  );
  const found = rows.slice(0, limit).map(productFromRow);
  const last = rows.length > limit ? found.at(-1) : undefined;
  return { products: found, next: last ? { createdAtMs: last.createdAtMs, id: last.id } : null };
}

export async function pendingOrder(
  connection: Connection,
  merchantId: string,
  customer: string,
): Promise<string | null> {
  const row = await connection.get<{ id: string }>(
    `SELECT id FROM payments WHERE merchant_id = $1 AND customer = $2 AND order_status = 'pending'
     ORDER BY created_at_ms DESC, id DESC LIMIT 1`,
    merchantId,
    customer,
  );
  return row?.id ?? null;
}

/** As many steps of the index as the customer has orders. */
export async function countOrders(
  connection: Connection,
  merchantId: string,
  customer: string,
): Promise<Record<OrderStatus, number>> {
  const counts: Record<OrderStatus, number> = { pending: 0, completed: 0, cancelled: 0 };
  const rows = await connection.all<{ order_status: OrderStatus; orders: number }>(
    `SELECT order_status, count(*) AS orders FROM payments
     WHERE merchant_id = $1 AND customer = $2 AND order_status IS NOT NULL GROUP BY order_status`,
    merchantId,
    customer,
  );
  for (const { order_status, orders } of rows) counts[order_status] = orders;
  return counts;
}
