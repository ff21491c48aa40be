/** The contract of what a merchant does to his products. Resolves after the commit. */
import type { IdempotentAnswer } from "../log/event-log.ts";
import type { Product } from "../payments/product.ts";

export interface NewProductRequest {
  merchantId: string;
  name: string;
  priceAtomic: bigint;
  chain: string;
  asset: string;
  stock: number;
}

/** What is given is changed. `addStock` may be negative; it is safe beside orders. `setStock` says what was counted, and
 * what the stock was believed to be: it is refused if that is no longer so. */
export interface ProductEdit {
  name?: string;
  priceAtomic?: bigint;
  addStock?: number;
  setStock?: { stock: number; expected: number };
}

export interface Products {
  /** @throws PaybellError not_supported (chain, asset), overloaded; IdempotencyTaken */
  create(request: NewProductRequest, answer?: (product: Product) => IdempotentAnswer): Promise<Product>;
  /** @throws PaybellError not_found, below_reserved, stock_mismatch, invalid_request, overloaded */
  edit(merchantId: string, productId: string, edit: ProductEdit): Promise<Product>;
  /** It can no longer be ordered; orders that it is part of go on. Done twice: accepted.
   * @throws PaybellError not_found, overloaded */
  archive(merchantId: string, productId: string): Promise<void>;
}
