/**
 * A chain on which payments may share an address: the sandbox's, with every kind of match and a second coin. Simulated:
 * nothing watches it, tests report for it.
 */
import { MATCH_KINDS } from "@paybell/protocol";
import { type Evidence, InvalidMatch, watchedKey } from "../src/chains/match.ts";
import { sandboxFacts } from "../src/chains/sandbox/facts.ts";
import type { ChainFacts, WatchSink } from "../src/chains/watcher.ts";
import type { Observation } from "../src/payments/transfer.ts";

export const matchingFacts: ChainFacts = {
  ...sandboxFacts,
  assets: [...sandboxFacts.assets, { symbol: "OTHER", decimals: 6 }],
  match: {
    kinds: MATCH_KINDS,
    canonical(_kind, value) {
      if (value.includes("!")) throw new InvalidMatch("it has a !; allowed: anything else.");
      return value.toLowerCase();
    },
  },
  paymentUri: ({ address, match }) => `matching:${address}?${new URLSearchParams(match ?? {})}`,
};

export interface Sent extends Omit<Evidence, "txId"> {
  txId: string;
  address: string;
  atMs: number;
  amountAtomic?: bigint;
  asset?: string;
  /** Left out: its block's time is when it was seen. */
  blockTimeMs?: number;
  status?: Observation["status"];
}

/** What a watcher would report of a transaction; `null`: nobody waits there. As the Tributary watcher says it: the first
 * memo is the text of a registration's record. */
export function observed(sink: Pick<WatchSink, "watches">, sent: Sent): Observation | null {
  const {
    txId,
    address,
    atMs,
    amountAtomic = 5n,
    asset = "SBX",
    blockTimeMs = atMs,
    status = "included",
    ...evidence
  } = sent;
  const recipient = watchedKey((key) => sink.watches(key), matchingFacts.recipientOf(address), { ...evidence, txId });
  if (recipient === null) return null;
  const [memo] = evidence.gateways?.length ? (evidence.memos ?? []) : [];
  const isIncluded = status === "included";
  return {
    ...{ chain: matchingFacts.chain, txId, index: "0", asset, amountAtomic, recipient, status },
    ...(memo === undefined ? {} : { standingReference: memo }),
    confirmations: isIncluded ? 1 : 0,
    block: isIncluded ? { height: 7, hash: "block-7", timeMs: blockTimeMs } : null,
    ...{ observedAtMs: atMs, replaceable: false, replacedBy: null, spends: [] },
  };
}

/** Reports it, as often as asked; nothing where nobody waits. */
export async function report(sink: WatchSink, ...sent: readonly Sent[]): Promise<void> {
  const observations = sent.map((one) => observed(sink, one)).filter((one) => one !== null);
  await sink.apply({ disconnected: [], observations, head: null, cursor: null, watchedUntilMs: null });
}
