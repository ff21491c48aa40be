/**
 * How well a payment is covered by its transfers. Always computed from the set of transfers, never counted along. Pure.
 * Source: PAYMENT_STATES.md, "Coverage".
 */
import type { AmountState } from "@paybell/protocol";
import type { FinalityPolicy, Payment } from "./payment.ts";
import { isLive, type Transfer, transferKey, transferTimeMs } from "./transfer.ts";
import { isInBlock } from "./transfer-change.ts";

/** From nothing to beyond the reorg horizon. `confirmed`: the finality policy is met. */
export const COVERAGES = ["none", "under", "seen", "included", "confirmed", "final"] as const;
export type Coverage = (typeof COVERAGES)[number];

export interface Assessment {
  coverage: Coverage;
  amountState: AmountState;
  /** Sum of the live transfers. */
  receivedAtomic: bigint;
  /** The transfers whose sum reaches the amount, in order of their time; the last one covered it. Empty if none does. */
  needed: readonly Transfer[];
  /** The largest number such that transfers with at least so many cover the amount; 0 if it is not covered. */
  confirmations: number;
}

/** Which transfers count towards each degree of coverage, the strongest first. */
const COUNTED: readonly { coverage: Coverage; counts: (transfer: Transfer, policy: FinalityPolicy) => boolean }[] = [
  { coverage: "final", counts: (transfer) => transfer.status === "final" },
  { coverage: "confirmed", counts: meetsPolicy },
  { coverage: "included", counts: isInBlock },
  { coverage: "seen", counts: isLive },
];

/** Enough confirmations; where none is required, the mempool is enough unless the sender may replace the transaction. */
export function meetsPolicy(transfer: Transfer, policy: FinalityPolicy): boolean {
  if (transfer.status === "confirmed" || transfer.status === "final") return true;
  return transfer.status === "seen" && policy.confirmationsRequired === 0 && !transfer.replaceable;
}

/** @param amountAtomic what is due */
export function assess(amountAtomic: bigint, transfers: readonly Transfer[], policy: FinalityPolicy): Assessment {
  const live = transfers.filter(isLive);
  const receivedAtomic = sumAtomic(live);
  const amountState = amountStateOf(amountAtomic, receivedAtomic);
  for (const { coverage, counts } of COUNTED) {
    const counted = live.filter((transfer) => counts(transfer, policy));
    if (sumAtomic(counted) < amountAtomic) continue;
    const needed = upTo(amountAtomic, counted.toSorted(byTime));
    const byDepth = upTo(
      amountAtomic,
      live.toSorted((a, b) => b.confirmations - a.confirmations),
    );
    return { coverage, amountState, receivedAtomic, needed, confirmations: byDepth.at(-1)?.confirmations ?? 0 };
  }
  const coverage = receivedAtomic === 0n ? "none" : "under";
  return { coverage, amountState, receivedAtomic, needed: [], confirmations: 0 };
}

/** As far as the payment's status is concerned: what comes to an expired payment after its monitoring is not credited
 * (it is still received). A standing payment is never covered. */
export function coverageOf(payment: Payment, transfers: readonly Transfer[]): Assessment {
  if (payment.amountAtomic === null) {
    return {
      coverage: "none",
      amountState: "none",
      receivedAtomic: payment.receivedAtomic,
      needed: [],
      confirmations: 0,
    };
  }
  const credited =
    payment.status === "expired" ? transfers.filter((transfer) => isWithinMonitoring(payment, transfer)) : transfers;
  return assess(payment.amountAtomic, credited, payment.policy);
}

/** Did it come in time to be credited after expiry? By its own time: a server that was down does not make it late. */
export function isWithinMonitoring(payment: Payment, transfer: Transfer): boolean {
  return payment.monitorUntilMs === null || transferTimeMs(transfer) <= payment.monitorUntilMs;
}

/** Was a transfer that was needed sent after expiry? */
export function isLate(payment: Payment, { needed }: Assessment): boolean {
  const { expiresAtMs } = payment;
  return expiresAtMs !== null && needed.some((transfer) => transferTimeMs(transfer) > expiresAtMs);
}

export function sumAtomic(transfers: readonly Transfer[]): bigint {
  return transfers.reduce((sum, transfer) => sum + transfer.amountAtomic, 0n);
}

function amountStateOf(amountAtomic: bigint, receivedAtomic: bigint): AmountState {
  if (receivedAtomic === 0n) return "none";
  if (receivedAtomic < amountAtomic) return "under";
  return receivedAtomic === amountAtomic ? "exact" : "over";
}

/** The first transfers whose sum reaches the amount. */
function upTo(amountAtomic: bigint, transfers: readonly Transfer[]): readonly Transfer[] {
  let sum = 0n;
  const last = transfers.findIndex((transfer) => {
    sum += transfer.amountAtomic;
    return sum >= amountAtomic;
  });
  return transfers.slice(0, last + 1);
}

/** Oldest first; the key makes the order the same everywhere. */
export function byTime(a: Transfer, b: Transfer): number {
  return transferTimeMs(a) - transferTimeMs(b) || (transferKey(a) < transferKey(b) ? -1 : 1);
}
