/**
 * Payments as this process stored them last, so that the next decision about them needs no read. Another process may
 * have changed them since: only what the store has accepted on top of them may be relied on.
 */
import type { PaymentState } from "../payments/payment.ts";

/** Payments remembered; 1 to 2 kB each, and 0.5 kB for each transfer. */
const PAYMENTS_MAX = 4_096;
/** Of one payment: the newest of a standing one; one with an amount and more than these is not remembered. */
const TRANSFERS_MAX = 8;

export class RecentPayments {
  /** In the order of use: the first is the first to go. */
  readonly #states = new Map<string, PaymentState>();

  /** With all its transfers; of a standing payment with some. */
  get(paymentId: string): PaymentState | undefined {
    const state = this.#states.get(paymentId);
    if (state === undefined) return undefined;
    this.#states.delete(paymentId);
    this.#states.set(paymentId, state);
    return state;
  }

  /** What was stored. */
  keep({ payment, transfers }: PaymentState): void {
    const known = this.#states.get(payment.id);
    if (known && known.payment.sequence > payment.sequence) return;
    this.#states.delete(payment.id);
    const isWhole = transfers.length <= TRANSFERS_MAX;
    if (payment.erasedAtMs !== null || (payment.amountAtomic !== null && !isWhole)) return;
    this.#states.set(payment.id, { payment, transfers: isWhole ? transfers : transfers.slice(-TRANSFERS_MAX) });
    if (this.#states.size <= PAYMENTS_MAX) return;
    const oldest = this.#states.keys().next();
    if (!oldest.done) this.#states.delete(oldest.value);
  }

  forget(paymentId: string): void {
    this.#states.delete(paymentId);
  }
}
