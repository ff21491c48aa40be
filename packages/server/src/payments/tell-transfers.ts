/** The events about transfers themselves. Pure. Source: PAYMENT_STATES.md, "Transfers". */
import type { EventData } from "@paybell/protocol";
import { type Draft, emit, MAX_TRANSFERS_PER_EVENT } from "./draft.ts";
import { isOnlyConfirmation, LOSS_REASONS, lossOf, type TransferChange } from "./transfer-change.ts";

/** One event for each transfer whose status or block changed. */
export function tellTransfers(draft: Draft, changes: readonly TransferChange[]): void {
  for (const change of changes) {
    if (isOnlyConfirmation(change)) continue;
    const { after } = change;
    emit(draft, `transfer.${after.status}`, [after], moreOf(change));
  }
}

/** What only these events say. Who told of a transfer when it was confirmed sees by `from` that `final` is the same. */
function moreOf({ before, after }: TransferChange): Pick<EventData, "from" | "replacedBy"> {
  if (after.status === "replaced") return { replacedBy: after.replacedBy };
  const isSettled = after.status === "confirmed" || after.status === "final";
  return isSettled && before !== null ? { from: before.status } : {};
}

/** Transfers that only got deeper; several events when there are more than one event may carry. */
export function tellConfirmations(draft: Draft, changes: readonly TransferChange[]): void {
  const deeper = changes.filter(isOnlyConfirmation).map((change) => change.after);
  for (let from = 0; from < deeper.length; from += MAX_TRANSFERS_PER_EVENT) {
    emit(draft, "payment.confirmation", deeper.slice(from, from + MAX_TRANSFERS_PER_EVENT));
  }
}

/** Transfers that were lost or moved, one event for each reason; also where the status stays. */
export function tellLosses(draft: Draft, changes: readonly TransferChange[]): void {
  for (const reason of LOSS_REASONS) {
    const lost = changes.filter((change) => lossOf(change) === reason).map((change) => change.after);
    if (lost.length === 0) continue;
    const type = reason === "replaced" || reason === "dropped" ? "payment.double_spend" : "payment.reorged";
    emit(draft, type, lost, { reason });
  }
}
