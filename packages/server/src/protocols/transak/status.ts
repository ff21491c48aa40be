/**
 * How a payment stands in Transak's words, and which event tells it. Pure.
 * Source: the document, "Events" (a table for buying, one for selling); DESIGN.md, "Life of a payment".
 */
import type { DeliveryState, PaymentStatus, PaymentSummary } from "@paybell/protocol";

/** Does the buyer get crypto for fiat, or fiat for crypto? Chooses the table. */
export type Side = "BUY" | "SELL";

/** Status → the Pusher event that tells it. */
const EVENT_OF = {
  AWAITING_PAYMENT_FROM_USER: "ORDER_CREATED",
  PAYMENT_DONE_MARKED_BY_USER: "ORDER_PAYMENT_VERIFYING",
  PROCESSING: "ORDER_PROCESSING",
  PENDING_DELIVERY_FROM_TRANSAK: "ORDER_PROCESSING",
  ON_HOLD_PENDING_DELIVERY_FROM_TRANSAK: "ORDER_PROCESSING",
  COMPLETED: "ORDER_COMPLETED",
  EXPIRED: "ORDER_FAILED",
  FAILED: "ORDER_FAILED",
  CANCELLED: "ORDER_FAILED",
  REFUNDED: "ORDER_REFUNDED",
} as const;

export type TransakStatus = keyof typeof EVENT_OF;
export type TransakEvent = (typeof EVENT_OF)[TransakStatus];

export function eventOf(status: TransakStatus): TransakEvent {
  return EVENT_OF[status];
}

/** A paid order stands where its delivery stands. */
type Delivered = Readonly<Record<DeliveryState, TransakStatus>>;

interface Table {
  /** While transfers are seen that may still be lost. */
  confirming: TransakStatus;
  paid: Delivered;
}

const TABLES: Readonly<Record<Side, Table>> = {
  // Its table has no status for an order on hold: it is still to be delivered.
  BUY: {
    confirming: "PROCESSING",
    paid: {
      none: "PROCESSING",
      processing: "PROCESSING",
      delivering: "PENDING_DELIVERY_FROM_TRANSAK",
      on_hold: "PENDING_DELIVERY_FROM_TRANSAK",
      delivered: "COMPLETED",
      refunded: "REFUNDED",
      failed: "FAILED",
    },
  },
  // Its table has no PROCESSING: crypto that is on its way was sent by the user and not received yet, and once it is
  // received the fiat transfer is due.
  SELL: {
    confirming: "PAYMENT_DONE_MARKED_BY_USER",
    paid: {
      none: "PENDING_DELIVERY_FROM_TRANSAK",
      processing: "PENDING_DELIVERY_FROM_TRANSAK",
      delivering: "PENDING_DELIVERY_FROM_TRANSAK",
      on_hold: "ON_HOLD_PENDING_DELIVERY_FROM_TRANSAK",
      delivered: "COMPLETED",
      refunded: "REFUNDED",
      failed: "FAILED",
    },
  },
};

type Standing = Pick<PaymentSummary, "status" | "delivery" | "claimedAt">;

const STATUS_OF: Readonly<Record<PaymentStatus, (payment: Standing, table: Table) => TransakStatus>> = {
  pending: ({ claimedAt }) => (claimedAt === null ? "AWAITING_PAYMENT_FROM_USER" : "PAYMENT_DONE_MARKED_BY_USER"),
  confirming: (_payment, { confirming }) => confirming,
  paid: ({ delivery }, { paid }) => paid[delivery],
  final: ({ delivery }, { paid }) => paid[delivery],
  reversed: () => "FAILED",
  expired: () => "EXPIRED",
  cancelled: () => "CANCELLED",
  failed: () => "FAILED",
};

export function statusOf(payment: Standing, side: Side): TransakStatus {
  return STATUS_OF[payment.status](payment, TABLES[side]);
}
