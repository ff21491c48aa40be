/** Solana behind the `Watcher` contract: confirmed blocks, counted as far as they are finalized. */
import { type Clock, systemClock } from "../../kit/clock.ts";
import { FailoverSource } from "../following/failover-source.ts";
import { FollowingWatcher } from "../following/following-watcher.ts";
import type { WatcherLogger } from "../watcher.ts";
import { SolanaFacts, type SolanaFactsOptions } from "./facts.ts";
import { genesisOf, type SolanaNetworkName } from "./network.ts";
import { type SolanaEndpoint, SolanaSource } from "./solana-source.ts";

export interface SolanaOptions extends SolanaFactsOptions {
  network: SolanaNetworkName;
  /** Hash of a private network's first block; `null`: not checked. */
  genesisHash: string | null;
  /** In the order of preference. */
  endpoints: readonly SolanaEndpoint[];
  /** Whose records are payments; `null`: nobody's. */
  tributary: { program: string } | null;
  pollIntervalMs: number;
  maxSilenceMs: number;
  timeoutMs?: number;
  clock: Clock;
  logger: WatcherLogger;
}

/** Half a minute of slots. */
const MAX_LAG_SLOTS = 75;
/** In one question, of several megabytes each. */
const BLOCKS_PER_REPORT = 8;
/** A transaction can be taken up for 150 slots; one that is in no block after twice as many never will be. */
const ORPHAN_LIFETIME_SLOTS = 300;

/** @throws StartupError for a token's mint that is no key */
export function openSolana(options: SolanaOptions): FollowingWatcher {
  const { network, tributary, pollIntervalMs, maxSilenceMs, clock, logger } = options;
  const facts = new SolanaFacts(options);
  const { chain, tokens } = facts;
  const shared = {
    tokens,
    genesisHash: genesisOf(network, options.genesisHash),
    tributaryProgram: tributary?.program ?? null,
    onUnusableMemo: (txId: string) =>
      logger.warn(
        { chain, txId },
        "the memo of a Tributary record is no tracking id: it goes to the registration itself",
      ),
    ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }),
  };
  const sources = options.endpoints.map((endpoint) => new SolanaSource({ ...shared, ...endpoint }));
  return new FollowingWatcher({
    facts,
    // Its pauses pass in real time, as the watcher's own do, whatever clock payments live by.
    source: new FailoverSource({ sources, chain, clock: systemClock, logger, maxLagBlocks: MAX_LAG_SLOTS }),
    countedHeight: ({ finalized }) => finalized?.height ?? 0,
    pollIntervalMs,
    maxSilenceMs,
    blocksPerReport: BLOCKS_PER_REPORT,
    orphanLifetimeBlocks: ORPHAN_LIFETIME_SLOTS,
    clock,
    logger,
  });
}
