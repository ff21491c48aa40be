/** What a customer wants → what it costs, by the products as they are. Amounts are never the customer's own. */
import type { OrderItem, Shortage } from "@paybell/protocol";
import { PaybellError } from "../kit/errors.ts";
import type { ProductStore } from "../log/store.ts";
import type { Product } from "../payments/product.ts";
import { quantities } from "../payments/stock.ts";
import type { OrderRequest } from "./ingest.ts";

export interface NewOrder {
  chain: string;
  asset: string;
  amountAtomic: bigint;
  items: OrderItem[];
  /** What it was computed from: stored only while it still holds. */
  prices: readonly { productId: string; priceAtomic: bigint }[];
}

/** What 256 bits hold has at most so many digits; larger sums could not be paid on any chain. */
const MAX_AMOUNT_DIGITS = 78;

/** @throws PaybellError not_found, invalid_request, out_of_stock */
export async function newOrder(request: OrderRequest, store: Pick<ProductStore, "products">): Promise<NewOrder> {
  const wanted = quantities(request.items);
  const products = await productsOf(request.merchantId, [...wanted.keys()], store);
  const { chain, asset } = coinOf(request, [...products.values()]);
  // Seen before an address is given out for nothing; the store looks again when it reserves.
  const shortages = shortagesOf(wanted, products);
  if (shortages.length > 0) throw outOfStock(shortages);
  const items = request.items.map(({ productId, quantity, options }): OrderItem => {
    const { name, priceAtomic } = products.get(productId) as Product;
    const item = { productId, name, quantity, unitAmount: priceAtomic.toString() };
    return options === undefined ? item : { ...item, options };
  });
  const amountAtomic = items.reduce((sum, item) => sum + BigInt(item.unitAmount) * BigInt(item.quantity), 0n);
  if (amountAtomic.toString().length > MAX_AMOUNT_DIGITS) {
    throw invalid("items", `Together they cost more than an amount of ${MAX_AMOUNT_DIGITS} digits.`);
  }
  const prices = [...products.values()].map(({ id, priceAtomic }) => ({ productId: id, priceAtomic }));
  return { chain, asset, amountAtomic, items, prices };
}

async function productsOf(
  merchantId: string,
  ids: readonly string[],
  store: Pick<ProductStore, "products">,
): Promise<ReadonlyMap<string, Product>> {
  if (ids.length === 0) throw invalid("items", "An order has at least one item.");
  const products = new Map<string, Product>();
  for (const product of await store.products(merchantId, ids)) {
    if (product && product.archivedAtMs === null) products.set(product.id, product);
  }
  const missing = ids.filter((id) => !products.has(id));
  if (missing.length === 0) return products;
  throw new PaybellError("not_found", `There is no product ${missing.join(", ")}.`, { productIds: missing });
}

/** The one chain and asset in which all of them are priced. */
function coinOf(request: OrderRequest, products: readonly Product[]): { chain: string; asset: string } {
  const { chain, asset } = products[0] as Product;
  if (products.some((product) => product.chain !== chain || product.asset !== asset)) {
    throw invalid("items", "All products of an order must be priced in the same asset on the same chain.");
  }
  if ((request.chain ?? chain) !== chain) throw invalid("chain", `These products are priced on ${chain}.`);
  if ((request.asset ?? asset) !== asset) throw invalid("asset", `These products are priced in ${asset}.`);
  return { chain, asset };
}

function shortagesOf(wanted: ReadonlyMap<string, number>, products: ReadonlyMap<string, Product>): Shortage[] {
  return [...wanted].flatMap(([productId, quantity]) => {
    const { stock, reserved } = products.get(productId) as Product;
    const available = stock - reserved;
    return quantity > available ? [{ productId, wanted: quantity, available }] : [];
  });
}

export function outOfStock(shortages: readonly Shortage[]): PaybellError {
  const listed = shortages.map(
    ({ productId, wanted, available }) => `${productId} (${wanted} wanted, ${available} available)`,
  );
  return new PaybellError("out_of_stock", `Not enough units are free of product ${listed.join(", ")}.`, {
    products: shortages,
  });
}

export function pendingOrderExists(pendingOrderId: string): PaybellError {
  return new PaybellError("pending_order_exists", "The customer has a pending order: one at a time.", {
    pendingOrderId,
  });
}

function invalid(field: string, message: string): PaybellError {
  return new PaybellError("invalid_request", `${field}: ${message}`, { field });
}
