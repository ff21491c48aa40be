/** The chains that this server knows, by the name that the API uses. */
import type { ChainAsset, ChainFacts } from "../chains/watcher.ts";
import { PaybellError } from "../kit/errors.ts";

/** A chain, and whether somebody here watches it. */
export interface KnownChain {
  facts: ChainFacts;
  /** `false`: the merchant's backend watches it and reports by POST /v1/observations. */
  watched: boolean;
}

export class ChainRegistry {
  readonly #chains = new Map<string, KnownChain>();

  constructor(chains: readonly KnownChain[]) {
    for (const chain of chains) this.#chains.set(chain.facts.chain, chain);
  }

  get all(): readonly KnownChain[] {
    return [...this.#chains.values()];
  }

  find(chain: string): KnownChain | undefined {
    return this.#chains.get(chain);
  }

  /** @throws PaybellError `not_supported`, naming what is configured. */
  get(chain: string): KnownChain {
    const found = this.#chains.get(chain);
    if (found) return found;
    throw new PaybellError("not_supported", `There is no chain "${chain}" here.`, {
      field: "chain",
      allowed: [...this.#chains.keys()],
    });
  }

  /** @throws PaybellError `not_supported`, naming what is configured. */
  asset(chain: KnownChain, symbol: string): ChainAsset {
    const found = chain.facts.assets.find((asset) => asset.symbol === symbol);
    if (found) return found;
    throw new PaybellError("not_supported", `There is no asset "${symbol}" on ${chain.facts.chain} here.`, {
      field: "asset",
      allowed: chain.facts.assets.map((asset) => asset.symbol),
    });
  }
}
