/**
 * The transfers of the last blocks, by match key. An address is watched a moment before its payment is stored; what a
 * block brought in between had no payment yet, and is told again once there is one.
 */
import type { BlockRef } from "../../payments/transfer.ts";
import { keysIn } from "../match.ts";
import type { SightedTransfer } from "./block-source.ts";

export interface RecentTransfer {
  transfer: SightedTransfer;
  block: BlockRef;
}

/** So many blocks are remembered. */
const BLOCKS = 20;

export class RecentTransfers {
  /** Oldest first. */
  readonly #byBlock = new Map<string, Map<string, RecentTransfer[]>>();

  add(transfer: SightedTransfer, block: BlockRef): void {
    let inBlock = this.#byBlock.get(block.hash);
    if (!inBlock) {
      inBlock = new Map();
      this.#byBlock.set(block.hash, inBlock);
      const [oldest] = this.#byBlock.keys();
      if (this.#byBlock.size > BLOCKS && oldest !== undefined) this.#byBlock.delete(oldest);
    }
    for (const matchKey of keysIn(transfer.recipient)) {
      const known = inBlock.get(matchKey);
      if (known) known.push({ transfer, block });
      else inBlock.set(matchKey, [{ transfer, block }]);
    }
  }

  /** The chain has dropped it. */
  drop(blockHash: string): void {
    this.#byBlock.delete(blockHash);
  }

  of(matchKey: string): RecentTransfer[] {
    return [...this.#byBlock.values()].flatMap((inBlock) => inBlock.get(matchKey) ?? []);
  }
}
