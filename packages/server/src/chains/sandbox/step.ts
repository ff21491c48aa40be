/** One step of the watcher: what the chain did since the last one → a report. Changes nothing by itself. */
import { messageOf } from "../../kit/errors.ts";
import type { BlockRef, Observation } from "../../payments/transfer.ts";
import type { WatchReport, WatchSink } from "../watcher.ts";
import { SANDBOX_CHAIN } from "./facts.ts";
import type { SandboxBlock, SandboxTransaction } from "./ledger.ts";
import type { SandboxNode, SandboxView } from "./node.ts";
import { type SandboxPosition, type Walk, walk } from "./walk.ts";

/** A transfer that is in no block, as far as was reported. */
export interface Followed {
  txId: string;
  index: string;
  /** Reported as seen in the mempool; `false` after its block was dropped. */
  seen: boolean;
}

export const followedKey = ({ txId, index }: Pick<Followed, "txId" | "index">): string => `${txId}/${index}`;

/** Where the watcher stands: `position` is stored as its cursor, `followed` follows from the stored transfers. */
export interface Standing {
  position: SandboxPosition | null;
  followed: ReadonlyMap<string, Followed>;
}

export interface Step {
  report: WatchReport;
  /** Holds once the report has been applied. */
  next: Standing;
  /** `false`: there are more blocks; take another step. */
  caughtUp: boolean;
}

export interface StepLimits {
  /** New blocks in one report. */
  blocks: number;
}

/** For whom somebody waits could not be found out. */
export class NotRefreshed extends Error {
  override readonly name = "NotRefreshed";
}

/** @throws ChainMoved, NotRefreshed, and whatever the node throws */
export async function nextStep(
  node: SandboxNode,
  view: SandboxView,
  standing: Standing,
  sink: Pick<WatchSink, "watches" | "refresh">,
  nowMs: number,
  limits: StepLimits,
): Promise<Step> {
  const path = await walk(node, standing.position, limits.blocks);
  await sink.refresh().catch((cause: unknown) => {
    throw new NotRefreshed(messageOf(cause), { cause });
  });
  const head = path.connected.at(-1) ?? null;
  const caughtUp = (head?.hash ?? standing.position?.hash) === view.tip.hash;
  const reader = new StepReader(node, (recipient) => sink.watches(recipient), standing.followed);
  await reader.readBlocks(path, head);
  if (caughtUp) await reader.readMempool(view.mempool);
  const position = positionAfter(standing, head, caughtUp ? view.nextNumber : null);
  return {
    report: {
      disconnected: path.disconnected.map(({ height, hash }) => ({ height, hash })),
      observations: reader.observations,
      head: head && refOf(head),
      cursor: position === standing.position ? null : position,
      watchedUntilMs: caughtUp ? nowMs : (head?.timeMs ?? null),
    },
    next: { position, followed: reader.followed },
    caughtUp,
  };
}

/** @param nextNumber how far the chain has come with this step; `null`: nobody waits for word of it, or there is more to
 * report */
function positionAfter(
  { position }: Standing,
  head: SandboxBlock | null,
  nextNumber: number | null,
): SandboxPosition | null {
  const known = nextNumber ?? position?.nextNumber;
  const moved = head ? { height: head.height, hash: head.hash } : position;
  if (moved === null || (moved === position && known === position?.nextNumber)) return position;
  return { height: moved.height, hash: moved.hash, ...(known === undefined ? {} : { nextNumber: known }) };
}

class StepReader {
  readonly observations: Observation[] = [];
  readonly followed: Map<string, Followed>;
  readonly #node: SandboxNode;
  readonly #watches: (recipient: string) => boolean;

  constructor(node: SandboxNode, watches: (recipient: string) => boolean, followed: ReadonlyMap<string, Followed>) {
    this.#node = node;
    this.#watches = watches;
    this.followed = new Map(followed);
  }

  async readBlocks(path: Walk, head: SandboxBlock | null): Promise<void> {
    for (const dropped of path.disconnected) {
      for (const { key, txId, index } of await this.#transfersOf(dropped)) {
        this.followed.set(key, { txId, index, seen: false });
      }
    }
    for (const block of path.connected) {
      for (const { key, transaction, index } of await this.#transfersOf(block)) {
        this.followed.delete(key);
        this.#observe(transaction, index, {
          status: transaction.fails ? "failed" : "included",
          confirmations: (head as SandboxBlock).height - block.height + 1,
          block: refOf(block),
        });
      }
    }
  }

  /** What was followed and is no longer in the mempool first, then what is new there: a replacement that pays as well
   * comes after what it replaces. */
  async readMempool(mempool: readonly SandboxTransaction[]): Promise<void> {
    const waiting = new Set(mempool.map((transaction) => transaction.txId));
    const missing = [...this.followed.values()].filter(({ txId }) => !waiting.has(txId));
    const records = await this.#node.transactions(missing.map(({ txId }) => txId));
    for (const [place, gone] of missing.entries()) {
      const transaction = records[place];
      // Unknown: somebody else reported it. In a block or back in the mempool: it moved on while this was being read.
      if (transaction?.status !== "replaced" && transaction?.status !== "dropped") continue;
      this.followed.delete(followedKey(gone));
      this.#observe(transaction, gone.index, { status: transaction.status });
    }
    for (const transaction of mempool) {
      for (const { key, txId, index } of this.#watched(transaction)) {
        if (this.followed.get(key)?.seen) continue;
        this.followed.set(key, { txId, index, seen: true });
        this.#observe(transaction, index, { status: "seen" });
      }
    }
  }

  async #transfersOf(block: SandboxBlock) {
    const transactions = await this.#node.transactions(block.txIds);
    return transactions.flatMap((transaction) => (transaction ? this.#watched(transaction) : []));
  }

  #watched(transaction: SandboxTransaction) {
    return transaction.outputs.flatMap((output, nth) => {
      if (!this.#watches(output.recipient)) return [];
      const transfer = { txId: transaction.txId, index: String(nth) };
      return [{ ...transfer, key: followedKey(transfer), transaction }];
    });
  }

  #observe(
    transaction: SandboxTransaction,
    index: string,
    what: Pick<Observation, "status"> & Partial<Observation>,
  ): void {
    const output = transaction.outputs[Number(index)];
    // A stored transfer that somebody else reported, of an output that there is not: the chain says nothing of it.
    if (!output) return;
    this.observations.push({
      chain: SANDBOX_CHAIN,
      txId: transaction.txId,
      index,
      asset: output.asset,
      amountAtomic: output.amountAtomic,
      recipient: output.recipient,
      confirmations: 0,
      block: null,
      observedAtMs: transaction.firstSeenAtMs,
      replaceable: false,
      replacedBy: what.status === "replaced" ? transaction.replacedBy : null,
      spends: [transaction.spends],
      ...what,
    });
  }
}

function refOf({ height, hash, timeMs }: SandboxBlock): BlockRef {
  return { height, hash, timeMs };
}
