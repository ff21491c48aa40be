/**
 * One observation, or one head, applied to one transfer. Pure.
 * Source: PAYMENT_STATES.md, "Transfers".
 */
import type { FinalityPolicy } from "./payment.ts";
import type { BlockRef, Observation, Transfer } from "./transfer.ts";
import { isInBlock } from "./transfer-change.ts";
import { type DepthStatus, depthOf, reportedConfirmations, TRANSFER_TRANSITIONS } from "./transfer-transitions.ts";

/** The transfer as its first observation (`seen` or `included`) makes it. */
export function observeUnknown(observation: Observation, policy: FinalityPolicy): Transfer {
  const transfer: Transfer = {
    chain: observation.chain,
    txId: observation.txId,
    index: observation.index,
    asset: observation.asset,
    amountAtomic: observation.amountAtomic,
    recipient: observation.recipient,
    status: "seen",
    confirmations: 0,
    block: null,
    firstSeenAtMs: observation.observedAtMs,
    replaceable: observation.replaceable,
    replacedBy: null,
    spends: observation.spends,
    dueHeight: null,
  };
  return observation.status === "included" ? enterBlock(transfer, observation, policy) : transfer;
}

/** The same object when the observation says nothing new. */
export function observeKnown(known: Transfer, observation: Observation, policy: FinalityPolicy): Transfer {
  // The same place in the same transaction, but another coin or nothing: it ran differently in another block, and what
  // was credited is gone.
  const stillOurs = observation.asset === known.asset && observation.amountAtomic > 0n;
  const observed = stillOurs ? observation.status : "dropped";
  const step = TRANSFER_TRANSITIONS[known.status][observed];
  switch (step) {
    case "ignored":
      return known;
    case "seen":
      return { ...outOfBlock(known), status: "seen", replacedBy: null, ...terms(observation) };
    case "in_block":
      return isInBlock(known) && !isOtherBlock(known.block, observation.block)
        ? deepen(known, observation, policy)
        : enterBlock(known, observation, policy);
    case "orphaned":
      // Out of a block that it had already left: old news.
      if (isOtherBlock(known.block, observation.block)) return known;
      return { ...outOfBlock(known), status: "orphaned" };
    case "replaced":
      return { ...outOfBlock(known), status: "replaced", replacedBy: observation.replacedBy };
    case "dropped":
      return { ...outOfBlock(known), status: "dropped" };
  }
}

/** The same object when the head is no news to this transfer. */
export function raiseHead(known: Transfer, height: number, policy: FinalityPolicy): Transfer {
  if (!isInBlock(known) || known.block === null) return known;
  const confirmations = height - known.block.height + 1;
  return confirmations > known.confirmations ? deepen(known, { confirmations, block: null }, policy) : known;
}

/** What may differ when a transaction comes back: a contract that runs again may pay another amount. */
function terms(observation: Observation): Pick<Transfer, "amountAtomic" | "replaceable" | "spends"> {
  return {
    amountAtomic: observation.amountAtomic,
    replaceable: observation.replaceable,
    spends: observation.spends,
  };
}

const outOfBlock = (transfer: Transfer): Transfer => ({ ...transfer, confirmations: 0, block: null, dueHeight: null });

const isOtherBlock = (a: BlockRef | null, b: BlockRef | null): boolean => a !== null && b !== null && a.hash !== b.hash;

/** Into a block, or into another one: counted afresh. */
function enterBlock(known: Transfer, observation: Observation, policy: FinalityPolicy): Transfer {
  const status = depthOf(observation.confirmations, observation.final === true, policy);
  const confirmations = Math.min(observation.confirmations, mostConfirmations(status, policy));
  return withDue(
    { ...known, ...terms(observation), status, confirmations, block: observation.block, replacedBy: null },
    policy,
  );
}

/** Deeper in the same block. Fewer confirmations than known are old news; nothing gets shallower here. */
function deepen(
  known: Transfer,
  seen: Pick<Observation, "confirmations" | "block" | "final">,
  policy: FinalityPolicy,
): Transfer {
  const status = known.status === "final" ? "final" : depthOf(seen.confirmations, seen.final === true, policy);
  if (seen.confirmations < known.confirmations && status !== "final") return known;
  const settled = known.status === "final" && known.confirmations >= reportedConfirmations(policy);
  const counted = settled ? 0 : Math.min(seen.confirmations, mostConfirmations(status, policy));
  const confirmations = Math.max(known.confirmations, counted);
  return withDue({ ...known, status, confirmations, block: known.block ?? seen.block }, policy);
}

/** The number that is kept: so that it does not depend on how many blocks came at once. */
function mostConfirmations(status: DepthStatus, policy: FinalityPolicy): number {
  const reported = reportedConfirmations(policy);
  return status === "final" ? Math.max(policy.finalConfirmations, reported) : reported;
}

function withDue(transfer: Transfer, policy: FinalityPolicy): Transfer {
  return { ...transfer, dueHeight: dueHeightOf(transfer, policy) };
}

/** The next head height at which there is something to say. `null` without a block: its observer must count on. */
function dueHeightOf(transfer: Transfer, policy: FinalityPolicy): number | null {
  if (transfer.block === null) return null;
  if (transfer.confirmations < reportedConfirmations(policy)) return transfer.block.height + transfer.confirmations;
  return transfer.status === "final" ? null : transfer.block.height + policy.finalConfirmations - 1;
}
