/** The command that records a transfer which is credited to nobody. */
import type { UnattributedReason } from "@paybell/protocol";
import type { UnattributedCommand } from "../log/event-log.ts";
import { topics } from "../log/topic.ts";
import { creditTimeMs, type Observation, viewTransfer } from "../payments/transfer.ts";
import { observedTransfer } from "./observed-transfer.ts";

export interface Unattributed {
  merchantId: string;
  address: string;
  chain: string;
  why: UnattributedReason;
  atMs: number;
  observation: Observation;
}

export function unattributed({
  merchantId,
  address,
  chain,
  why,
  atMs,
  observation,
}: Unattributed): UnattributedCommand {
  return {
    kind: "unattributed",
    merchantId,
    chain,
    txId: observation.txId,
    index: observation.index,
    creditTimeMs: creditTimeMs(observation),
    event: {
      type: "transfer.unattributed",
      atMs,
      data: {
        payment: null,
        transfers: [viewTransfer(observedTransfer(observation))],
        unattributed: { chain, asset: observation.asset, address, why },
      },
    },
    topics: [topics.merchant(merchantId), topics.address(merchantId, chain, address)],
  };
}
