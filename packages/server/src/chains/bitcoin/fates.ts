/** What became of transactions that are in no block: the one place where "not in the mempool" is taken for "gone". */
import type { Observation } from "../../payments/transfer.ts";
import { type Bitcoind, type MempoolEntry, REFUSED } from "./bitcoind.ts";
import { observe, type WatchRun } from "./run.ts";
import type { TrackedTransaction } from "./tracked-transactions.ts";

export type MempoolFate =
  | { is: "present"; entry: MempoolEntry }
  | { is: "replaced"; by: string }
  | { is: "dropped" }
  /** The node does not take it for a transaction: nothing will ever be known of it. */
  | { is: "refused" }
  /** The node contradicts itself: it has just come back, or an index of the node runs ahead. Ask later. */
  | { is: "unclear" };

/**
 * Asks while the chain's tip is the block up to which everything has been followed: a mined transaction leaves the
 * mempool too, and nobody announces that, so the answer holds only if no block came meanwhile.
 * @returns in the order of the transactions; `moved`: the tip is another; `loading`: the node still reads its mempool
 * from disk
 */
export async function fatesOf(
  node: Bitcoind,
  transactions: readonly TrackedTransaction[],
  tip: string,
): Promise<readonly MempoolFate[] | "moved" | "loading"> {
  if ((await node.bestBlockHash()) !== tip) return "moved";
  const entries = await node.mempoolEntries(transactions.map(({ txId }) => txId));
  const absent = transactions.filter((_, place) => !entries[place]);
  const spenders = await node.mempoolSpenders(absent.map(({ spends }) => spends));
  if (absent.length > 0 && !(await node.mempoolLoaded())) return "loading";
  if ((await node.bestBlockHash()) !== tip) return "moved";
  const spenderOf = new Map(absent.map(({ txId }, place) => [txId, spenders[place] ?? null]));
  return transactions.map(({ txId }, place): MempoolFate => {
    const entry = entries[place];
    const spender = spenderOf.get(txId) ?? null;
    if (entry === REFUSED || spender === REFUSED) return { is: "refused" };
    if (entry) return { is: "present", entry };
    if (spender === txId) return { is: "unclear" };
    return spender === null ? { is: "dropped" } : { is: "replaced", by: spender };
  });
}

/** Takes note of the fate, and returns what is to be reported. */
export function settle(run: WatchRun, transaction: TrackedTransaction, fate: MempoolFate): Observation[] {
  switch (fate.is) {
    case "present": {
      const back: TrackedTransaction = {
        ...transaction,
        state: "mempool",
        block: null,
        replaceable: transaction.replaceable || mayBeReplaced(fate.entry),
      };
      run.tracked.set(back);
      return observe(run, back, { status: "seen" });
    }
    case "replaced":
      run.tracked.delete(transaction.txId);
      return observe(run, transaction, { status: "replaced", replacedBy: fate.by });
    case "dropped":
      run.tracked.delete(transaction.txId);
      return observe(run, transaction, { status: "dropped" });
    case "refused":
      run.tracked.delete(transaction.txId);
      run.logger.warn(
        { chain: run.facts.chain, txId: transaction.txId },
        "the node does not take a stored transfer for a transaction: it is not followed any more",
      );
      return [];
    case "unclear":
      return [];
  }
}

/** Beyond what the transaction says itself. Where the node does not say, unconfirmed parents may be replaced, and their
 * children with them. */
export function mayBeReplaced(entry: MempoolEntry): boolean {
  return entry.replaceable ?? entry.hasUnconfirmedParents;
}
