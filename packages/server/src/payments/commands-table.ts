/**
 * What an operator or payer may ask for, by status. Total tables. Pure.
 * Source: reference, "Payment"; the tables of PAYMENT_STATES.md are generated from these.
 */
import type { DeliveryState, EventType, PaymentStatus } from "@paybell/protocol";

export const COMMANDS = ["claim", "cancel", "resolve_paid", "resolve_failed", "deliver", "erase"] as const;
export type Command = (typeof COMMANDS)[number];

/** `no_transfer`: while no transfer is live or out of its block by a reorg (a standing payment: always). `in_doubt`: with
 * the flag `needs_review`, or `manual` (an operator may correct himself: nothing else moves the status any more); a
 * standing payment: never. */
export type Condition = "no_transfer" | "in_doubt";

export type CommandCell =
  | { to: PaymentStatus; event: EventType; when: Condition | null }
  /** What is asked for is already so: accepted, nothing changes. */
  | "unchanged"
  | "refused";

const go = (to: PaymentStatus, event: EventType, when: Condition | null = null): CommandCell => ({ to, event, when });

const always = (status: PaymentStatus) => ({ erase: go(status, "payment.erased") });

const resolve = (when: Condition | null) => ({
  resolve_paid: go("paid", "payment.resolved", when),
  resolve_failed: go("failed", "payment.resolved", when),
});

export const COMMAND_TABLE: Readonly<Record<PaymentStatus, Readonly<Record<Command, CommandCell>>>> = {
  pending: {
    claim: go("pending", "payment.claimed"),
    cancel: go("cancelled", "payment.cancelled", "no_transfer"),
    ...resolve("in_doubt"),
    deliver: "refused",
    ...always("pending"),
  },
  confirming: {
    claim: "refused",
    cancel: "refused",
    ...resolve("in_doubt"),
    deliver: go("confirming", "payment.delivery_changed"),
    ...always("confirming"),
  },
  paid: {
    claim: "refused",
    cancel: "refused",
    ...resolve("in_doubt"),
    deliver: go("paid", "payment.delivery_changed"),
    ...always("paid"),
  },
  final: {
    claim: "refused",
    cancel: "refused",
    resolve_paid: go("final", "payment.resolved", "in_doubt"),
    resolve_failed: go("failed", "payment.resolved", "in_doubt"),
    deliver: go("final", "payment.delivery_changed"),
    ...always("final"),
  },
  reversed: { claim: "refused", cancel: "refused", ...resolve(null), deliver: "refused", ...always("reversed") },
  expired: { claim: "refused", cancel: "refused", ...resolve(null), deliver: "refused", ...always("expired") },
  cancelled: {
    claim: "refused",
    cancel: "unchanged",
    ...resolve("in_doubt"),
    deliver: "refused",
    ...always("cancelled"),
  },
  failed: { claim: "refused", cancel: "refused", ...resolve(null), deliver: "refused", ...always("failed") },
};

const whilePaid: readonly DeliveryState[] = ["processing", "delivering", "on_hold", "delivered", "refunded", "failed"];

/** The delivery states that may be set in a status. */
export const DELIVERY_IN_STATUS: Readonly<Record<PaymentStatus, readonly DeliveryState[]>> = {
  pending: [],
  confirming: ["processing"],
  paid: whilePaid,
  final: whilePaid,
  reversed: [],
  expired: [],
  cancelled: [],
  failed: [],
};

/** What is not there cannot leave: an order that is short of stock waits, fails or is refunded. */
export const DELIVERY_WHILE_SHORT: readonly DeliveryState[] = ["on_hold", "refunded", "failed"];

/** Where delivery may go from where it stands. Refunded is the end; what was delivered can only be refunded. */
export const DELIVERY_NEXT: Readonly<Record<DeliveryState, readonly DeliveryState[]>> = {
  none: ["processing", "delivering", "on_hold", "delivered", "refunded", "failed"],
  processing: ["delivering", "on_hold", "delivered", "refunded", "failed"],
  delivering: ["on_hold", "delivered", "refunded", "failed"],
  on_hold: ["processing", "delivering", "delivered", "refunded", "failed"],
  delivered: ["refunded"],
  refunded: [],
  failed: ["processing", "delivering", "on_hold", "refunded"],
};
