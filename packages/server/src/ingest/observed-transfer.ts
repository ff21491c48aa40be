/** A transfer as it was observed, for the record of one that is credited to nobody. */
import type { Observation, Transfer } from "../payments/transfer.ts";

const STATUS: Record<Observation["status"], Transfer["status"]> = {
  seen: "seen",
  included: "included",
  orphaned: "orphaned",
  replaced: "replaced",
  dropped: "dropped",
  failed: "dropped",
};

export function observedTransfer(observation: Observation): Transfer {
  const { chain, txId, index, asset, amountAtomic, recipient, confirmations, block } = observation;
  const { replaceable, replacedBy, spends, observedAtMs } = observation;
  return {
    chain,
    txId,
    index,
    asset,
    amountAtomic,
    recipient,
    status: STATUS[observation.status],
    confirmations,
    block,
    firstSeenAtMs: observedAtMs,
    replaceable,
    replacedBy,
    spends,
    dueHeight: null,
  };
}
