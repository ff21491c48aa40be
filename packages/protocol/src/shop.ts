/**
 * Products with stock, and orders. An order is a payment with line items: it has the payment's id, and the payment's life
 * decides what becomes of its stock. Amounts are decimal strings of atomic units. Source: DESIGN.md, "Life of a payment";
 * PAYMENT_STATES.md, "Stock".
 */
import type { MerchantPayment, PaymentItem, StockState } from "./payment.ts";

/** How many units of a product there are. Always 0 ≤ reserved ≤ stock. */
export interface StockLevel {
  productId: string;
  /** Units on hand: those that are reserved included, those that were taken not. */
  stock: number;
  /** Of these, set aside for orders that are not paid yet. */
  reserved: number;
  /** `stock` − `reserved`: what may still be ordered. */
  available: number;
}

export interface Product extends Omit<StockLevel, "productId"> {
  id: string;
  name: string;
  /** Of one unit, decimal string of atomic units. */
  price: string;
  chain: string;
  asset: string;
  createdAt: string;
  /** Also moved by every change of its stock. */
  updatedAt: string;
}

/** `pending`: it waits for its payment, or, paid, for stock. `completed`: paid, and its units were taken. */
export const ORDER_STATUSES = ["pending", "completed", "cancelled"] as const;
export type OrderStatus = (typeof ORDER_STATUSES)[number];

/** A line of an order: what of a payment's item is always there. */
export interface OrderItem extends PaymentItem {
  productId: string;
  name: string;
  unitAmount: string;
}

export interface Order {
  /** The payment's id. */
  id: string;
  status: OrderStatus;
  stock: StockState;
  customer: string;
  items: OrderItem[];
  /** The sum of unit amount × quantity, as it was at the time of the order. */
  amount: string;
  payment: MerchantPayment;
  createdAt: string;
  updatedAt: string;
}

/** A product of which an order wants more than is free: `details.products` of `out_of_stock`. */
export interface Shortage {
  productId: string;
  wanted: number;
  available: number;
}
