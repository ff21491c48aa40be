/** Part of the composition root: the chains of the configuration, each behind the `Watcher` contract. */
import type { Logger } from "pino";
import { ExternalFacts } from "./chains/external/facts.ts";
import type { ChainProbe } from "./chains/probe.ts";
import { SandboxChain } from "./chains/sandbox/chain.ts";
import { SandboxChainControls } from "./chains/sandbox/controls.ts";
import { SANDBOX_CHAIN, sandboxFacts } from "./chains/sandbox/facts.ts";
import type { SandboxLedger } from "./chains/sandbox/ledger.ts";
import { SandboxWatcher } from "./chains/sandbox/sandbox-watcher.ts";
import type { ChainFacts, Watcher } from "./chains/watcher.ts";
import type { ChainConfig, Config } from "./config/config.ts";
import type { SandboxControls } from "./http/deps.ts";
import type { KnownChain } from "./ingest/chain-registry.ts";
import type { Clock } from "./kit/clock.ts";
import type { PaymentStore } from "./log/store.ts";

export interface Chains {
  known: KnownChain[];
  watched: WatchedChain[];
  sandbox: SandboxControls | null;
  close: () => Promise<void>;
}

/** A chain that is watched here, or could be. */
export interface WatchedChain {
  facts: ChainFacts;
  /** A watcher that does not run: each time on the chain begins with one. */
  openWatcher: () => Promise<Watcher>;
}

/** What every watcher is made with. */
export interface WatcherParts {
  clock: Clock;
  logger: Logger;
}

/** What the simulated chain is made with besides. */
interface SandboxParts {
  ledger: SandboxLedger;
  payments: Pick<PaymentStore, "progress">;
}

export async function openChains(
  config: Config,
  { ledger, payments, ...parts }: WatcherParts & SandboxParts,
): Promise<Chains> {
  const chains: Chains = { known: [], watched: [], sandbox: null, close: async () => undefined };
  for (const [chain, settings] of Object.entries(config.chains)) {
    if (settings.kind === "external") {
      chains.known.push({ facts: new ExternalFacts(chain, settings), watched: false });
      continue;
    }
    const facts = await factsOf(chain, settings, parts);
    chains.watched.push({ facts, openWatcher: () => openWatcher(chain, settings, parts) });
    chains.known.push({ facts, watched: true });
  }
  if (config.mode === "sandbox") await addSandbox(chains, config, { ledger, payments, ...parts });
  return chains;
}

/** What is known of a configured chain without asking a node. */
export async function factsOf(chain: string, settings: ChainConfig, parts: WatcherParts): Promise<ChainFacts> {
  if (settings.kind === "external") return new ExternalFacts(chain, settings);
  return (await openWatcher(chain, settings, parts)).facts;
}

/** What can be asked of a configured chain's endpoints; `null`: the chain has none.
 * @throws StartupError */
export async function openProbe(chain: string, settings: ChainConfig, parts: WatcherParts): Promise<ChainProbe | null> {
  return settings.kind === "external" ? null : openWatcher(chain, settings, parts);
}

/** Loaded only where it is configured: the sandbox starts sooner. */
async function openWatcher(
  chain: string,
  settings: Exclude<ChainConfig, { kind: "external" }>,
  parts: WatcherParts,
): Promise<Watcher & ChainProbe> {
  switch (settings.kind) {
    case "bitcoin": {
      const { BitcoinWatcher } = await import("./chains/bitcoin/bitcoin-watcher.ts");
      return new BitcoinWatcher({ chain, ...parts, ...settings });
    }
    case "evm": {
      const { openEvm } = await import("./chains/evm/open-evm.ts");
      return openEvm({ chain, ...parts, ...settings });
    }
    case "solana": {
      const { openSolana } = await import("./chains/solana/open-solana.ts");
      return openSolana({ chain, ...parts, ...settings });
    }
    case "sui": {
      const { openSui } = await import("./chains/sui/open-sui.ts");
      return openSui({ chain, ...parts, ...settings });
    }
    case "tron": {
      const { openTron } = await import("./chains/tron/open-tron.ts");
      return openTron({ chain, ...parts, ...settings });
    }
  }
}

async function addSandbox(
  chains: Chains,
  { sandboxBlockMs }: Config,
  { ledger, payments, clock }: WatcherParts & SandboxParts,
): Promise<void> {
  const chain = await SandboxChain.open({ ledger, clock, blockIntervalMs: sandboxBlockMs });
  chains.watched.push({ facts: sandboxFacts, openWatcher: async () => new SandboxWatcher({ node: chain, clock }) });
  chains.known.push({ facts: sandboxFacts, watched: true });
  const cursor = async () => (await payments.progress(SANDBOX_CHAIN))?.cursor ?? null;
  chains.sandbox = new SandboxChainControls({ chain, cursor });
  chains.close = () => chain.close();
}
