/** What is said of a sighted transfer. */
import type { Observation } from "../../payments/transfer.ts";
import type { SightedTransfer } from "./block-source.ts";

type Said = Pick<Observation, "status" | "observedAtMs"> &
  Partial<Pick<Observation, "block" | "confirmations" | "replacedBy">>;

export function observationOf(
  chain: string,
  { txId, index, asset, amountAtomic, recipient, spends, standingReference }: Omit<SightedTransfer, "failed">,
  said: Said,
): Observation {
  return {
    chain,
    txId,
    index,
    asset,
    amountAtomic,
    recipient,
    ...(standingReference === undefined ? {} : { standingReference }),
    confirmations: 0,
    block: null,
    // On these chains whoever sent what waits may send something else instead, and what it calls may still fail.
    replaceable: said.status === "seen",
    replacedBy: null,
    spends,
    ...said,
  };
}
