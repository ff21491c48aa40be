/** Sui behind the `Watcher` contract: certified checkpoints, read over gRPC-web from one of several nodes. */
import type { Clock } from "../../kit/clock.ts";
import { FailoverSource } from "../following/failover-source.ts";
import { FollowingWatcher } from "../following/following-watcher.ts";
import type { WatcherLogger } from "../watcher.ts";
import type { SuiCoin } from "./coins.ts";
import { SuiFacts } from "./facts.ts";
import { expectedChainId, type SuiNetworkName } from "./network.ts";
import { type SuiEndpoint, SuiNode } from "./sui-node.ts";
import { SuiSource } from "./sui-source.ts";

export interface OpenSuiOptions {
  /** The name in the API and the config; default `sui`. */
  chain?: string;
  network: SuiNetworkName;
  /** Digest of the genesis checkpoint; `null`: the network's own. */
  chainId: string | null;
  /** In the order of preference. */
  endpoints: readonly SuiEndpoint[];
  /** Beside SUI. */
  coins: readonly SuiCoin[];
  /** Whose events say an intent hash; `null`: anybody's. */
  settlementPackages: readonly string[] | null;
  confirmations: number;
  finalConfirmations: number;
  pollIntervalMs: number;
  /** Without a new checkpoint for so long the node counts as silent. */
  maxSilenceMs: number;
  /** From a question to the last byte of its answer; default 15 s. */
  timeoutMs?: number;
  clock: Clock;
  logger: WatcherLogger;
}

const TIMEOUT_MS = 15_000;
/** Half a minute: Sui certifies about four checkpoints a second. */
const MAX_LAG_CHECKPOINTS = 120;

export function openSui(options: OpenSuiOptions): FollowingWatcher {
  const { network, settlementPackages, timeoutMs = TIMEOUT_MS, clock, logger, pollIntervalMs, maxSilenceMs } = options;
  const facts = new SuiFacts(options);
  const chainId = expectedChainId(network, options.chainId);
  const sources = options.endpoints.map((endpoint) => {
    const node = new SuiNode({ ...endpoint, network, timeoutMs });
    return new SuiSource({ node, coins: facts.coins, chainId, settlementPackages });
  });
  return new FollowingWatcher({
    facts,
    source: new FailoverSource({ sources, chain: facts.chain, clock, logger, maxLagBlocks: MAX_LAG_CHECKPOINTS }),
    // A certified checkpoint is final by itself.
    countedHeight: (head) => head.height,
    pollIntervalMs,
    maxSilenceMs,
    clock,
    logger,
  });
}
