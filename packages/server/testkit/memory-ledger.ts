/** The sandbox chain's ledger in memory, for tests that are not about storage. */
import type {
  SandboxBlock,
  SandboxChange,
  SandboxHead,
  SandboxLedger,
  SandboxTransaction,
} from "../src/chains/sandbox/ledger.ts";

export class MemoryLedger implements SandboxLedger {
  readonly #blocks = new Map<string, SandboxBlock>();
  readonly #transactions = new Map<string, SandboxTransaction>();
  readonly #best: SandboxBlock[] = [];
  #nextNumber = 0;
  /** The next commits are refused with this. */
  failure: Error | null = null;

  async load(): Promise<SandboxHead | null> {
    const tip = this.#best.at(-1);
    if (!tip) return null;
    const mempool = [...this.#transactions.values()].filter(({ status }) => status === "mempool");
    return { nextNumber: this.#nextNumber, tip, mempool: mempool.sort((a, b) => a.number - b.number) };
  }

  async commit(change: SandboxChange): Promise<void> {
    if (this.failure) throw this.failure;
    this.#nextNumber = change.nextNumber;
    this.#best.splice(this.#best.length - change.disconnect.length);
    for (const block of change.connect) {
      this.#best.push(block);
      this.#blocks.set(block.hash, block);
    }
    for (const transaction of change.transactions) this.#transactions.set(transaction.txId, transaction);
  }

  async block(hash: string): Promise<SandboxBlock | null> {
    return this.#blocks.get(hash) ?? null;
  }

  async blockAt(height: number): Promise<SandboxBlock | null> {
    return this.#best[height] ?? null;
  }

  async transactions(txIds: readonly string[]): Promise<readonly (SandboxTransaction | null)[]> {
    return txIds.map((txId) => this.#transactions.get(txId) ?? null);
  }
}
