/** The sandbox chain's ledger in memory, for tests that are not about storage. */
import type {
  Decide,
  SandboxBlock,
  SandboxChange,
  SandboxHead,
  SandboxLedger,
  SandboxTransaction,
  SharedLedger,
} from "../src/chains/sandbox/ledger.ts";

export class MemoryLedger implements SandboxLedger {
  readonly #blocks = new Map<string, SandboxBlock>();
  readonly #transactions = new Map<string, SandboxTransaction>();
  readonly #best: SandboxBlock[] = [];
  readonly shared: SharedLedger | null;
  readonly #toTell = new Set<() => void>();
  #nextNumber = 0;
  #last: Promise<unknown> = Promise.resolve();
  /** The next commits are refused with this. */
  failure: Error | null = null;

  /** @param isShared several chains may have it at once, as nodes on one database */
  constructor({ isShared = false } = {}) {
    this.shared = isShared
      ? {
          newer: async (nextNumber) => (nextNumber === this.#nextNumber ? null : this.load()),
          tell: () => {
            for (const listener of this.#toTell) listener();
          },
          onTold: (listener) => {
            this.#toTell.add(listener);
            return () => this.#toTell.delete(listener);
          },
        }
      : null;
  }

  async load(): Promise<SandboxHead | null> {
    const tip = this.#best.at(-1);
    if (!tip) return null;
    const mempool = [...this.#transactions.values()].filter(({ status }) => status === "mempool");
    return { nextNumber: this.#nextNumber, tip, mempool: mempool.sort((a, b) => a.number - b.number) };
  }

  step(nextNumber: number, decide: Decide): Promise<void> {
    const turn = this.#last.then(async () => {
      const newer = this.shared ? await this.shared.newer(nextNumber) : null;
      const change = await decide(newer, this);
      if (!change) return;
      this.#store(change);
      this.shared?.tell();
    });
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  #store(change: SandboxChange): void {
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
