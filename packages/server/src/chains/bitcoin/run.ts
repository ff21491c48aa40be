/** What the parts of a running watcher share. */
import type { Clock } from "../../kit/clock.ts";
import type { BlockRef, Observation } from "../../payments/transfer.ts";
import type { WatcherLogger, WatchReport, WatchSink } from "../watcher.ts";
import type { Bitcoind } from "./bitcoind.ts";
import type { BitcoinCursor } from "./cursor.ts";
import { type BitcoinFacts, BTC } from "./facts.ts";
import type { Silence } from "./silence.ts";
import type { TrackedTransaction, TrackedTransactions } from "./tracked-transactions.ts";

export interface WatchRun {
  readonly facts: BitcoinFacts;
  readonly node: Bitcoind;
  readonly sink: Pick<WatchSink, "watches">;
  readonly clock: Clock;
  readonly logger: WatcherLogger;
  readonly tracked: TrackedTransactions;
  readonly silence: Silence;
  /** The last block that was reported; `null` only before the first start has found its block. */
  cursor: BitcoinCursor | null;
  /** Until when everything was reported, milliseconds; `null`: nothing is known yet. */
  watchedUntilMs: number | null;
  /** Resolves when the report is stored; it is repeated until then, so what follows from it may be assumed at once.
   * @throws only when the watcher is stopped */
  apply(report: WatchReport): Promise<void>;
  /** See `WatchSink.refresh`; tried again until it is done.
   * @throws only when the watcher is stopped */
  refresh(): Promise<void>;
}

/** The node cannot be followed as it is: the message says what is wrong and what to do. */
export class NodeProblem extends Error {
  override readonly name = "NodeProblem";
}

/** What is to be said of a transaction's transfers. */
export interface Fate {
  status: "seen" | "included" | "replaced" | "dropped";
  block?: BlockRef;
  confirmations?: number;
  replacedBy?: string;
}

/** One observation for each of its transfers. */
export function observe(run: Pick<WatchRun, "facts">, transaction: TrackedTransaction, fate: Fate): Observation[] {
  return transaction.outputs.map(
    ({ vout, amountAtomic, recipient }): Observation => ({
      chain: run.facts.chain,
      txId: transaction.txId,
      index: String(vout),
      asset: BTC.symbol,
      amountAtomic,
      recipient,
      status: fate.status,
      confirmations: fate.confirmations ?? 0,
      block: fate.block ?? null,
      observedAtMs: transaction.firstSeenAtMs,
      replaceable: transaction.replaceable,
      replacedBy: fate.replacedBy ?? null,
      spends: transaction.spends,
    }),
  );
}
