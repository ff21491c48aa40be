/** What a decision is asked for, and what becomes of it. */
import type { Shortage } from "@paybell/protocol";
import type { IdempotentAnswer, WatcherProgress } from "../log/event-log.ts";
import type { Fence } from "../log/leases.ts";
import type { CreditedPayment } from "../log/store.ts";
import type { Input, Refusal } from "../payments/decide.ts";
import type { Payment, PaymentState } from "../payments/payment.ts";

/** One payment and what is to be decided about it, in order. */
export interface Work {
  paymentId: string;
  /** Made when the payment is at hand. `nowMs`: the time of the decision. */
  inputs: (payment: Payment, nowMs: number) => readonly Input[];
  /** The transfers concerned: of a standing payment only these are looked at. */
  concerning?: readonly { txId: string; index: string }[];
  /** Checked before deciding: another merchant's payment is "not found". */
  merchantId?: string;
  /** Given: the payment is written even where nothing changes. Made from the payments of the call's work so far, this one
   * the last, as they then are; `null`: another work of the call has the answer. */
  answer?: (decided: readonly PaymentState[]) => IdempotentAnswer | null;
}

export type Outcome =
  | { ok: true; state: PaymentState }
  | { ok: false; refusal: Refusal }
  /** A transfer belongs to another payment of the merchant by now: route it again. */
  | { ok: false; reroute: true }
  | { ok: false; idempotencyTaken: true };

/** The payments that a call is about, by id: those that are there and the merchant's. */
export type PaymentsFound = ReadonlyMap<string, Payment>;
/** The merchant's payments that the transfers of a call credit already, by `transferKey`. */
export type Owners = ReadonlyMap<string, CreditedPayment>;

/** Throws to refuse a call: then nothing of it is recorded.
 * @param owners `null`: not looked up; the store refuses to credit a transfer twice, and the check is asked again */
export type Check = (payments: PaymentsFound, owners: Owners | null) => void;

/** What one caller asked for. */
export interface Call {
  readonly work: readonly Work[];
  /** Places in `work` that are not decided yet. */
  open: readonly number[];
  readonly outcomes: Outcome[];
  /** Stored with the last append, and only if nothing is left undone. */
  readonly progress: WatcherProgress | null;
  /** With which everything of the call is appended. */
  readonly fence: Fence | null;
  /** With one, the call is recorded as a whole or not at all. */
  readonly check: Check | null;
  /** Of orders, by payment: what the store said is not free. */
  readonly shortages: Map<string, readonly Shortage[]>;
  /** What is remembered was not good enough: read everything. */
  fresh: boolean;
}
