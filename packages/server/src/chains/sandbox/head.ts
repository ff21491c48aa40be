/** Where the simulated chain stands: what each node holds of it in memory. */
import type { SandboxBlock, SandboxChange, SandboxHead, SandboxTransaction } from "./ledger.ts";

export class ChainHead {
  readonly #mempool: Map<string, SandboxTransaction>;
  /** `#mempool` in order; made anew when someone asks after a change. */
  #inOrder: readonly SandboxTransaction[] | null = null;
  #tip: SandboxBlock;
  #nextNumber: number;

  constructor({ nextNumber, tip, mempool }: SandboxHead) {
    this.#nextNumber = nextNumber;
    this.#tip = tip;
    this.#mempool = new Map(mempool.map((transaction) => [transaction.txId, transaction]));
  }

  /** The number that the next transaction or block takes. It grows with every change: the same number is the same chain. */
  get nextNumber(): number {
    return this.#nextNumber;
  }

  get tip(): SandboxBlock {
    return this.#tip;
  }

  /** By ascending number. */
  get mempool(): readonly SandboxTransaction[] {
    this.#inOrder ??= [...this.#mempool.values()].sort((a, b) => a.number - b.number);
    return this.#inOrder;
  }

  get mempoolSize(): number {
    return this.#mempool.size;
  }

  waiting(txId: string): SandboxTransaction | null {
    return this.#mempool.get(txId) ?? null;
  }

  /** A change that was stored. */
  apply(change: SandboxChange): void {
    this.#nextNumber = change.nextNumber;
    this.#tip = change.connect.at(-1) ?? this.#tip;
    for (const transaction of change.transactions) {
      if (transaction.status === "mempool") this.#mempool.set(transaction.txId, transaction);
      else this.#mempool.delete(transaction.txId);
    }
    this.#inOrder = null;
  }
}
