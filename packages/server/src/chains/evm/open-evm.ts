/** An EVM network of the configuration as a `Watcher`. */
import { type Clock, systemClock } from "../../kit/clock.ts";
import { StartupError } from "../../kit/startup-error.ts";
import type { FollowedHead } from "../following/block-source.ts";
import { FailoverSource } from "../following/failover-source.ts";
import { FollowingWatcher } from "../following/following-watcher.ts";
import type { WatcherLogger } from "../watcher.ts";
import { InvalidAddress } from "../watcher.ts";
import { canonicalAddress } from "./address.ts";
import { EvmSource } from "./evm-source.ts";
import { EvmFacts } from "./facts.ts";
import { type NativeCoin, type Token, TokenRegistry } from "./tokens.ts";

export interface EvmOptions {
  /** The name in the API and the config. */
  chain: string;
  chainId: number;
  native: NativeCoin;
  tokens: readonly Token[];
  endpoints: readonly { url: string; wsUrl: string | null; headers: Readonly<Record<string, string>> }[];
  finality: "confirmations" | "safe" | "finalized";
  confirmations: number;
  finalConfirmations: number;
  mempool: boolean;
  batchSize: number;
  pollIntervalMs: number;
  maxSilenceMs: number;
  timeoutMs?: number;
  clock: Clock;
  logger: WatcherLogger;
}

/** @throws StartupError for a token's contract that is no address */
export function openEvm(options: EvmOptions): FollowingWatcher {
  const { chain, native, finality, clock, logger, pollIntervalMs, maxSilenceMs } = options;
  const contracts = options.tokens.map((token) => ({ ...token, contract: contractOf(chain, token) }));
  const tokens = new TokenRegistry(native, contracts);
  const tag = finality === "confirmations" ? null : finality;
  const sources = options.endpoints.map((endpoint) => new EvmSource({ ...options, ...endpoint, tokens, tag }));
  return new FollowingWatcher({
    // Without any, a payment would be paid before the network says what the policy waits for.
    facts: new EvmFacts({ ...options, tokens: tokens.all, minConfirmations: tag === null ? 0 : 1 }),
    // Its pauses pass in real time, as the watcher's own do, whatever clock payments live by.
    source: new FailoverSource({ sources, chain, clock: systemClock, logger }),
    countedHeight: countedHeight(finality),
    pollIntervalMs,
    maxSilenceMs,
    clock,
    logger,
  });
}

/** Up to where confirmations count: to the head, or only as far as the chain itself stands by its blocks. */
function countedHeight(finality: EvmOptions["finality"]): (head: FollowedHead) => number {
  return finality === "confirmations" ? ({ height }) => height : ({ finalized }) => finalized?.height ?? 0;
}

function contractOf(chain: string, { contract, symbol }: Token): string {
  try {
    return canonicalAddress(contract);
  } catch (error) {
    if (!(error instanceof InvalidAddress)) throw error;
    throw new StartupError(
      `chains.${chain}: the contract of ${symbol} (${contract}) is wrong: ${error.message}`,
      "Copy it again from the token's issuer.",
    );
  }
}
