/**
 * From observations, or a new head, to the transfers of a payment after them. Pure.
 * Source: PAYMENT_STATES.md, "Transfers".
 */
import type { UnattributedReason } from "@paybell/protocol";
import type { Rejection } from "./decision.ts";
import { observeKnown, observeUnknown, raiseHead } from "./observe-transfer.ts";
import type { Payment, PaymentState } from "./payment.ts";
import { saneObservation } from "./sane.ts";
import { creditTimeMs, namedCreditTimeMs, type Observation, type Transfer, transferKey } from "./transfer.ts";
import { sameTransfer, type TransferChange } from "./transfer-change.ts";
import { FIRST_OBSERVATION } from "./transfer-transitions.ts";

/** Transfers credited to one payment with an amount where the input does not say. Standing payments have no limit. */
export const MAX_TRANSFERS_PER_PAYMENT = 1_000;

export interface TransfersStep {
  /** All transfers after the step: the known ones in their order, then the new ones. */
  transfers: readonly Transfer[];
  /** Net effect, one per transfer that differs. */
  changes: readonly TransferChange[];
  rejected: readonly Rejection[];
}

/** Applies the observations one after the other and tells the net effect: out of a block and into another one at once
 * is a move, and there and back is nothing. */
export function stepObservations(
  state: PaymentState,
  observations: readonly Observation[],
  atMs: number,
  maxTransfers = MAX_TRANSFERS_PER_PAYMENT,
) {
  const { payment } = state;
  const transfers = new Map(state.transfers.map((transfer) => [transferKey(transfer), transfer]));
  const rejected = new Map<string, Rejection>();
  for (const observed of observations) {
    const observation = saneObservation(observed, atMs);
    const key = transferKey(observation);
    const known = transfers.get(key);
    if (known) {
      transfers.set(key, observeKnown(known, observation, payment.policy));
      continue;
    }
    // Moving nothing is no payment: look-alike addresses are spread by transfers of zero.
    if (FIRST_OBSERVATION[observation.status] === "ignored" || observation.amountAtomic <= 0n) continue;
    const why = rejectionOf(payment, observation, transfers.size < maxTransfers);
    if (why === null) transfers.set(key, observeUnknown(observation, payment.policy));
    else if (!rejected.has(key)) rejected.set(key, { observation: observed, why });
  }
  return netStep(state, transfers, [...rejected.values()]);
}

/** A head that is lower than what is known changes nothing: blocks that are gone are reported as `orphaned`. */
export function stepHead(state: PaymentState, height: number): TransfersStep {
  const raised = state.transfers.map((transfer) => raiseHead(transfer, height, state.payment.policy));
  return netStep(state, new Map(raised.map((transfer) => [transferKey(transfer), transfer])), []);
}

function netStep(
  state: PaymentState,
  after: ReadonlyMap<string, Transfer>,
  rejected: readonly Rejection[],
): TransfersStep {
  const before = new Map(state.transfers.map((transfer) => [transferKey(transfer), transfer]));
  const changes: TransferChange[] = [];
  const transfers = [...after].map(([key, transfer]) => {
    const known = before.get(key) ?? null;
    if (known !== null && sameTransfer(known, transfer)) return known;
    changes.push({ before: known, after: transfer });
    return transfer;
  });
  return { transfers, changes, rejected };
}

/** Why a transfer that is not known yet is not credited to this payment; `null` if it is. */
function rejectionOf(payment: Payment, observation: Observation, hasRoom: boolean): UnattributedReason | null {
  if (observation.chain !== payment.chain || observation.asset !== payment.asset) return "wrong_asset";
  const timeMs = payment.match?.txId === undefined ? creditTimeMs(observation) : namedCreditTimeMs(observation);
  if (timeMs < payment.createdAtMs) return "older_than_payment";
  if (payment.amountAtomic !== null && !hasRoom) return "too_many_transfers";
  return null;
}
