/**
 * What a backend reports → what is to be decided about which payment. Everything is checked before anything is recorded,
 * so that a request which is refused has recorded nothing. Why not of every chain:
 * docs/decisions/0005-observations-and-watched-chains.md.
 */
import { PaybellError } from "../kit/errors.ts";
import type { Payment } from "../payments/payment.ts";
import { type Observation, transferKey } from "../payments/transfer.ts";
import type { ChainRegistry } from "./chain-registry.ts";
import type { ReportedObservation } from "./ingest.ts";
import type { Check, Owners, PaymentsFound, Work } from "./work.ts";

export interface ObservationRules {
  chains: ChainRegistry;
  /** May a merchant say what happens on this chain? */
  observable: (chain: string) => boolean;
  transfersPerPayment: number;
}

/** Work in the order in which the payments were first named. The check throws PaybellError not_found, not_supported,
 * invalid_request. */
export function planObservations(
  merchantId: string,
  reported: readonly ReportedObservation[],
  rules: ObservationRules,
): { work: Work[]; check: Check } {
  const maxTransfers = rules.transfersPerPayment;
  const work = [...Map.groupBy(reported, ({ paymentId }) => paymentId)].map(
    ([paymentId, items]): Work => ({
      paymentId,
      merchantId,
      concerning: items.map(({ observation: { txId, index } }) => ({ txId, index })),
      inputs: (payment, nowMs) => {
        const observations = items.map(({ observation }) => observationOf(payment, observation, nowMs));
        return [{ type: "observe", observations, maxTransfers }];
      },
    }),
  );
  const check: Check = (payments, owners) => {
    for (const { paymentId } of work) requireObservable(paymentId, payments, rules);
    refuseSharedTransfers(reported, payments);
    if (owners) refuseCreditedTransfers(reported, payments, owners);
  };
  return { work, check };
}

function requireObservable(paymentId: string, payments: PaymentsFound, { chains, observable }: ObservationRules): void {
  const chain = payments.get(paymentId)?.chain;
  if (chain === undefined) {
    throw new PaybellError("not_found", "There is no such payment; nothing was recorded.", { paymentId });
  }
  if (observable(chain)) return;
  const allowed = chains.all.map(({ facts }) => facts.chain).filter(observable);
  throw new PaybellError(
    "not_supported",
    "This chain is watched here: observations are for chains that your own backend watches. Nothing was recorded.",
    { paymentId, chain, allowed },
  );
}

function observationOf(payment: Payment, seen: ReportedObservation["observation"], nowMs: number): Observation {
  return {
    ...seen,
    chain: payment.chain,
    recipient: payment.recipient ?? "",
    observedAtMs: nowMs,
    replaceable: false,
    replacedBy: null,
    spends: [],
  };
}

/** `transferKey` of what was reported. */
function keyOf({ paymentId, observation: { txId, index } }: ReportedObservation, payments: PaymentsFound): string {
  return transferKey({ chain: payments.get(paymentId)?.chain ?? "", txId, index });
}

/** A transfer credits at most one payment of a merchant. */
function refuseSharedTransfers(reported: readonly ReportedObservation[], payments: PaymentsFound): void {
  if (payments.size === 1) return;
  const named = new Map<string, string>();
  for (const [place, one] of reported.entries()) {
    const key = keyOf(one, payments);
    const other = named.get(key);
    if (other !== undefined && other !== one.paymentId) {
      throw refusal(place, `and index are named for payment ${other} too`);
    }
    named.set(key, one.paymentId);
  }
}

function refuseCreditedTransfers(
  reported: readonly ReportedObservation[],
  payments: PaymentsFound,
  owners: Owners,
): void {
  for (const [place, one] of reported.entries()) {
    const owner = owners.get(keyOf(one, payments));
    if (!owner || owner.paymentId === one.paymentId) continue;
    throw refusal(place, owner.erased ? "and index pay an erased payment" : `and index pay payment ${owner.paymentId}`);
  }
}

function refusal(place: number, problem: string): PaybellError {
  const path = `[${place}].txId`;
  return new PaybellError("invalid_request", `${path} ${problem}; nothing was recorded.`, [
    { path, problem, allowed: "a transfer credits one payment" },
  ]);
}
