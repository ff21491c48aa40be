/**
 * What became of one transfer in one decision, as the difference between before and after. Pure.
 * Source: PAYMENT_STATES.md, "Transfers".
 */
import type { EventData, TransferStatus } from "@paybell/protocol";
import { isLive, type Transfer } from "./transfer.ts";

export interface TransferChange {
  /** `null`: not known before. */
  before: Transfer | null;
  after: Transfer;
}

export type LossReason = NonNullable<EventData["reason"]>;

/** In the order in which they are told. */
export const LOSS_REASONS: readonly LossReason[] = ["replaced", "dropped", "orphaned", "moved"];

export function isInBlock(transfer: Pick<Transfer, "status">): boolean {
  return transfer.status === "included" || transfer.status === "confirmed" || transfer.status === "final";
}

/** Nothing that counts differs. The terms of a transfer that is lost do not count: they are given anew when it returns. */
export function sameTransfer(a: Transfer, b: Transfer): boolean {
  return (
    a.status === b.status &&
    a.confirmations === b.confirmations &&
    a.block?.hash === b.block?.hash &&
    a.replacedBy === b.replacedBy &&
    (!isLive(a) || sameTerms(a, b))
  );
}

function sameTerms(a: Transfer, b: Transfer): boolean {
  return a.amountAtomic === b.amountAtomic && a.replaceable === b.replaceable && a.spends.join() === b.spends.join();
}

/** Money that was not there before: a new transfer, or a lost one that came back. */
export function isGained({ before, after }: TransferChange): boolean {
  return isLive(after) && (before === null || !isLive(before));
}

/** Into a block for the first time (since it was last lost). */
export function isNowInBlock({ before, after }: TransferChange): boolean {
  return isInBlock(after) && (before === null || !isInBlock(before));
}

/** How a transfer was lost or moved, `null` if it was not. Out of a block and back into the mempool is a reorg, also
 * when both are observed at once; into another block, or less deep than before, is a move. */
export function lossOf({ before, after }: TransferChange): LossReason | null {
  if (before === null) return null;
  if (after.status === "replaced" || after.status === "dropped") {
    return after.status === before.status ? null : after.status;
  }
  if (!isInBlock(before)) return null;
  if (!isInBlock(after)) return "orphaned";
  const otherBlock = before.block !== null && after.block !== null && before.block.hash !== after.block.hash;
  return otherBlock || isShallower(after, before) ? "moved" : null;
}

const DEPTHS: readonly TransferStatus[] = ["included", "confirmed", "final"];

function isShallower(a: Transfer, b: Transfer): boolean {
  return a.confirmations < b.confirmations || DEPTHS.indexOf(a.status) < DEPTHS.indexOf(b.status);
}

/** Only more confirmations in the same place; everything else is a `transfer.*` event of its own. */
export function isOnlyConfirmation({ before, after }: TransferChange): boolean {
  return (
    before !== null &&
    before.status === after.status &&
    before.block?.hash === after.block?.hash &&
    after.confirmations > before.confirmations
  );
}
