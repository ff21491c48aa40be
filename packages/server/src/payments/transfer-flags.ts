/** What transfers leave behind on their payment. Pure. Source: PAYMENT_STATES.md, "Flags". */
import { type Draft, flag } from "./draft.ts";
import { isLive, type Transfer } from "./transfer.ts";
import { isGained, lossOf } from "./transfer-change.ts";
import type { TransfersStep } from "./transfers-step.ts";

export function flagTransfers(draft: Draft, { transfers, changes }: TransfersStep): void {
  for (const change of changes) {
    const loss = lossOf(change);
    if (loss === "orphaned" || loss === "moved") flag(draft, "reorged");
    if (change.after.status === "replaced" && change.before?.status !== "replaced") {
      flag(draft, isReplacedByOurs(change.after, transfers) ? "rbf" : "double_spend");
    }
    // The replacement may be seen later than the replaced transaction is missed.
    if (isGained(change) && transfers.some((transfer) => transfer.replacedBy === change.after.txId)) flag(draft, "rbf");
  }
  if (transfers.filter(isLive).length > 1) flag(draft, "multiple");
}

/** Did the sender raise the fee (the replacement pays this payment too), or take the money elsewhere? */
function isReplacedByOurs(replaced: Transfer, transfers: readonly Transfer[]): boolean {
  return transfers.some((transfer) => {
    if (transfer.txId === replaced.txId) return false;
    if (replaced.replacedBy !== null) return transfer.txId === replaced.replacedBy;
    return isLive(transfer) && transfer.spends.some((spent) => replaced.spends.includes(spent));
  });
}
