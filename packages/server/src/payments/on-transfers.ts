/**
 * What follows for a payment from the change of its transfers. Pure.
 * Order of the events: transfers, confirmations, losses, status, then money that came on top.
 * Source: PAYMENT_STATES.md, "Payments".
 */
import { coverageOf, isLate } from "./coverage.ts";
import type { Decision } from "./decision.ts";
import { type Draft, emit, finish, flag, type Shortages, startDraft, unchanged } from "./draft.ts";
import type { PaymentState } from "./payment.ts";
import { settleStanding } from "./standing.ts";
import { tellFunds } from "./tell-funds.ts";
import { tellConfirmations, tellLosses, tellTransfers } from "./tell-transfers.ts";
import type { Transfer } from "./transfer.ts";
import { flagTransfers } from "./transfer-flags.ts";
import type { TransfersStep } from "./transfers-step.ts";
import { TRANSITIONS, type Transition } from "./transitions.ts";

export function decideTransfers(
  before: PaymentState,
  step: TransfersStep,
  atMs: number,
  shortages: Shortages,
): Decision {
  if (step.changes.length === 0) return unchanged(before, step.rejected);
  const draft = startDraft(before.payment, atMs, shortages);
  const changed = step.changes.map((change) => change.after);
  if (before.payment.amountAtomic === null) {
    settleStanding(draft, step);
    tellTransfers(draft, step.changes);
    tellConfirmations(draft, step.changes);
    tellFunds(draft, before.payment, step);
    return finish(before, draft, step.transfers, changed, step.rejected);
  }
  settle(draft, step.transfers);
  flagTransfers(draft, step);
  moveSilently(draft, step.transfers);
  tellTransfers(draft, step.changes);
  tellConfirmations(draft, step.changes);
  tellLosses(draft, step.changes);
  moveLoudly(draft, step.transfers);
  tellFunds(draft, before.payment, step);
  return finish(before, draft, step.transfers, changed, step.rejected);
}

/** Everything that is computed from the set of transfers, the status apart. */
function settle(draft: Draft, transfers: readonly Transfer[]): void {
  const { payment } = draft;
  // Received is everything that is live, also what came too late to be credited.
  const { amountState, receivedAtomic, needed, confirmations } = coverageOf(
    { ...payment, monitorUntilMs: null },
    transfers,
  );
  Object.assign(payment, {
    amountState,
    receivedAtomic,
    confirmations,
    coveringTxId: needed.at(-1)?.txId ?? null,
  });
}

/** Status changes that the loss of a transfer tells: made before it is told. */
function moveSilently(draft: Draft, transfers: readonly Transfer[]): void {
  for (;;) {
    const { to, event } = nextTransition(draft, transfers);
    if (event !== null || to === draft.payment.status) return;
    draft.payment.status = to;
  }
}

/** Status changes with an event of their own, until the table says stay. */
function moveLoudly(draft: Draft, transfers: readonly Transfer[]): void {
  for (;;) {
    const { to, event } = nextTransition(draft, transfers);
    if (to === draft.payment.status) return;
    const { needed } = coverageOf(draft.payment, transfers);
    draft.payment.status = to;
    if (event === "payment.late") flag(draft, "late");
    if (event !== null) emit(draft, event, needed);
  }
}

/** The cell of the table. An operator's word stands: coverage no longer moves the status. */
function nextTransition({ payment }: Draft, transfers: readonly Transfer[]): Transition {
  if (payment.flags.includes("manual")) return { to: payment.status, event: null };
  const assessment = coverageOf(payment, transfers);
  const late = isLate(payment, assessment);
  const row = late && payment.status === "pending" ? "expired" : payment.status;
  const transition = TRANSITIONS[row][assessment.coverage];
  if (transition.event === "payment.late" && !late) return { to: transition.to, event: "payment.confirming" };
  return transition;
}
