/** TRON: blocks over HTTP from one of several nodes, counted as far as they are solidified. */
import { type Clock, systemClock } from "../../kit/clock.ts";
import { StartupError } from "../../kit/startup-error.ts";
import type { FollowedHead } from "../following/block-source.ts";
import { FailoverSource } from "../following/failover-source.ts";
import { FollowingWatcher } from "../following/following-watcher.ts";
import { InvalidAddress, type WatcherLogger } from "../watcher.ts";
import { TronFacts, type TronFactsOptions } from "./facts.ts";
import { TRON_GENESIS } from "./networks.ts";
import type { TronEndpoint } from "./tron-api.ts";
import { TronSource } from "./tron-source.ts";

/** Half a minute. */
const MAX_LAG_BLOCKS = 10;

export interface TronOptions extends TronFactsOptions {
  network: keyof typeof TRON_GENESIS | "private";
  /** Id of a private network's first block; `null`: not checked. */
  genesis: string | null;
  /** In the order of preference. */
  endpoints: readonly TronEndpoint[];
  pollIntervalMs: number;
  /** A block comes every three seconds. */
  maxSilenceMs: number;
  /** A question that takes longer has failed. */
  timeoutMs?: number;
  clock: Clock;
  logger: WatcherLogger;
}

/** @throws StartupError for a token's contract that is no address */
export function openTron(options: TronOptions): FollowingWatcher {
  const { network, endpoints, pollIntervalMs, maxSilenceMs, timeoutMs, clock, logger } = options;
  const facts = factsOf(options);
  const genesis = network === "private" ? options.genesis : TRON_GENESIS[network];
  const { tokens } = facts;
  const sources = endpoints.map(
    (endpoint) => new TronSource({ endpoint, genesis, tokens, ...(timeoutMs === undefined ? {} : { timeoutMs }) }),
  );
  return new FollowingWatcher({
    facts,
    source: new FailoverSource({
      chain: facts.chain,
      sources,
      maxLagBlocks: MAX_LAG_BLOCKS,
      clock: systemClock,
      logger,
    }),
    countedHeight: (head) => countedHeight(head, facts.minConfirmations),
    pollIntervalMs,
    maxSilenceMs,
    clock,
    logger,
  });
}

function factsOf(options: TronOptions): TronFacts {
  try {
    return new TronFacts(options);
  } catch (error) {
    if (!(error instanceof InvalidAddress)) throw error;
    throw new StartupError(
      `chains.${options.chain ?? "tron"}: the contract of a token is wrong: ${error.message}`,
      "Copy it again from the token's issuer.",
    );
  }
}

/** Never so far that a block which is not solidified could reach the fewest confirmations for `paid`: the head, but at
 * most as many blocks above the newest solidified one as leave that one `minConfirmations`. */
export function countedHeight({ height, finalized }: FollowedHead, minConfirmations: number): number {
  return Math.min(height, (finalized?.height ?? 0) + minConfirmations - 1);
}
