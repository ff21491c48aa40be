/**
 * Which transactions of the mempool were looked at, and which scripts they pay: so that a payment that is created a
 * moment after its money was sent is found without reading the whole mempool again.
 *
 * A script is kept as 52 of its bits: two scripts with the same bits cost one more look, nothing else. Its size is
 * bounded by the node's own limit on the mempool (`-maxmempool`): about 200 bytes a transaction.
 */
import { inSlices } from "./slices.ts";

export class MempoolIndex {
  readonly #keysByTxId = new Map<string, readonly number[]>();
  readonly #txIdsByKey = new Map<number, string | Set<string>>();

  get size(): number {
    return this.#keysByTxId.size;
  }

  has(txId: string): boolean {
    return this.#keysByTxId.has(txId);
  }

  add(txId: string, recipients: Iterable<string>): void {
    if (this.#keysByTxId.has(txId)) return;
    const keys = [...new Set(Array.from(recipients, keyOf))];
    this.#keysByTxId.set(txId, keys);
    for (const key of keys) {
      const known = this.#txIdsByKey.get(key);
      if (known === undefined) this.#txIdsByKey.set(key, txId);
      else if (typeof known === "string") this.#txIdsByKey.set(key, new Set([known, txId]));
      else known.add(txId);
    }
  }

  /** It has left the mempool, or is to be looked at again. */
  delete(txId: string): void {
    for (const key of this.#keysByTxId.get(txId) ?? []) {
      const known = this.#txIdsByKey.get(key);
      if (typeof known === "string") this.#txIdsByKey.delete(key);
      else if (known?.delete(txId) && known.size === 0) this.#txIdsByKey.delete(key);
    }
    this.#keysByTxId.delete(txId);
  }

  /** Transactions that may pay this script. */
  lookUp(recipient: string): readonly string[] {
    const known = this.#txIdsByKey.get(keyOf(recipient));
    if (known === undefined) return [];
    return typeof known === "string" ? [known] : [...known];
  }

  /** Forgets what is no longer in the mempool, little by little. */
  retain(mempool: ReadonlySet<string>): Promise<void> {
    return inSlices(this.#keysByTxId.keys(), (txId) => {
      if (!mempool.has(txId)) this.delete(txId);
    });
  }
}

/** Thirteen hex digits that are part of the hash in every kind of script that is watched. */
function keyOf(recipient: string): number {
  return Number.parseInt(recipient.slice(6, 19), 16);
}
