/**
 * Numbers that type-check but mean nothing (NaN, a time beyond the calendar, half a confirmation) are made harmless
 * here, so that `decide` never throws. Pure.
 */
import type { FinalityPolicy } from "./payment.ts";
import type { BlockRef, Observation } from "./transfer.ts";

/** The largest distance from 1970 that a `Date` can hold, milliseconds (ECMA-262, "Time Values"). */
const MAX_TIME_MS = 8.64e15;

export function isTime(ms: number): boolean {
  return Math.abs(ms) <= MAX_TIME_MS;
}

/** A time that cannot be is taken as now; a block without a height counts as an unknown block. What is in a block has no
 * confirmation yet where the finality policy is the chain's own word: its block is above the counted head. */
export function saneObservation(observation: Observation, atMs: number): Observation {
  const observedAtMs = isTime(observation.observedAtMs) ? observation.observedAtMs : atMs;
  const included = observation.status === "included";
  return {
    ...observation,
    observedAtMs,
    confirmations: included && observation.confirmations >= 1 ? Math.floor(observation.confirmations) : 0,
    block: saneBlock(observation.block, observedAtMs),
  };
}

function saneBlock(block: BlockRef | null, observedAtMs: number): BlockRef | null {
  if (block === null || !Number.isSafeInteger(block.height) || block.height < 0) return null;
  return isTime(block.timeMs) ? block : { ...block, timeMs: observedAtMs };
}

/** `null` when the policy can be kept, otherwise what is wrong with it. */
export function policyProblem(policy: FinalityPolicy): string | null {
  const { confirmationsRequired, finalConfirmations } = policy;
  if (!Number.isSafeInteger(confirmationsRequired) || confirmationsRequired < 0) {
    return "confirmationsRequired must be a whole number of at least 0";
  }
  if (!Number.isSafeInteger(finalConfirmations) || finalConfirmations < Math.max(confirmationsRequired, 1)) {
    return "finalConfirmations must be a whole number of at least confirmationsRequired, and at least 1";
  }
  return null;
}
