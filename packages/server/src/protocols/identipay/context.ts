/** What identiPay's paths are made of. */
import type { SandboxControls } from "../../http/deps.ts";
import type { ChainRegistry } from "../../ingest/chain-registry.ts";
import type { Ingest } from "../../ingest/ingest.ts";
import type { SharedCounts } from "../../kit/node-counts.ts";
import type { TrustedProxies } from "../../transports/client-address.ts";
import type { Connections } from "../../transports/connections.ts";
import type { ProtocolContext } from "../protocol.ts";
import type { Places } from "./places.ts";

/** What an amount of a proposal becomes. */
export interface ProposalSettings {
  chain: string;
  /** Currency of a proposal → asset of the chain. `null`: the chain's assets under their own names. */
  currencies: Readonly<Record<string, string>> | null;
}

export interface IdentipayDeps extends ProtocolContext {
  ingest: Pick<Ingest, "create">;
  registry: ChainRegistry;
  connections: Connections;
  /** What other nodes have; left out: there are none. */
  counts?: SharedCounts;
  /** The client's address, proxies considered. */
  proxies: Pick<TrustedProxies, "clientAddress">;
  /** `null` in live mode: nothing settles on request there. */
  sandbox: SandboxControls | null;
  /** `null`: the sandbox's own coin, in live mode no proposals. */
  settings: ProposalSettings | null;
}

export interface IdentipayContext extends IdentipayDeps {
  places: Places;
}
