/** Events: facts about a payment, numbered from 1 without a gap. Source: PAYMENT_STATES.md. */
import type { PaymentSummary, TransferView } from "./payment.ts";
import type { StockLevel } from "./shop.ts";

export const EVENT_TYPES = [
  "payment.created",
  "payment.claimed",
  "payment.partially_paid",
  "payment.confirming",
  "payment.confirmation",
  "payment.paid",
  "payment.finalized",
  "payment.double_spend",
  "payment.reorged",
  "payment.reversed",
  "payment.recovered",
  "payment.expired",
  "payment.late",
  "payment.late_partial",
  "payment.failed",
  "payment.unexpected_funds",
  "payment.cancelled",
  "payment.resolved",
  "payment.overpaid",
  "payment.delivery_changed",
  "payment.erased",
  "transfer.seen",
  "transfer.included",
  "transfer.confirmed",
  "transfer.final",
  "transfer.orphaned",
  "transfer.replaced",
  "transfer.dropped",
  "transfer.unattributed",
  "stock.changed",
] as const;
export type EventType = (typeof EVENT_TYPES)[number];

export const EVENT_REASONS = ["replaced", "dropped", "orphaned", "moved"] as const;
export type EventReason = (typeof EVENT_REASONS)[number];

/** The body of an event: the payment as it stood right after it, and the transfers that it is about. */
export interface EventData {
  /** `null` for what is no payment's: `transfer.unattributed`, `stock.changed`. */
  payment: PaymentSummary | null;
  transfers: TransferView[];
  /** The merchant's own reference; never sent to public listeners. */
  reference?: string | null;
  /** `payment.double_spend` and `payment.reorged`: what happened to the transfers. */
  reason?: EventReason;
  /** `transfer.replaced`: the transaction that took its place, where it is known. */
  replacedBy?: string | null;
  /** `transfer.unattributed`: where it went, and why it fits no payment. */
  unattributed?: { chain: string; asset: string; address: string; why: UnattributedReason };
  /** `payment.delivery_changed`, `payment.resolved`: what the merchant said. `transfer.confirmed`, `transfer.final`: `from`
   * is where the transfer stood before, absent where it is new. */
  from?: string;
  to?: string;
  /** `stock.changed`: the product as it stood right after; never sent to public listeners of the native wires. */
  stock?: StockLevel;
}

/** `older_than_payment`: sent before any payment named the address. `wrong_asset`: another coin than was asked for.
 * `too_many_transfers`: the payment has reached `transfersPerPayment`. `payment_erased`: the payment that named the
 * address was deleted. `no_match`: payments on the address are told apart by something beside it, and no payment waits for
 * what this transfer carries. */
export const UNATTRIBUTED_REASONS = [
  "older_than_payment",
  "wrong_asset",
  "too_many_transfers",
  "payment_erased",
  "no_match",
] as const;
export type UnattributedReason = (typeof UNATTRIBUTED_REASONS)[number];

/** An event as `GET /v1/events`, SSE and the native WebSocket send it. */
export interface PaymentEvent {
  /** Cursor: give it back as `after` or `Last-Event-ID` to go on behind this event. Opaque. */
  position: string;
  /** The same in every retry and on every wire. */
  id: string;
  type: EventType;
  /** `null` for `transfer.unattributed` and `stock.changed`. */
  paymentId: string | null;
  /** Counts this payment's events from 1; `null` where `paymentId` is. */
  sequence: number | null;
  /** ISO 8601. */
  at: string;
  data: EventData;
}
