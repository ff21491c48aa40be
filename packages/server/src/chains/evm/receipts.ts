/** Did these transactions execute? Asked only of those that would pay somebody. */
import type { EvmBlock, EvmReceipt } from "./answers.ts";
import type { EvmNode } from "./evm-node.ts";
import { RpcError } from "./json-rpc.ts";

/** From so many questions about one block on, all of its receipts come in one answer, where the node can do that. */
const MANY = 20;

export interface Candidates {
  block: EvmBlock;
  txIds: readonly string[];
}

export class Receipts {
  readonly #node: EvmNode;
  /** The node can give all receipts of a block at once; `null`: not tried yet. */
  #wholeBlocks: boolean | null = null;

  constructor(node: EvmNode) {
    this.#node = node;
  }

  /** The ids of those that executed.
   * @throws BlockGone */
  async executed(candidates: readonly Candidates[]): Promise<ReadonlySet<string>> {
    const executed = new Set<string>();
    const single: Candidates[] = [];
    for (const asked of candidates) {
      const whole = asked.txIds.length >= MANY ? await this.#ofBlock(asked.block) : null;
      if (whole === null) single.push(asked);
      else for (const { txId, executed: done } of whole) if (done) executed.add(txId);
    }
    const receipts = await this.#node.receipts(single.flatMap(({ txIds }) => txIds));
    const left = receipts.values();
    for (const { block, txIds } of single) {
      for (const txId of txIds) {
        const receipt = left.next().value;
        if (!receipt || receipt.blockHash !== block.ref.hash) throw await this.#missing(txId, block);
        if (receipt.executed) executed.add(txId);
      }
    }
    return executed;
  }

  async #ofBlock({ ref, transactions }: EvmBlock): Promise<readonly EvmReceipt[] | null> {
    if (this.#wholeBlocks === false) return null;
    const receipts = await this.#node.blockReceipts(ref.hash);
    if (receipts?.length === transactions.length && receipts.every(({ blockHash }) => blockHash === ref.hash)) {
      this.#wholeBlocks = true;
      return receipts;
    }
    // A node that has done it before can do it: the block is gone, and the single questions will say so.
    this.#wholeBlocks ??= false;
    return null;
  }

  #missing(txId: string, { ref }: EvmBlock): Promise<Error> {
    const what = `no receipt of ${txId} in block ${ref.height}`;
    return this.#node.whyNot(new RpcError("eth_getTransactionReceipt", 0, what), ref);
  }
}
