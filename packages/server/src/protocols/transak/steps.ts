/**
 * An order's steps: the records by which its Transak status changed. One record, one event at most; a confirmation, more
 * money or finality changes no status and is not told. Pure.
 */
import type { EventType } from "@paybell/protocol";
import type { LogRecord } from "../../log/event-log.ts";
import { type Side, statusOf, type TransakStatus } from "./status.ts";

/**
 * May a record of this type change the status? Total: a new type does not compile until it is decided. What may not is
 * left out without reading anything. Where money is lost, the payment's event tells it, not the transfer's.
 */
const MAY_STEP: Readonly<Record<EventType, boolean>> = {
  "payment.created": true,
  "payment.claimed": true,
  "payment.partially_paid": false,
  "payment.confirming": true,
  "payment.confirmation": false,
  "payment.paid": true,
  "payment.finalized": false,
  "payment.double_spend": true,
  "payment.reorged": true,
  "payment.reversed": true,
  "payment.recovered": true,
  "payment.expired": true,
  "payment.late": true,
  "payment.late_partial": false,
  "payment.failed": true,
  "payment.unexpected_funds": false,
  "payment.cancelled": true,
  "payment.resolved": true,
  "payment.overpaid": false,
  "payment.delivery_changed": true,
  // Nothing is told of a payment that was erased, not even that.
  "payment.erased": false,
  "transfer.seen": false,
  "transfer.included": false,
  "transfer.confirmed": false,
  "transfer.final": false,
  "transfer.orphaned": false,
  "transfer.replaced": false,
  "transfer.dropped": false,
  "transfer.unattributed": false,
  "stock.changed": false,
};

/** A standing payment has no amount and no end: it is no order. */
export function mayStep({ type, data }: Pick<LogRecord, "type" | "data">): boolean {
  return MAY_STEP[type] && data.payment !== null && data.payment.amount !== null;
}

export interface Step {
  status: TransakStatus;
  atMs: number;
  /** Of the record. */
  offset: number;
}

/** The steps of one order so far, and behind them those of further records. */
export function stepsAfter(
  steps: readonly Step[],
  records: readonly Pick<LogRecord, "type" | "data" | "atMs" | "offset">[],
  side: Side,
): readonly Step[] {
  const all = [...steps];
  for (const record of records) {
    const { payment } = record.data;
    if (payment === null || !mayStep(record)) continue;
    const status = statusOf(payment, side);
    if (all.at(-1)?.status !== status) all.push({ status, atMs: record.atMs, offset: record.offset });
  }
  return all;
}
