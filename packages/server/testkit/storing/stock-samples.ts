/** Products and orders to store. */
import { randomUUID } from "node:crypto";
import type { StockState } from "@paybell/protocol";
import type { PaymentCommand, ProductChange, ProductCommand } from "../../src/log/event-log.ts";
import type { Payment } from "../../src/payments/payment.ts";
import type { Product } from "../../src/payments/product.ts";
import { stockLines } from "../../src/payments/stock.ts";
import type { OpenStore } from "./home.ts";
import { change, creation, recordsIn, samplePayment, T0_MS } from "./samples.ts";

export function sampleProduct(given: Partial<Product> = {}): Product {
  return {
    id: randomUUID(),
    merchantId: "merchant",
    name: "Bell",
    priceAtomic: 10n ** 40n,
    chain: "sandbox",
    asset: "SBX",
    stock: 5,
    reserved: 0,
    createdAtMs: T0_MS,
    updatedAtMs: T0_MS,
    archivedAtMs: null,
    ...given,
  };
}

export function making(product: Product): ProductCommand {
  const { id: productId, merchantId } = product;
  return { kind: "product", merchantId, productId, atMs: T0_MS, change: { type: "create", product } };
}

export function changing(
  { id: productId, merchantId }: Product,
  change: ProductChange,
  atMs = T0_MS + 1,
): ProductCommand {
  return { kind: "product", merchantId, productId, atMs, change };
}

export async function stocked({ log }: OpenStore, given: Partial<Product> = {}): Promise<Product> {
  const product = sampleProduct(given);
  recordsIn(await log.append([making(product)]));
  return product;
}

export async function read({ products }: OpenStore, { merchantId, id }: Product): Promise<Product | null> {
  return (await products.products(merchantId, [id]))[0] ?? null;
}

export const numbers = async (store: OpenStore, product: Product) => {
  const found = await read(store, product);
  return [found?.stock, found?.reserved];
};

export const itemsOf = (product: Product, quantity: number) => [{ productId: product.id, quantity }];

/** An order that is to be created. */
export function ordering(product: Product, quantity: number, given: Partial<Payment> = {}): PaymentCommand {
  const { merchantId } = product;
  const items = itemsOf(product, quantity);
  const payment = samplePayment({ merchantId, customer: randomUUID(), items, stock: "reserved", ...given });
  const prices = [{ productId: product.id, priceAtomic: product.priceAtomic }];
  const order = { customer: payment.customer ?? "", prices };
  return { ...creation(payment), stock: { lines: stockLines(items, null, "reserved"), order } };
}

/** The order's next state. */
export function moving(payment: Payment, given: Partial<Payment> & { stock: StockState }): PaymentCommand {
  const lines = stockLines(payment.items ?? [], payment.stock, given.stock);
  return { ...change(payment, given), ...(lines.length > 0 ? { stock: { lines } } : {}) };
}

export const level = ({ id }: Product, stock: number, reserved: number) => ({
  productId: id,
  stock,
  reserved,
  available: stock - reserved,
});
