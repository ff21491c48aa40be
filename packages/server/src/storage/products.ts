/** Products as rows, and back; and the record that tells of their numbers, made alike by the writer and by who asked it. */
import type { EventData, StockLevel } from "@paybell/protocol";
import { type Topic, topics } from "../log/topic.ts";
import type { Product } from "../payments/product.ts";
import type { Row } from "./rows.ts";

/** A row of `products`. */
export interface ProductRow extends Row {
  id: string;
  merchant_id: string;
  name: string;
  price: string;
  chain: string;
  asset: string;
  stock: number;
  reserved: number;
  created_at_ms: number;
  updated_at_ms: number;
  archived_at_ms: number | null;
}

export function productFromRow(row: ProductRow): Product {
  return {
    id: row.id,
    merchantId: row.merchant_id,
    name: row.name,
    priceAtomic: BigInt(row.price),
    chain: row.chain,
    asset: row.asset,
    stock: row.stock,
    reserved: row.reserved,
    createdAtMs: row.created_at_ms,
    updatedAtMs: row.updated_at_ms,
    archivedAtMs: row.archived_at_ms,
  };
}

export function productToRow(product: Product): ProductRow {
  return {
    id: product.id,
    merchant_id: product.merchantId,
    name: product.name,
    price: product.priceAtomic.toString(),
    chain: product.chain,
    asset: product.asset,
    stock: product.stock,
    reserved: product.reserved,
    created_at_ms: product.createdAtMs,
    updated_at_ms: product.updatedAtMs,
    archived_at_ms: product.archivedAtMs,
  };
}

export const STOCK_CHANGED = "stock.changed";

export function stockData(stock: StockLevel): EventData {
  return { payment: null, transfers: [], stock };
}

export function stockTopics(merchantId: string): readonly Topic[] {
  return [topics.stock(merchantId), topics.merchant(merchantId)];
}
