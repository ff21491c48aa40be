/** Products as the server keeps them, and the form in which they leave. Pure. Source: DESIGN.md, "Life of a payment". */
import type { Product as ProductView, StockLevel } from "@paybell/protocol";

export interface Product {
  /** UUID v4. */
  id: string;
  merchantId: string;
  name: string;
  /** Of one unit. */
  priceAtomic: bigint;
  chain: string;
  asset: string;
  /** Units on hand. Always 0 ≤ reserved ≤ stock. */
  stock: number;
  reserved: number;
  createdAtMs: number;
  updatedAtMs: number;
  /** It can no longer be ordered and is not shown; orders that it is part of go on. */
  archivedAtMs: number | null;
}

/** Units of one product that a merchant may say he has. Far below what a number holds exactly. */
export const MAX_STOCK = 1_000_000_000_000;

export function levelOf({ id, stock, reserved }: Pick<Product, "id" | "stock" | "reserved">): StockLevel {
  return { productId: id, stock, reserved, available: stock - reserved };
}

export function viewProduct(product: Product): ProductView {
  const { id, name, priceAtomic, chain, asset, stock, reserved } = product;
  return {
    id,
    name,
    price: priceAtomic.toString(),
    chain,
    asset,
    stock,
    reserved,
    available: stock - reserved,
    createdAt: new Date(product.createdAtMs).toISOString(),
    updatedAt: new Date(product.updatedAtMs).toISOString(),
  };
}
