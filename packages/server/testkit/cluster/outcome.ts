/** What each payment must have come to, from what was asked for and what the chain says; nothing of how Paybell decides. */
import type { PaymentStatus } from "@paybell/protocol";
import type { Payment } from "../../src/payments/payment.ts";
import type { Book, Entry } from "./book.ts";
import type { ChainPayment, ChainTruth } from "./chain-truth.ts";
import type { LogView } from "./log-view.ts";
import { REPORTED_CHAIN } from "./settings.ts";

export interface Outcome {
  /** Any of these. */
  statuses: readonly PaymentStatus[];
  received: bigint;
}

export function outcomeOf(entry: Entry, chain: ChainTruth): Outcome {
  const received = entry.chain === REPORTED_CHAIN ? reportedSum(entry) : includedSum(chain, entry);
  return { statuses: statusesOf(entry, received), received };
}

function statusesOf({ amount, isCancelled, isShort, doubleSpent }: Entry, received: bigint): PaymentStatus[] {
  if (isCancelled) return ["cancelled"];
  if (amount === null) return ["pending"];
  if (received >= amount) return ["final"];
  const waiting: PaymentStatus = isShort ? "expired" : "pending";
  // What was deep enough once, and then was double-spent after a reorganisation, was paid before.
  return doubleSpent.length > 0 ? [waiting, "reversed"] : [waiting];
}

function includedSum(chain: ChainTruth, entry: Entry): bigint {
  return paymentsTo(chain, entry).reduce((sum, { amount, isIncluded }) => sum + (isIncluded ? amount : 0n), 0n);
}

function paymentsTo(chain: ChainTruth, { address }: Entry): readonly ChainPayment[] {
  return chain.payments.get(address) ?? [];
}

function reportedSum({ reported }: Entry): bigint {
  const live = [...reported.values()].filter(({ status }) => status === "included" || status === "seen");
  return live.reduce((sum, { amount }) => sum + amount, 0n);
}

/** Why a payment is not what it must be; `null`: it is. */
export function problemOf(entry: Entry, payment: Payment, chain: ChainTruth): string | null {
  const { statuses, received } = outcomeOf(entry, chain);
  const { id, kind, nth } = entry;
  const is = `Payment ${id} (number ${nth}, "${kind}") is ${payment.status} with ${payment.receivedAtomic}`;
  if (!statuses.includes(payment.status)) return `${is}; it must be ${statuses.join(" or ")}.`;
  if (payment.receivedAtomic !== received) return `${is}; the chain says ${received}.`;
  return null;
}

/** Requests that were answered have their effect, once. @returns what is wrong */
export function effectsMissing({ entries }: Book, chain: ChainTruth, log: LogView): string[] {
  const wrong: string[] = [];
  const created = log.events.filter(({ type }) => type === "payment.created").map(({ paymentId }) => paymentId);
  const asked = new Set(entries.map(({ id }) => id));
  for (const id of created) if (!asked.has(id as string)) wrong.push(`Payment ${id} was made, and nobody was told.`);
  if (new Set(created).size !== created.length) wrong.push("A payment was created twice.");
  const isCreated = new Set(created);
  for (const entry of entries) {
    const { id, nth, kind, paidBy, payAttempts, isOver } = entry;
    const about = `Payment ${id} (number ${nth}, "${kind}")`;
    if (!isOver) wrong.push(`${about}: its story was not told to its end.`);
    if (!isCreated.has(id)) wrong.push(`${about} was answered and is not in the log.`);
    if (entry.chain === REPORTED_CHAIN) continue;
    const made = paymentsTo(chain, entry).map(({ txId }) => txId);
    for (const txId of paidBy) if (!made.includes(txId)) wrong.push(`${about}: ${txId} was answered and is not there.`);
    if (made.length > payAttempts) wrong.push(`${about}: ${made.length} transactions by ${payAttempts} requests.`);
  }
  return wrong;
}
