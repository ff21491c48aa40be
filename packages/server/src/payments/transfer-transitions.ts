/**
 * What an observation means for a transfer, by where the transfer stands. The table is total: a new status does not
 * compile until every cell is decided. Pure.
 * Source: reference "Two records"; PAYMENT_STATES.md, "Transfers", is generated from it.
 */
import type { TransferStatus } from "@paybell/protocol";
import type { FinalityPolicy } from "./payment.ts";
import type { Observation } from "./transfer.ts";

export type ObservedStatus = Observation["status"];

/** `in_block`: included, confirmed or final, by the number of confirmations (`depthOf`). `ignored`: says nothing new. */
export type TransferStep = "seen" | "in_block" | "orphaned" | "replaced" | "dropped" | "ignored";

type Row = Readonly<Record<ObservedStatus, TransferStep>>;

/** A transfer in a block leaves it only by an explicit `orphaned`, `replaced`, `dropped` or another block: a late
 * `seen` from the mempool is old news. Even `final` can be taken back: a chain that does so must not be hidden. */
const inBlock: Row = {
  seen: "ignored",
  included: "in_block",
  orphaned: "orphaned",
  replaced: "replaced",
  dropped: "dropped",
  failed: "dropped",
};

export const TRANSFER_TRANSITIONS: Readonly<Record<TransferStatus, Row>> = {
  seen: {
    seen: "ignored",
    included: "in_block",
    orphaned: "ignored",
    replaced: "replaced",
    dropped: "dropped",
    failed: "dropped",
  },
  included: inBlock,
  confirmed: inBlock,
  final: inBlock,
  orphaned: {
    seen: "seen",
    included: "in_block",
    orphaned: "ignored",
    replaced: "replaced",
    dropped: "dropped",
    failed: "dropped",
  },
  replaced: {
    seen: "seen",
    included: "in_block",
    orphaned: "ignored",
    replaced: "ignored",
    dropped: "ignored",
    failed: "ignored",
  },
  dropped: {
    seen: "seen",
    included: "in_block",
    orphaned: "ignored",
    replaced: "replaced",
    dropped: "ignored",
    failed: "ignored",
  },
};

/** Of a transfer that is not known yet: what was never seen cannot be lost. */
export const FIRST_OBSERVATION: Row = {
  seen: "seen",
  included: "in_block",
  orphaned: "ignored",
  replaced: "ignored",
  dropped: "ignored",
  failed: "ignored",
};

export type DepthStatus = Extract<TransferStatus, "included" | "confirmed" | "final">;

/** Where a transfer in a block stands. `irreversible`: the chain itself says so, whatever the number. */
export function depthOf(confirmations: number, irreversible: boolean, policy: FinalityPolicy): DepthStatus {
  if (irreversible || confirmations >= Math.max(policy.finalConfirmations, 1)) return "final";
  return confirmations >= policy.confirmationsRequired ? "confirmed" : "included";
}

/** Confirmations are told one by one up to here; 2 at least, because Blockonomics clients wait for two whatever the
 * policy. Beyond it nothing is told until `final`. */
export function reportedConfirmations(policy: FinalityPolicy): number {
  return Math.max(policy.confirmationsRequired, 2);
}
