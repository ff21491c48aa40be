/** What the rest of the server has to know of an EVM network. */
import type { MatchRules } from "../match.ts";
import type { ChainAsset, ChainFacts, PaymentUriRequest } from "../watcher.ts";
import { canonicalAddress, canonicalMatch, eip681, recipientOf } from "./address.ts";
import type { NativeCoin } from "./tokens.ts";

export interface EvmFactsOptions {
  /** The name in the API and the config. */
  chain: string;
  chainId: number;
  native: NativeCoin;
  tokens: readonly { contract: string; symbol: string; decimals: number }[];
  confirmations: number;
  finalConfirmations: number;
  /** No payment may ask for fewer; default 0. */
  minConfirmations?: number;
}

export class EvmFacts implements ChainFacts {
  readonly chain: string;
  readonly assets: readonly ChainAsset[];
  readonly defaultConfirmations: number;
  readonly finalConfirmations: number;
  readonly minConfirmations: number;
  readonly match: MatchRules = { kinds: ["txId", "payer"], canonical: canonicalMatch };
  /** The caller brings the address. */
  readonly allocator = null;
  readonly #chainId: number;
  readonly #contracts: ReadonlyMap<string, string>;

  constructor(options: EvmFactsOptions) {
    const { chain, chainId, native, tokens, confirmations, finalConfirmations, minConfirmations = 0 } = options;
    this.chain = chain;
    this.assets = [native, ...tokens].map(({ symbol, decimals }) => ({ symbol, decimals }));
    this.defaultConfirmations = confirmations;
    this.finalConfirmations = finalConfirmations;
    this.minConfirmations = minConfirmations;
    this.#chainId = chainId;
    this.#contracts = new Map(tokens.map(({ symbol, contract }) => [symbol, contract]));
  }

  recipientOf(address: string): string {
    return recipientOf(address);
  }

  canonicalAddress(address: string): string {
    return canonicalAddress(address);
  }

  paymentUri({ address, asset, amountAtomic }: PaymentUriRequest): string {
    return eip681({ address, chainId: this.#chainId, contract: this.#contracts.get(asset) ?? null, amountAtomic });
  }
}
