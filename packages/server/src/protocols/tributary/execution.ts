/**
 * Which records of the log are a Tributary payment, and what stands in it. Pure.
 *
 * - A payment with an amount is executed when it becomes paid, once for each transaction that covers it. A person's word
 *   alone (`payment.resolved` without a transaction) executes nothing: there is no signature to show.
 * - Of a standing payment each transfer is executed when it has the payment's confirmations, or is final at once.
 */
import { createHash } from "node:crypto";
import type { PaymentSummary, TransferView } from "@paybell/protocol";
import type { LogRecord } from "../../log/event-log.ts";

export interface Execution {
  /** Of the payment and the transfer that covered it: the same in every repetition, also after a reorganisation. Tells
   * nobody the payment's id, which would open its public view. */
  id: string;
  trackingId: string;
  amountAtomic: bigint;
  /** When it was executed, milliseconds. */
  atMs: number;
  /** The covering transaction's id. */
  signature: string;
}

const ID_CHARS = 22;

/** `null`: this record executes nothing. */
export function executionOf({ type, data, atMs }: LogRecord): Execution | null {
  const { payment, reference } = data;
  if (payment === null || reference === null || reference === undefined) return null;
  if (payment.amount === null) {
    const transfer = data.transfers[0];
    const isNew = (type === "transfer.confirmed" || type === "transfer.final") && !isSettled(data.from);
    if (!isNew || !transfer || payment.status === "cancelled") return null;
    const { txId, index, amount } = transfer;
    const id = executionId(payment.id, txId, index);
    return { id, trackingId: reference, amountAtomic: BigInt(amount), atMs, signature: txId };
  }
  const becomesPaid = type === "payment.paid" || type === "payment.recovered" || type === "payment.resolved";
  if (!becomesPaid || !isPaid(payment) || payment.txId === null) return null;
  return {
    id: executionId(payment.id, payment.txId),
    trackingId: reference,
    amountAtomic: amountThatPaid(payment.amount, data.transfers),
    atMs,
    signature: payment.txId,
  };
}

/** What this record takes back: all executions of a payment with an amount, or those of some transfers to a standing one
 * (a transaction that left its block may be back in the mempool already). `null`: nothing. */
export function undoneBy({ type, data }: LogRecord): { paymentId: string } | { ids: readonly string[] } | null {
  const { payment, transfers } = data;
  if (payment === null) return null;
  if (payment.amount !== null) return isPaid(payment) ? null : { paymentId: payment.id };
  const unsettled = type.startsWith("transfer.") ? transfers.filter(({ status }) => !isSettled(status)) : [];
  return { ids: unsettled.map(({ txId, index }) => executionId(payment.id, txId, index)) };
}

/** The transfers that together reached the amount, not whatever else is on its way. An event lists 50 of them at most:
 * if there were more, at least what was due came. */
function amountThatPaid(due: string, transfers: readonly TransferView[]): bigint {
  const dueAtomic = BigInt(due);
  const sumAtomic = transfers.reduce((sum, { amount }) => sum + BigInt(amount), 0n);
  return sumAtomic > dueAtomic ? sumAtomic : dueAtomic;
}

function isPaid({ status }: PaymentSummary): boolean {
  return status === "paid" || status === "final";
}

function isSettled(transferStatus: string | undefined): boolean {
  return transferStatus === "confirmed" || transferStatus === "final";
}

function executionId(...parts: readonly string[]): string {
  return `exe_${createHash("sha256").update(JSON.stringify(parts)).digest("base64url").slice(0, ID_CHARS)}`;
}
