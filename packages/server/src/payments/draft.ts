/**
 * A decision in the making: the payment as it changes, and the events told so far. Local to one call of `decide`.
 */
import { type EventData, type EventType, PAYMENT_FLAGS, type PaymentFlag, type Shortage } from "@paybell/protocol";
import { byTime, coverageOf } from "./coverage.ts";
import type { DecidedEvent, Decision, Rejection } from "./decision.ts";
import { type Payment, type PaymentState, summarise } from "./payment.ts";
import { nextStock } from "./stock.ts";
import type { StockCommand } from "./stock-table.ts";
import { type Transfer, viewTransfer } from "./transfer.ts";
import { TIME_TRIGGERS } from "./transitions.ts";

/** An event stays small whatever the number of transfers; the snapshot has more. */
export const MAX_TRANSFERS_PER_EVENT = 50;

export interface Draft {
  payment: Payment;
  readonly events: DecidedEvent[];
  readonly atMs: number;
  /** See `Decide`. */
  readonly shortages: Shortages;
  /** What was said, where it matters to an order's stock. */
  command: StockCommand | null;
}

/** What the store said is not free; `null`: nothing is known to be missing. */
export type Shortages = readonly Shortage[] | null;

/** @param atMs the decision's time; a clock that goes back does not take `updatedAt` with it */
export function startDraft(payment: Payment, atMs: number, shortages: Shortages): Draft {
  return { payment: { ...payment }, events: [], atMs: Math.max(atMs, payment.updatedAtMs), shortages, command: null };
}

/** Appends an event with the payment as it now stands. `transfers`: those it is about, the newest 50 of them. */
export function emit(
  draft: Draft,
  type: EventType,
  transfers: readonly Transfer[] = [],
  more: Omit<EventData, "payment" | "transfers" | "reference"> = {},
): void {
  const { payment, atMs } = draft;
  moveStock(draft);
  payment.sequence += 1;
  payment.updatedAtMs = atMs;
  const about = transfers.toSorted(byTime).slice(-MAX_TRANSFERS_PER_EVENT);
  const data: EventData = {
    payment: summarise(payment),
    transfers: about.map(viewTransfer),
    reference: payment.reference,
    ...more,
  };
  draft.events.push({ type, sequence: payment.sequence, atMs, data });
}

/** An event finds an order's units where its status, or what was said, wants them. */
function moveStock(draft: Draft): void {
  const { payment, command, shortages } = draft;
  const before = payment.stock;
  payment.stock = nextStock(payment, command, shortages === null);
  if (payment.stock === "short" && before !== "short") flag(draft, "needs_review");
}

/** Flags are only ever added, and kept in the order of the protocol. */
export function flag(draft: Draft, added: PaymentFlag): void {
  const flags = new Set([...draft.payment.flags, added]);
  if (flags.size > draft.payment.flags.length) {
    draft.payment.flags = PAYMENT_FLAGS.filter((known) => flags.has(known));
  }
}

/** Closes the draft. Without an event there is no change: the state before is given back. */
export function finish(
  before: PaymentState,
  draft: Draft,
  transfers: readonly Transfer[],
  changed: readonly Transfer[],
  rejected: readonly Rejection[] = [],
): Decision {
  if (draft.events.length === 0) return unchanged(before, rejected);
  const payment = { ...draft.payment, deadlineMs: deadlineOf(draft.payment, transfers) };
  return { ok: true, state: { payment, transfers }, events: draft.events, changed, rejected };
}

export function unchanged(state: PaymentState, rejected: readonly Rejection[] = []): Decision {
  return { ok: true, state, events: [], changed: [], rejected };
}

/** When time alone has something to say, by the table of time triggers. */
export function deadlineOf(payment: Payment, transfers: readonly Transfer[]): number | null {
  const trigger = TIME_TRIGGERS[payment.status];
  if (trigger === null || payment.erasedAtMs !== null || payment.flags.includes("manual")) return null;
  if (trigger.onlyNeverInBlock && payment.flags.includes("reorged")) return null;
  if (!trigger.whenCoverage.includes(coverageOf(payment, transfers).coverage)) return null;
  return payment[trigger.at];
}
