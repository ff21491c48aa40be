/**
 * What a backend reports → what is to be decided about which payment. Everything is checked before anything is decided,
 * so that a request which is refused has recorded nothing. Why not of every chain:
 * docs/decisions/0005-observations-and-watched-chains.md.
 */
import { PaybellError } from "../kit/errors.ts";
import type { PaymentStore } from "../log/store.ts";
import type { Payment } from "../payments/payment.ts";
import type { Observation } from "../payments/transfer.ts";
import type { ChainRegistry } from "./chain-registry.ts";
import type { Work } from "./decision-loop.ts";
import type { ReportedObservation } from "./ingest.ts";

export interface ObservationRules {
  store: PaymentStore;
  chains: ChainRegistry;
  /** May a merchant say what happens on this chain? */
  observable: (chain: string) => boolean;
  transfersPerPayment: number;
  nowMs: number;
}

/** An observation, its payment, and where it stands in the request. */
interface Placed {
  place: number;
  payment: Payment;
  observation: Observation;
}

/** Work in the order in which the payments were first named.
 * @throws PaybellError not_found, not_supported, invalid_request */
export async function planObservations(
  merchantId: string,
  reported: readonly ReportedObservation[],
  rules: ObservationRules,
): Promise<Work[]> {
  const payments = await loadPayments(merchantId, reported, rules);
  const placed = reported.map(({ paymentId, observation }, place): Placed => {
    const payment = payments.get(paymentId) as Payment;
    return { place, payment, observation: observationOf(payment, observation, rules.nowMs) };
  });
  refuseSharedTransfers(placed);
  await refuseCreditedTransfers(merchantId, placed, rules.store);
  return [...Map.groupBy(placed, ({ payment }) => payment.id)].map(([paymentId, items]): Work => {
    const observations = items.map(({ observation }) => observation);
    return {
      paymentId,
      merchantId,
      inputs: [{ type: "observe", observations, maxTransfers: rules.transfersPerPayment }],
      concerning: observations.map(({ txId, index }) => ({ txId, index })),
    };
  });
}

async function loadPayments(
  merchantId: string,
  reported: readonly ReportedObservation[],
  { store, chains, observable }: ObservationRules,
): Promise<Map<string, Payment>> {
  const ids = [...new Set(reported.map(({ paymentId }) => paymentId))];
  const states = await store.loadForDecision(ids.map((paymentId) => ({ paymentId, concerning: [] })));
  const payments = new Map<string, Payment>();
  for (const [place, paymentId] of ids.entries()) {
    const payment = states[place]?.payment;
    if (!payment || payment.merchantId !== merchantId) {
      throw new PaybellError("not_found", "There is no such payment; nothing was recorded.", { paymentId });
    }
    const { chain } = payment;
    if (!observable(chain)) {
      const allowed = chains.all.map(({ facts }) => facts.chain).filter(observable);
      throw new PaybellError(
        "not_supported",
        "This chain is watched here: observations are for chains that your own backend watches. Nothing was recorded.",
        { paymentId, chain, allowed },
      );
    }
    payments.set(paymentId, payment);
  }
  return payments;
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

/** A transfer credits at most one payment of a merchant. */
function refuseSharedTransfers(placed: readonly Placed[]): void {
  const named = new Map<string, Payment>();
  for (const { place, payment, observation } of placed) {
    const transfer = JSON.stringify([observation.chain, observation.txId, observation.index]);
    const other = named.get(transfer);
    if (other && other.id !== payment.id) throw refusal(place, `and index are named for payment ${other.id} too`);
    named.set(transfer, payment);
  }
}

async function refuseCreditedTransfers(
  merchantId: string,
  placed: readonly Placed[],
  store: PaymentStore,
): Promise<void> {
  const credited = await store.creditedPayments(
    merchantId,
    placed.map(({ observation: { chain, txId, index } }) => ({ chain, txId, index })),
  );
  for (const { place, payment } of placed) {
    const owner = credited[place];
    if (!owner || owner.paymentId === payment.id) continue;
    throw refusal(place, owner.erased ? "and index pay an erased payment" : `and index pay payment ${owner.paymentId}`);
  }
}

function refusal(place: number, problem: string): PaybellError {
  const path = `[${place}].txId`;
  return new PaybellError("invalid_request", `${path} ${problem}; nothing was recorded.`, [
    { path, problem, allowed: "a transfer credits one payment" },
  ]);
}
