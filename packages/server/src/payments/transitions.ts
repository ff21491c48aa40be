/**
 * Where coverage and time take a payment. The tables are total: a new status or degree of coverage does not compile
 * until every cell is decided. Pure.
 * Source: reference, "Payment"; the tables of PAYMENT_STATES.md are generated from these.
 */
import type { EventType, PaymentStatus } from "@paybell/protocol";
import type { Coverage } from "./coverage.ts";

export interface Transition {
  to: PaymentStatus;
  /** `null`: told by the `payment.double_spend` or `payment.reorged` of the transfer that was lost. */
  event: EventType | null;
}

type Row = Readonly<Record<Coverage, Transition>>;

const stay = (status: PaymentStatus): Transition => ({ to: status, event: null });

const stays = (status: PaymentStatus): Row => ({
  none: stay(status),
  under: stay(status),
  seen: stay(status),
  included: stay(status),
  confirmed: stay(status),
  final: stay(status),
});

const reversed: Transition = { to: "reversed", event: "payment.reversed" };
const confirming: Transition = { to: "confirming", event: "payment.confirming" };
const paid: Transition = { to: "paid", event: "payment.paid" };
const late: Transition = { to: "confirming", event: "payment.late" };

/**
 * What coverage does to a status. Applied until nothing changes any more: `pending` with final transfers is told
 * `payment.paid` and then `payment.finalized`.
 *
 * `paid` survives coverage `included` (its transfer moved to a younger block) and falls at `seen`: what is only in the
 * mempool may be replaced. The row of `expired` also holds for a pending payment whose needed transfers were sent after
 * expiry; where none was, `payment.late` is told as `payment.confirming`.
 */
export const TRANSITIONS: Readonly<Record<PaymentStatus, Row>> = {
  pending: {
    none: stay("pending"),
    under: stay("pending"),
    seen: confirming,
    included: confirming,
    confirmed: paid,
    final: paid,
  },
  confirming: {
    none: stay("pending"),
    under: stay("pending"),
    seen: stay("confirming"),
    included: stay("confirming"),
    confirmed: paid,
    final: paid,
  },
  paid: {
    none: reversed,
    under: reversed,
    seen: reversed,
    included: stay("paid"),
    confirmed: stay("paid"),
    final: { to: "final", event: "payment.finalized" },
  },
  final: {
    none: reversed,
    under: reversed,
    seen: reversed,
    included: stay("paid"),
    confirmed: stay("paid"),
    final: stay("final"),
  },
  reversed: {
    none: stay("reversed"),
    under: stay("reversed"),
    seen: stay("reversed"),
    included: { to: "confirming", event: "payment.recovered" },
    confirmed: { to: "paid", event: "payment.recovered" },
    final: { to: "paid", event: "payment.recovered" },
  },
  expired: {
    none: stay("expired"),
    under: stay("expired"),
    seen: late,
    included: late,
    confirmed: late,
    final: late,
  },
  cancelled: stays("cancelled"),
  failed: stays("failed"),
};

/** What new money does to a payment that it does not cover: the status stays, this is told. `null`: the transition, or
 * `payment.overpaid`, tells it. */
export const NEW_FUNDS: Readonly<Record<PaymentStatus, EventType | null>> = {
  pending: "payment.partially_paid",
  confirming: null,
  paid: null,
  final: null,
  reversed: null,
  expired: "payment.late_partial",
  cancelled: "payment.unexpected_funds",
  failed: "payment.unexpected_funds",
};

export interface TimeTrigger extends Transition {
  /** The time that must have been watched. */
  at: "expiresAtMs" | "monitorUntilMs";
  /** The coverage at which time matters. */
  whenCoverage: readonly Coverage[];
  /** Not once a transfer of this payment has been in a block: its outcome is unknown, and that is not a failure. */
  onlyNeverInBlock: boolean;
}

/** What the passing of time does; `null`: nothing. */
export const TIME_TRIGGERS: Readonly<Record<PaymentStatus, TimeTrigger | null>> = {
  pending: {
    at: "expiresAtMs",
    whenCoverage: ["none", "under"],
    onlyNeverInBlock: false,
    to: "expired",
    event: "payment.expired",
  },
  confirming: {
    at: "monitorUntilMs",
    whenCoverage: ["seen"],
    onlyNeverInBlock: true,
    to: "failed",
    event: "payment.failed",
  },
  paid: null,
  final: null,
  reversed: null,
  expired: null,
  cancelled: null,
  failed: null,
};
