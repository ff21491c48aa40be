/** Money that arrived without moving the status: too little, too much, or where none is expected. Pure. */
import { isWithinMonitoring } from "./coverage.ts";
import { type Draft, emit, flag } from "./draft.ts";
import type { Payment } from "./payment.ts";
import type { Transfer } from "./transfer.ts";
import { isGained, isNowInBlock } from "./transfer-change.ts";
import type { TransfersStep } from "./transfers-step.ts";
import { NEW_FUNDS } from "./transitions.ts";

/** @param before the payment before the step */
export function tellFunds(draft: Draft, before: Payment, { changes }: TransfersStep): void {
  const { payment } = draft;
  const gained = changes.filter(isGained).map((change) => change.after);
  const credited = gained.filter((transfer) => payment.status !== "expired" || isWithinMonitoring(payment, transfer));
  // A payment failed because its transfer was never included: that it is now must not pass unnoticed.
  const arrived = payment.status === "failed" ? changes.filter(isNowInBlock).map((change) => change.after) : [];

  const event = NEW_FUNDS[payment.status];
  if (event === "payment.unexpected_funds") {
    tellUnexpected(draft, [...new Set([...gained, ...arrived])]);
  } else if (payment.amountAtomic !== null) {
    const grew = payment.receivedAtomic > before.receivedAtomic;
    if (event !== null && credited.length > 0 && grew) emit(draft, event, credited);
    tellUnexpected(
      draft,
      gained.filter((transfer) => !credited.includes(transfer)),
    );
    if (event === null && payment.amountState === "over" && grew) emit(draft, "payment.overpaid", gained);
  }
}

function tellUnexpected(draft: Draft, transfers: readonly Transfer[]): void {
  if (transfers.length === 0) return;
  flag(draft, "needs_review");
  emit(draft, "payment.unexpected_funds", transfers);
}
