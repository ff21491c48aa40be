/**
 * What `decide` takes and gives. Pure types.
 * Source: PAYMENT_STATES.md.
 */
import type { DeliveryState, ErrorCode, EventData, EventType, UnattributedReason } from "@paybell/protocol";
import type { Shortages } from "./draft.ts";
import type { Payment, PaymentState } from "./payment.ts";
import type { Observation, Transfer } from "./transfer.ts";

/** The fields of a payment that are given at its creation; the rest starts from nothing. */
export type NewPayment = Pick<
  Payment,
  | "id"
  | "merchantId"
  | "chain"
  | "asset"
  | "decimals"
  | "amountAtomic"
  | "address"
  | "match"
  | "recipient"
  | "derivationIndex"
  | "uri"
  | "reference"
  | "customer"
  | "items"
  | "metadata"
  | "policy"
  | "expiresAtMs"
> & {
  monitoringSeconds: number;
  /** Given for an order: its units are reserved with it. */
  stock?: "reserved";
  /** Since when transfers are credited to it, where that was before it was made; not later than now. */
  createdAtMs?: number;
};

export type Input =
  | { type: "create"; payment: NewPayment }
  /** Observations of this payment's transfers, decided together: a reorg that moves a transfer is one thing. */
  | {
      type: "observe";
      observations: readonly Observation[];
      /** Transfers credited to one payment with an amount. Left out: 1,000. */
      maxTransfers?: number;
    }
  /** The chain's head is now at this height: included transfers have more confirmations. */
  | { type: "head"; height: number }
  /** Time has passed; the chain has been watched without a gap until `watchedUntilMs`. */
  | { type: "tick"; watchedUntilMs: number }
  /** `txId`: in canonical form; of a payment that knows its payer. */
  | { type: "claim"; txId?: string }
  | { type: "cancel" }
  | { type: "deliver"; to: DeliveryState }
  | { type: "resolve"; as: "paid" | "failed" }
  | { type: "erase" };

/** A fact about a payment, not yet in the log. */
export interface DecidedEvent {
  type: EventType;
  sequence: number;
  atMs: number;
  data: EventData;
}

/** An observation that this payment does not accept; it is recorded as `transfer.unattributed`. */
export interface Rejection {
  observation: Observation;
  why: UnattributedReason;
}

export type Decision =
  | {
      ok: true;
      state: PaymentState;
      /** Empty: nothing changed, nothing to write. */
      events: readonly DecidedEvent[];
      /** The transfers that differ from those in the state before. */
      changed: readonly Transfer[];
      /** At most one per transfer. */
      rejected: readonly Rejection[];
    }
  | { ok: false; refusal: Refusal };

export interface Refusal {
  code: ErrorCode;
  message: string;
  details?: unknown;
}

/** @param shortages of an order that takes units which it has not reserved: what the store said is not free. Left out, or
 * `null`: they are taken to be free, and the store refuses the decision where they are not. */
export type Decide = (state: PaymentState | null, input: Input, atMs: number, shortages?: Shortages) => Decision;
