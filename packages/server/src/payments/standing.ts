/**
 * Standing payments (no amount due): only the transfers concerned are at hand, so what was received is carried on by
 * their difference. No coverage, no flags: each transfer is a payment of its own to those who listen. Pure.
 */
import { byTime } from "./coverage.ts";
import type { Draft } from "./draft.ts";
import { isLive, type Transfer } from "./transfer.ts";
import type { TransfersStep } from "./transfers-step.ts";

export function settleStanding(draft: Draft, step: TransfersStep): void {
  for (const { before, after } of step.changes) {
    draft.payment.receivedAtomic += contributionAtomic(after) - contributionAtomic(before);
  }
  const newest = step.changes
    .map((change) => change.after)
    .toSorted(byTime)
    .at(-1);
  draft.payment.confirmations = newest?.confirmations ?? 0;
}

function contributionAtomic(transfer: Transfer | null): bigint {
  return transfer !== null && isLive(transfer) ? transfer.amountAtomic : 0n;
}
