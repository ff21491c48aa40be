/** Orders: payments with line items. What a customer calls an order's status, and the form in which it leaves. Pure. */
import type { Order, OrderItem, OrderStatus, PaymentStatus, StockState } from "@paybell/protocol";
import { type PaymentState, viewMerchant } from "./payment.ts";

/**
 * `null`: the payment is no order. Works for a payment and for the summary in an event alike.
 * A reversed order is pending again. A paid one that is short waits; refunded instead, it is cancelled.
 */
export function orderStatus(payment: {
  status: PaymentStatus;
  stock?: StockState | null | undefined;
}): OrderStatus | null {
  const { status, stock } = payment;
  if (stock === null || stock === undefined) return null;
  switch (status) {
    case "pending":
    case "confirming":
    case "reversed":
      return "pending";
    case "paid":
    case "final":
      if (stock === "taken") return "completed";
      return stock === "released" ? "cancelled" : "pending";
    case "expired":
    case "cancelled":
    case "failed":
      return "cancelled";
  }
}

/** As its merchant reads it; `null`: the payment is no order. */
export function viewOrder(state: PaymentState): Order | null {
  const { payment } = state;
  const status = orderStatus(payment);
  if (status === null || payment.stock === null || payment.erasedAtMs !== null) return null;
  const view = viewMerchant(state);
  return {
    id: payment.id,
    status,
    stock: payment.stock,
    customer: payment.customer ?? "",
    items: (payment.items ?? []) as OrderItem[],
    amount: view.amount ?? "0",
    payment: view,
    createdAt: view.createdAt,
    updatedAt: view.updatedAt,
  };
}
