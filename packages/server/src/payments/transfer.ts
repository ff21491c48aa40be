/**
 * Transfers: our record of value that moved on a chain. Pure: no clock, no I/O.
 * Source: PAYMENT_STATES.md, "Transfers".
 */
import type { TransferStatus, TransferView } from "@paybell/protocol";

/** A block as evidence of a transfer. It is not part of the transfer's identity: transactions move between blocks. */
export interface BlockRef {
  height: number;
  hash: string;
  /** The time that the block claims, in milliseconds. */
  timeMs: number;
}

/**
 * What a watcher (or a backend) saw of one transfer. It may be retracted by a later observation of the same
 * (chain, txId, index).
 */
export interface Observation {
  chain: string;
  txId: string;
  /** Stable when the transaction moves to another block. */
  index: string;
  asset: string;
  amountAtomic: bigint;
  /** On Bitcoin the scriptPubKey in hex, elsewhere the canonical address; from a watcher with everything beside it that
   * payments wait for (`watchedKey` in chains/match.ts). */
  recipient: string;
  /** The recipient's standing payment is a registration: the transfer belongs to a standing payment of its own for each
   * of these texts, which is made when the first one comes (Tributary's memos). */
  standingReference?: string;
  /** `failed`: included, but the chain says that it did not execute; never a payment. */
  status: "seen" | "included" | "orphaned" | "replaced" | "dropped" | "failed";
  /** 0 unless included. */
  confirmations: number;
  /** The block of an included transfer; `null` where the observer does not know it. */
  block: BlockRef | null;
  /** When the observer first saw it, milliseconds. */
  observedAtMs: number;
  /** The sender may still replace it (BIP125). */
  replaceable: boolean;
  /** For `replaced`: the transaction that took its place, where known. */
  replacedBy: string | null;
  /** What the transaction uses up, such that another one using the same excludes it: Bitcoin outpoints `txid:vout`,
   * EVM `sender:nonce`. Kept with the transfer so that a double spend is recognised after a restart. */
  spends: readonly string[];
  /** The chain itself calls it irreversible, whatever the number of confirmations (`finalized`, a certified checkpoint). */
  final?: boolean;
}

export interface Transfer {
  chain: string;
  txId: string;
  index: string;
  asset: string;
  amountAtomic: bigint;
  /** Without what a payment may be told apart by beside it: that belongs to the payment. */
  recipient: string;
  status: TransferStatus;
  confirmations: number;
  block: BlockRef | null;
  firstSeenAtMs: number;
  replaceable: boolean;
  replacedBy: string | null;
  spends: readonly string[];
  /** The head height at which `decide` has next something to say about it; `null` when it waits for no height. */
  dueHeight: number | null;
}

/** The earlier of first seen and its block's time, milliseconds: the moment at which the payer paid. */
export function transferTimeMs(transfer: Pick<Transfer, "block" | "firstSeenAtMs">): number {
  return transfer.block ? Math.min(transfer.block.timeMs, transfer.firstSeenAtMs) : transfer.firstSeenAtMs;
}

/** How far a block's own clock may lag behind the moment at which its transactions were sent. */
const BLOCK_CLOCK_LAG_MS = 10 * 60_000;

/** The latest moment at which an observed transfer can have been sent, milliseconds: a payment that was created later
 * is never credited with it. Where only its block is known, the block's clock is trusted up to ten minutes. */
export function creditTimeMs(observation: Pick<Observation, "block" | "observedAtMs">): number {
  if (!observation.block) return observation.observedAtMs;
  return Math.min(observation.observedAtMs, observation.block.timeMs + BLOCK_CLOCK_LAG_MS);
}

/** The same for a payment that names the transaction itself: it is sent first and named afterwards, so what was seen of
 * it within the last ten minutes is meant. */
export function namedCreditTimeMs({ block, observedAtMs }: Pick<Observation, "block" | "observedAtMs">): number {
  return (block ? Math.min(block.timeMs, observedAtMs) : observedAtMs) + BLOCK_CLOCK_LAG_MS;
}

/** Does it count as received? */
export function isLive(transfer: Pick<Transfer, "status">): boolean {
  return (
    transfer.status === "seen" ||
    transfer.status === "included" ||
    transfer.status === "confirmed" ||
    transfer.status === "final"
  );
}

/** `(chain, txId, index)` as one string. */
export function transferKey(transfer: Pick<Transfer, "chain" | "txId" | "index">): string {
  return `${transfer.chain}/${transfer.txId}/${transfer.index}`;
}

/** The form that clients see. */
export function viewTransfer(transfer: Transfer): TransferView {
  return {
    txId: transfer.txId,
    index: transfer.index,
    amount: transfer.amountAtomic.toString(),
    status: transfer.status,
    confirmations: transfer.confirmations,
    blockHeight: transfer.block?.height ?? null,
    blockHash: transfer.block?.hash ?? null,
    at: new Date(transferTimeMs(transfer)).toISOString(),
  };
}
