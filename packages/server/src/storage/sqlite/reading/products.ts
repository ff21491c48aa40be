/** Products, and what is asked of orders. */
import type { OrderStatus } from "@paybell/protocol";
import type { ProductQuery } from "../../../log/store.ts";
import type { Product } from "../../../payments/product.ts";
import type { ListAnchor } from "../../list-anchor.ts";
import { type ProductRow, productFromRow } from "../../products.ts";
import type { Connection } from "../connection.ts";

export function products(
  connection: Connection,
  merchantId: string,
  productIds: readonly string[],
): readonly (Product | null)[] {
  return connection.read(() =>
    productIds.map((id) => {
      const row = connection.get<ProductRow>("SELECT * FROM products WHERE id = ? AND merchant_id = ?", id, merchantId);
      return row ? productFromRow(row) : null;
    }),
  );
}

export function listProducts(
  connection: Connection,
  { merchantId, limit }: Omit<ProductQuery, "after">,
  after: ListAnchor | null,
): { products: readonly Product[]; next: ListAnchor | null } {
  const rows = connection.all<ProductRow>(
    `SELECT * FROM products WHERE merchant_id = ? AND archived_at_ms IS NULL AND (created_at_ms, id) > (?, ?)
     ORDER BY created_at_ms, id LIMIT ?`,
    merchantId,
    after?.createdAtMs ?? -1,
    after?.id ?? "",
    limit + 1,
  );
  const found = rows.slice(0, limit).map(productFromRow);
  const last = rows.length > limit ? found.at(-1) : undefined;
  return { products: found, next: last ? { createdAtMs: last.createdAtMs, id: last.id } : null };
}

export function pendingOrder(connection: Connection, merchantId: string, customer: string): string | null {
  const row = connection.get<{ id: string }>(
    `SELECT id FROM payments WHERE merchant_id = ? AND customer = ? AND order_status = 'pending'
     ORDER BY created_at_ms DESC, id DESC LIMIT 1`,
    merchantId,
    customer,
  );
  return row?.id ?? null;
}

/** As many steps of the index as the customer has orders. */
export function countOrders(connection: Connection, merchantId: string, customer: string): Record<OrderStatus, number> {
  const counts: Record<OrderStatus, number> = { pending: 0, completed: 0, cancelled: 0 };
  const rows = connection.all<{ order_status: OrderStatus; orders: number }>(
    `SELECT order_status, count(*) AS orders FROM payments
     WHERE merchant_id = ? AND customer = ? AND order_status IS NOT NULL GROUP BY order_status`,
    merchantId,
    customer,
  );
  for (const { order_status, orders } of rows) counts[order_status] = orders;
  return counts;
}
