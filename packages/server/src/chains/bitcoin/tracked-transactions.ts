/**
 * The transactions with transfers to us that are not yet beyond reorganisation: what the mempool is compared with, and
 * what a double spend is recognised by. Rebuilt from the store at each start; nothing in here would be lost by a crash.
 */
import type { OpenTransfer } from "../../log/store.ts";
import type { BlockRef } from "../../payments/transfer.ts";
import { outpointHexOf, type PaidOutput } from "./transaction-scanner.ts";

export interface TrackedTransaction {
  txId: string;
  outputs: readonly PaidOutput[];
  /** `txid:vout`. */
  spends: readonly string[];
  /** `mempool`: reported as seen. `orphaned`: its block was dropped, and what became of it is not known yet. */
  state: "mempool" | "included" | "orphaned";
  block: BlockRef | null;
  firstSeenAtMs: number;
  replaceable: boolean;
}

export class TrackedTransactions {
  readonly #byTxId = new Map<string, TrackedTransaction>();
  readonly #byOutpoint = new Map<string, Set<string>>();

  /** `onUnusable`: a stored transfer that no Bitcoin transaction can have, so that no node could be asked about it. */
  static from(open: readonly OpenTransfer[], onUnusable: (transfer: OpenTransfer) => void): TrackedTransactions {
    const tracked = new TrackedTransactions();
    for (const transfer of open) {
      if (!isOfBitcoin(transfer)) {
        onUnusable(transfer);
        continue;
      }
      const known = tracked.get(transfer.txId);
      tracked.set({
        txId: transfer.txId,
        outputs: [
          ...(known?.outputs ?? []),
          { vout: Number(transfer.index), amountAtomic: transfer.amountAtomic, recipient: transfer.recipient },
        ],
        spends: transfer.spends,
        state: STATES[transfer.status],
        block: transfer.block,
        firstSeenAtMs: transfer.firstSeenAtMs,
        replaceable: transfer.replaceable,
      });
    }
    return tracked;
  }

  get anySpends(): boolean {
    return this.#byOutpoint.size > 0;
  }

  get(txId: string): TrackedTransaction | undefined {
    return this.#byTxId.get(txId);
  }

  /** Adds it, or puts it in the place of what was known of it. */
  set(transaction: TrackedTransaction): void {
    this.delete(transaction.txId);
    this.#byTxId.set(transaction.txId, transaction);
    for (const spend of transaction.spends) {
      const key = outpointHexOf(spend);
      const spenders = this.#byOutpoint.get(key);
      if (spenders) spenders.add(transaction.txId);
      else this.#byOutpoint.set(key, new Set([transaction.txId]));
    }
  }

  delete(txId: string): void {
    for (const spend of this.#byTxId.get(txId)?.spends ?? []) {
      const key = outpointHexOf(spend);
      const spenders = this.#byOutpoint.get(key);
      spenders?.delete(txId);
      if (spenders?.size === 0) this.#byOutpoint.delete(key);
    }
    this.#byTxId.delete(txId);
  }

  /** The outpoint is 36 raw bytes in hex. */
  spendsOutpoint(outpointHex: string): boolean {
    return this.#byOutpoint.has(outpointHex);
  }

  /** The transactions that cannot stand beside this one, because they spend the same. */
  conflictsOf(txId: string, spends: readonly string[]): TrackedTransaction[] {
    const found = new Set<string>();
    for (const spend of spends) {
      for (const other of this.#byOutpoint.get(outpointHexOf(spend)) ?? []) {
        if (other !== txId) found.add(other);
      }
    }
    return [...found].map((other) => this.#byTxId.get(other) as TrackedTransaction);
  }

  /** All of them. */
  values(): Iterable<TrackedTransaction> {
    return this.#byTxId.values();
  }

  /** Those in one of these blocks. */
  includedIn(blockHashes: ReadonlySet<string>): TrackedTransaction[] {
    return [...this.#byTxId.values()].filter(
      ({ state, block }) => state === "included" && block !== null && blockHashes.has(block.hash),
    );
  }

  /** Forgets those that are in a block below this height. */
  forgetBelow(height: number): void {
    for (const { txId, state, block } of this.#byTxId.values()) {
      if (state === "included" && block !== null && block.height < height) this.delete(txId);
    }
  }
}

const TX_ID = /^[0-9a-f]{64}$/;
const VOUT = /^(0|[1-9][0-9]{0,9})$/;
const OUTPOINT = /^[0-9a-f]{64}:(0|[1-9][0-9]{0,9})$/;

function isOfBitcoin({ txId, index, spends }: OpenTransfer): boolean {
  return (
    TX_ID.test(txId) &&
    VOUT.test(index) &&
    Number(index) < 2 ** 32 &&
    spends.every((spend) => OUTPOINT.test(spend) && Number(spend.slice(65)) < 2 ** 32)
  );
}

const STATES: Record<OpenTransfer["status"], TrackedTransaction["state"]> = {
  seen: "mempool",
  included: "included",
  confirmed: "included",
  orphaned: "orphaned",
};
