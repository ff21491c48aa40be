/** What is asked of a Solana node, and its refusals in the follower's words. Heights are slots. */
import type { BlockRef } from "../../payments/transfer.ts";
import { BlockGone, BlocksMissing, EndpointFailure, NodeProblem } from "../following/block-source.ts";
import { RPC, RpcError, type SolanaRpc } from "./rpc.ts";
import type { RawTransaction } from "./transaction.ts";

export interface BlockHeader {
  ref: BlockRef;
  parentHash: string;
  parentSlot: number;
}

export interface FoundInBlock {
  slot: number;
  transaction: RawTransaction;
}

type Commitment = "confirmed" | "finalized";

/** Newer transactions than this are refused by the node, and with them their blocks. Version 1: SIMD-0385. */
const MAX_TRANSACTION_VERSION = 1;
const FULL = {
  commitment: "confirmed",
  encoding: "json",
  maxSupportedTransactionVersion: MAX_TRANSACTION_VERSION,
} as const;

/** There is no block in this slot, or not any more, or not yet. */
const NO_BLOCK: ReadonlySet<number> = new Set([
  RPC.BLOCK_CLEANED_UP,
  RPC.BLOCK_NOT_AVAILABLE,
  RPC.SLOT_SKIPPED,
  RPC.LONG_TERM_STORAGE_SLOT_SKIPPED,
  RPC.BLOCK_STATUS_NOT_AVAILABLE_YET,
]);

export class SolanaNode {
  readonly rpc: SolanaRpc;

  constructor(rpc: SolanaRpc) {
    this.rpc = rpc;
  }

  async slot(commitment: Commitment): Promise<number> {
    return this.#slotIn(await this.#ask("getSlot", [{ commitment }]), "getSlot");
  }

  /** Slots that have a block, from `first` to `last`. */
  async slotsWithBlocks(first: number, last: number): Promise<number[]> {
    const slots = await this.#ask("getBlocks", [first, last, { commitment: "confirmed" }]);
    if (!Array.isArray(slots)) throw this.#unexpected("getBlocks");
    return slots.map((slot) => this.#slotIn(slot, "getBlocks"));
  }

  /** `null`: there is none, or not any more, or not yet. */
  async header(slot: number): Promise<BlockHeader | null> {
    const config = { ...FULL, transactionDetails: "none", rewards: false };
    return this.#block(slot, config, (block) => this.#headerOf(slot, block));
  }

  /** `null` as above. What `read` makes of its transactions; it may be called twice, see `SolanaRpc.read`, and not before
   * `answered` has settled. */
  async block<T>(
    slot: number,
    read: (transactions: readonly RawTransaction[]) => T,
    answered: () => Promise<void>,
  ): Promise<{ header: BlockHeader; content: T } | null> {
    const config = { ...FULL, transactionDetails: "full", rewards: false };
    const readBlock = (block: unknown) => {
      const { transactions } = block as { transactions?: unknown };
      if (!Array.isArray(transactions)) throw this.#unexpected("getBlock");
      return { header: this.#headerOf(slot, block), content: read(transactions) };
    };
    return this.#block(slot, config, readBlock, answered);
  }

  /** `null`: the node does not know it, or it is not confirmed. */
  async transaction<T>(txId: string, read: (found: FoundInBlock) => T): Promise<T | null> {
    try {
      return await this.rpc.read("getTransaction", [txId, FULL], (result) => {
        if (result === null) return null;
        const { slot } = result as { slot?: unknown };
        return read({ slot: this.#slotIn(slot, "getTransaction"), transaction: result as RawTransaction });
      });
    } catch (error) {
      throw this.#failure(error);
    }
  }

  async firstAvailableSlot(): Promise<number> {
    return this.#slotIn(await this.#ask("getFirstAvailableBlock", []), "getFirstAvailableBlock");
  }

  /** Blocks are looked for that the node no longer has, or the chain has moved. */
  async whyNoBlock(slot: number): Promise<BlocksMissing | BlockGone> {
    const first = await this.firstAvailableSlot();
    if (first <= slot) return new BlockGone(`${this.rpc.name} has no block ${slot}.`);
    return new BlocksMissing(
      `${this.rpc.name} has no blocks before slot ${first}, and those from slot ${slot} on have not been looked at yet: add an endpoint with a longer history.`,
      first,
    );
  }

  async #block<T>(
    slot: number,
    config: object,
    read: (block: unknown) => T,
    answered?: () => Promise<void>,
  ): Promise<T | null> {
    try {
      const readAny = (block: unknown) => (block === null ? null : read(block));
      return await this.rpc.read("getBlock", [slot, config], readAny, answered);
    } catch (error) {
      if (error instanceof RpcError && NO_BLOCK.has(error.code)) return null;
      throw this.#failure(error);
    }
  }

  #headerOf(slot: number, block: unknown): BlockHeader {
    const { blockhash, previousBlockhash, parentSlot, blockTime } = block as Record<string, unknown>;
    if (typeof blockhash !== "string" || typeof previousBlockhash !== "string") throw this.#unexpected("getBlock");
    if (typeof blockTime !== "number") {
      throw new EndpointFailure(
        `${this.rpc.name} does not know the time of block ${slot}: payments could not be dated.`,
      );
    }
    return {
      ref: { height: slot, hash: blockhash, timeMs: blockTime * 1_000 },
      parentHash: previousBlockhash,
      parentSlot: this.#slotIn(parentSlot, "getBlock"),
    };
  }

  async #ask(method: string, params: readonly unknown[]): Promise<unknown> {
    try {
      return await this.rpc.call(method, params);
    } catch (error) {
      throw this.#failure(error);
    }
  }

  #failure(error: unknown): unknown {
    if (!(error instanceof RpcError)) return error;
    const { name } = this.rpc;
    if (error.code === RPC.TRANSACTION_HISTORY_NOT_AVAILABLE) {
      return new NodeProblem(
        `${name} keeps no transactions: start it with --enable-rpc-transaction-history, or use another endpoint.`,
      );
    }
    if (error.code === RPC.UNSUPPORTED_TRANSACTION_VERSION) {
      return new NodeProblem(
        `${name} has a block with a transaction of a newer version than this program knows: nothing is skipped. Update it.`,
      );
    }
    if (error.code === RPC.METHOD_NOT_FOUND) return new NodeProblem(`${name}: ${error.message}. Use another endpoint.`);
    return new EndpointFailure(`${name}: ${error.message}.`);
  }

  #slotIn(value: unknown, method: string): number {
    if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
    throw this.#unexpected(method);
  }

  #unexpected(method: string): EndpointFailure {
    return new EndpointFailure(
      `${this.rpc.name} answered ${method} in another form than expected: is it a Solana node?`,
    );
  }
}
