/**
 * What an event says of the order that it is about, in the shop's words.
 *
 * The document knows one message, `transaction:confirmed`; `order:updated` is Paybell's. An order becomes completed when
 * its payment becomes paid (and, where stock is kept, its units were taken). A reversed one is pending again; when it
 * recovers it is completed anew and confirmed anew, with the transaction that pays it now: the confirmation before was
 * taken back by the `order:updated` in between.
 * Source: DESIGN.md, "Life of a payment"; PAYMENT_STATES.md.
 */
import type { EventType, OrderStatus, PaymentSummary } from "@paybell/protocol";
import type { LogRecord } from "../../log/event-log.ts";
import { orderStatus } from "../../payments/order.ts";

export interface OrderNews {
  orderId: string;
  status: OrderStatus;
  /** It became completed: the transaction that did it, empty where an operator decided so without one. `null`: no. */
  confirmedBy: string | null;
}

/** Which statuses are news when an event of this type has left the order in them. What is not named here tells nothing:
 * the status is what it was. */
const NEWS: Readonly<Partial<Record<EventType, readonly OrderStatus[]>>> = {
  "payment.created": ["pending"],
  // Expired before, it is paid in time after all: see `mayHaveExpired`.
  "payment.confirming": ["pending"],
  // Paid but short of stock it waits on.
  "payment.paid": ["completed"],
  "payment.recovered": ["completed"],
  "payment.reversed": ["pending"],
  "payment.expired": ["cancelled"],
  // Expired before; where it was not, this says once more that it is pending.
  "payment.late": ["pending"],
  "payment.failed": ["cancelled"],
  "payment.cancelled": ["cancelled"],
  // Pending: resolved as paid when its units were gone; it was cancelled before, or this says so once more.
  "payment.resolved": ["completed", "cancelled", "pending"],
  // Refunded instead of delivered, because it was short.
  "payment.delivery_changed": ["cancelled"],
};

/** `null`: this protocol has nothing to say about it. */
export function orderNews({ type, data }: Pick<LogRecord, "type" | "data">): OrderNews | null {
  const { payment } = data;
  // A standing payment is no order: it never becomes paid.
  if (payment === null || payment.amount === null) return null;
  const status = statusOf(payment);
  if (!NEWS[type]?.includes(status)) return null;
  if (type === "payment.confirming" && !mayHaveExpired(payment)) return null;
  return { orderId: payment.id, status, confirmedBy: status === "completed" ? (payment.txId ?? "") : null };
}

/** The event does not say whence it comes: after its time is up, this tells that it is pending, perhaps once more. */
function mayHaveExpired({ expiresAt, updatedAt }: PaymentSummary): boolean {
  return expiresAt !== null && Date.parse(updatedAt) >= Date.parse(expiresAt);
}

/** Of an order with stock as everywhere; a payment of another kind is completed as soon as it is paid. */
export function statusOf(payment: Pick<PaymentSummary, "status" | "stock">): OrderStatus {
  const { status, stock = "taken" } = payment;
  return orderStatus({ status, stock }) as OrderStatus;
}
