/**
 * Blocks of what the virtual machine has executed: the machine knows none. Slots may be skipped, blocks are finalized
 * some blocks later, and the last ones can be replaced by others. That is simulated: the machine itself never goes back,
 * and what a transaction has done stays done.
 */
import type { Instruction } from "@solana/kit";
import { type SendOptions, Svm, type ToldTransaction } from "./svm.ts";

export interface LedgerBlock {
  slot: number;
  hash: string;
  parentSlot: number;
  parentHash: string;
  timeSeconds: number;
  transactions: readonly ToldTransaction[];
}

/** What becomes of the transactions in dropped blocks: they may come again, or stand in the last block of the new branch. */
export type Fate = "mempool" | "included";

const FIRST_SLOT = 1_000;
const FIRST_BLOCKS = 3;

export class Ledger {
  readonly svm: Svm;
  /** Blocks on top of one until it is finalized. */
  finalizationLag = 0;
  /** Older ones are not kept. */
  firstAvailableSlot = FIRST_SLOT;
  readonly #nowMs: () => number;
  readonly #blocks: LedgerBlock[] = [];
  #waiting: ToldTransaction[] = [];
  /** No two branches use a slot twice. */
  #lastSlot = FIRST_SLOT - 1;

  static async start(nowMs: () => number): Promise<Ledger> {
    const ledger = new Ledger(await Svm.start(), nowMs);
    ledger.mine(FIRST_BLOCKS);
    return ledger;
  }

  private constructor(svm: Svm, nowMs: () => number) {
    this.svm = svm;
    this.#nowMs = nowMs;
  }

  get genesisHash(): string {
    return this.first.parentHash;
  }

  get first(): LedgerBlock {
    return this.#blocks[0] as LedgerBlock;
  }

  get head(): LedgerBlock {
    return this.#blocks.at(-1) as LedgerBlock;
  }

  get finalized(): LedgerBlock {
    return this.#blocks[Math.max(0, this.#blocks.length - 1 - this.finalizationLag)] as LedgerBlock;
  }

  blockIn(slot: number): LedgerBlock | undefined {
    return this.#blocks.find((block) => block.slot === slot);
  }

  slotsWithBlocks(first: number, last: number): number[] {
    return this.#blocks.map(({ slot }) => slot).filter((slot) => slot >= first && slot <= last);
  }

  transaction(txId: string): { block: LedgerBlock; transaction: ToldTransaction } | null {
    for (const block of this.#blocks) {
      const transaction = block.transactions.find((one) => one.transaction.signatures[0] === txId);
      if (transaction) return { block, transaction };
    }
    return null;
  }

  /**
   * Executed at once; it stands in the next block.
   * @param change puts something into it that was not there: say in the test that it is synthetic
   * @returns its id
   */
  async send(
    instructions: readonly Instruction[],
    options: SendOptions & { change?: (told: ToldTransaction) => ToldTransaction } = {},
  ): Promise<string> {
    const { change = (told: ToldTransaction) => told } = options;
    const told = change(await this.svm.execute(instructions, options));
    this.#waiting.push(told);
    return told.transaction.signatures[0] as string;
  }

  /** They stand in the next block, as they are: executed elsewhere, or told once more. */
  tell(transactions: readonly ToldTransaction[]): void {
    this.#waiting.push(...transactions);
  }

  /** The first takes all that waits. @param skipped slots without a block before each */
  mine(blocks: number, skipped = 0): void {
    for (let count = 0; count < blocks; count += 1) {
      this.#append(this.#waiting, skipped);
      this.#waiting = [];
    }
  }

  /** Replaces the last blocks by one more than that, in later slots. */
  reorg(depth: number, fate: Fate): void {
    const dropped = this.#blocks.splice(this.#blocks.length - depth).flatMap(({ transactions }) => transactions);
    for (let count = 0; count < depth; count += 1) this.#append([], 0);
    this.#append(fate === "included" ? dropped : [], 0);
    if (fate === "mempool") this.#waiting.unshift(...dropped);
  }

  #append(transactions: readonly ToldTransaction[], skipped: number): void {
    const parent = this.#blocks.at(-1);
    const slot = this.#lastSlot + 1 + skipped;
    const timeSeconds = Math.floor(this.#nowMs() / 1_000);
    const parentHash = parent?.hash ?? this.svm.nextHash(slot - 1, timeSeconds);
    const hash = this.svm.nextHash(slot, timeSeconds);
    this.#lastSlot = slot;
    this.#blocks.push({ slot, hash, parentSlot: parent?.slot ?? slot - 1, parentHash, timeSeconds, transactions });
  }
}
