/** How a payment stands in identiPay's words, and the three messages. Source: the document, "Message Types". */
import type { PaymentStatus, PaymentSummary } from "@paybell/protocol";

export type TransactionStatus = "pending" | "settled" | "expired" | "cancelled";

/** Source: DESIGN.md, "Life of a payment". */
const STATUS_OF: Readonly<Record<PaymentStatus, TransactionStatus>> = {
  pending: "pending",
  confirming: "pending",
  paid: "settled",
  final: "settled",
  reversed: "pending",
  expired: "expired",
  cancelled: "cancelled",
  failed: "expired",
};

export interface TransactionState {
  transactionId: string;
  status: TransactionStatus;
  /** The transaction that covered the amount, on whatever chain; only while settled, and `null` then too where a person
   * decided it without one. */
  suiTxDigest: string | null;
}

export function stateOf(payment: Pick<PaymentSummary, "id" | "status" | "txId">): TransactionState {
  const status = STATUS_OF[payment.status];
  return { transactionId: payment.id, status, suiTxDigest: status === "settled" ? payment.txId : null };
}

export function sameState(a: TransactionState, b: TransactionState): boolean {
  return a.status === b.status && a.suiTxDigest === b.suiTxDigest;
}

/** What a client is told first: how it stands. */
export function statusMessage({ transactionId, status, suiTxDigest }: TransactionState): string {
  return JSON.stringify({ type: "status", transactionId, status, suiTxDigest });
}

/** What a client is told of a change: `settlement` when it is settled now, `status` otherwise. */
export function changeMessage(state: TransactionState): string {
  if (state.status !== "settled") return statusMessage(state);
  const { transactionId, status, suiTxDigest } = state;
  return JSON.stringify({ type: "settlement", transactionId, status, suiTxDigest });
}

export function errorMessage(message: string): string {
  return JSON.stringify({ type: "error", message });
}

export const NOT_FOUND = "Transaction not found";
