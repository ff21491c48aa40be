/** A TRON chain in memory: one main branch, what waits for a block, and how far it is solidified. */
import { type Execution, executionOf } from "./execution.ts";
import type { SignedTransaction } from "./node-answers.ts";
import { type Executed, makeBlock, type SimulatedBlock } from "./simulated-block.ts";
import { TronWallet } from "./wallet.ts";

/** Super representatives, who take turns. */
const WITNESSES = 27;
/** Of the first block, where a network can say what it wants. */
const NO_PARENT = "e58f33f9baf9305dc6f82b9f1934ea8f0ade2defb951258d50167028c780351f";

/** `pending`: back to those that wait; `included`: in the last block of the new branch; `dropped`: nowhere. */
export type TransactionFate = "pending" | "included" | "dropped";

export class SimulatedChain {
  /** How many blocks the newest solidified one is behind the head: 18 where all representatives build in turn. */
  solidificationLag: number;
  readonly #nowMs: () => number;
  readonly #witnesses = Array.from({ length: WITNESSES }, () => new TronWallet());
  readonly #blocks: SimulatedBlock[] = [];
  readonly #heightOf = new Map<string, number>();
  #waiting: Executed[] = [];
  /** Changes who builds a block, so that a new branch has other blocks. */
  #branch = 0;
  #solidified = 0;
  #solidifies = true;

  constructor({ nowMs, solidificationLag }: { nowMs: () => number; solidificationLag: number }) {
    this.#nowMs = nowMs;
    this.solidificationLag = solidificationLag;
    this.mine(1);
  }

  get head(): SimulatedBlock {
    return this.#blocks.at(-1) as SimulatedBlock;
  }

  get solidified(): SimulatedBlock {
    return this.#blocks[this.#solidified] as SimulatedBlock;
  }

  block(height: number): SimulatedBlock | undefined {
    return this.#blocks[height];
  }

  /** The block that it is in. */
  blockWith(txId: string): SimulatedBlock | undefined {
    const height = this.#heightOf.get(txId);
    return height === undefined ? undefined : this.#blocks[height];
  }

  /** It waits for the next block. @param execution what it will have done; left out: what it asks for */
  accept(transaction: SignedTransaction, execution: Execution = executionOf(transaction)): void {
    this.#waiting.push({ transaction, execution });
  }

  /** The first block takes everything that waits. */
  mine(blocks: number): void {
    for (let mined = 0; mined < blocks; mined += 1) this.#append(this.#waiting.splice(0));
    if (this.#solidifies) this.#solidified = Math.max(this.#solidified, this.head.height - this.solidificationLag);
  }

  /** Too few representatives build: the head goes on, what is solidified does not. */
  stopSolidifying(): void {
    this.#solidifies = false;
  }

  /** After `stopSolidifying`. */
  solidifyUpTo(height: number): void {
    this.#solidified = Math.max(this.#solidified, Math.min(height, this.head.height));
  }

  goOnSolidifying(): void {
    this.#solidifies = true;
    this.mine(0);
  }

  /** Replaces the last blocks by a branch that is one longer. Solidified ones are never dropped on a chain that is well;
   * it must be asked for. */
  reorg(depth: number, fate: TransactionFate, { evenSolidified = false } = {}): void {
    if (this.head.height - depth < this.#solidified) {
      if (!evenSolidified) throw new Error("Solidified blocks are never dropped.");
      this.#solidified = this.head.height - depth;
    }
    const dropped = this.#blocks.splice(-depth).flatMap(({ executed }) => executed);
    for (const { transaction } of dropped) this.#heightOf.delete(transaction.txID);
    this.#branch += 1;
    for (let built = 0; built < depth; built += 1) this.#append([]);
    this.#append(fate === "included" ? dropped : []);
    if (fate === "pending") this.#waiting.unshift(...dropped);
    this.mine(0);
  }

  #append(executed: readonly Executed[]): void {
    const height = this.#blocks.length;
    const witness = this.#witnesses[(height + this.#branch) % WITNESSES] as TronWallet;
    const parentHash = this.#blocks.at(-1)?.answer.blockID ?? NO_PARENT;
    this.#blocks.push(makeBlock({ height, parentHash, timeMs: this.#nowMs(), witness, executed }));
    for (const { transaction } of executed) this.#heightOf.set(transaction.txID, height);
  }
}
