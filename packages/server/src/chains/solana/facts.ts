/** What the rest of the server has to know of Solana. */
import type { AddressAllocator, ChainAsset, ChainFacts, PaymentUriRequest } from "../watcher.ts";
import { canonicalAddress, solanaMatchRules } from "./address.ts";
import { solanaPay } from "./payment-uri.ts";
import { SOL, type SolanaToken, tokenRegistry } from "./tokens.ts";

export interface SolanaFactsOptions {
  /** The name in the API and the config; default `solana`. */
  chain?: string;
  /** No other token is ever counted, whatever it calls itself. */
  tokens: readonly SolanaToken[];
  /** Slots for `paid`, the payment's own included, counted from the finalized one. */
  confirmations: number;
  finalConfirmations: number;
}

export class SolanaFacts implements ChainFacts {
  readonly chain: string;
  readonly assets: readonly ChainAsset[];
  /** By mint. */
  readonly tokens: ReadonlyMap<string, SolanaToken>;
  readonly defaultConfirmations: number;
  readonly finalConfirmations: number;
  /** Without any, a payment would be paid before its slot is finalized. */
  readonly minConfirmations = 1;
  readonly match = solanaMatchRules;
  /** The caller brings the wallet. */
  readonly allocator: AddressAllocator | null = null;
  readonly #mints: ReadonlyMap<string, string>;

  /** @throws StartupError for a mint that is no key */
  constructor({ chain = "solana", tokens, confirmations, finalConfirmations }: SolanaFactsOptions) {
    this.chain = chain;
    this.assets = [SOL, ...tokens.map(({ symbol, decimals }) => ({ symbol, decimals }))];
    this.tokens = tokenRegistry(chain, tokens);
    this.defaultConfirmations = confirmations;
    this.finalConfirmations = finalConfirmations;
    this.#mints = new Map(tokens.map(({ symbol, mint }) => [symbol, mint]));
  }

  recipientOf(address: string): string {
    return canonicalAddress(address);
  }

  canonicalAddress(address: string): string {
    return canonicalAddress(address);
  }

  paymentUri(request: PaymentUriRequest): string | null {
    return solanaPay(request, this.#mints.get(request.asset) ?? null);
  }
}
