/** What the rest of the server has to know of TRON. */
import {
  type AddressAllocator,
  type ChainAsset,
  type ChainFacts,
  InvalidAddress,
  type PaymentUriRequest,
} from "../watcher.ts";
import { base58Of, hexOf } from "./address.ts";
import { tronMatchRules } from "./match-rules.ts";
import { paymentUri } from "./payment-uri.ts";

/** A TRC-20 token of the configuration. No other token is ever counted, whatever it calls itself. */
export interface TronToken {
  /** Base58, `T…`. */
  contract: string;
  symbol: string;
  decimals: number;
}

export interface TronFactsOptions {
  /** The name in the API and the config; default `tron`. */
  chain?: string;
  tokens?: readonly TronToken[];
  /** Confirmations for `paid`, and the fewest that a payment may ask for; default 21. */
  confirmations?: number;
  /** Confirmations for `final`; default 27: as many as there are super representatives. */
  finalConfirmations?: number;
}

export const TRX: ChainAsset = { symbol: "TRX", decimals: 6 };

export const DEFAULT_CONFIRMATIONS = 21;
export const DEFAULT_FINAL_CONFIRMATIONS = 27;

export class TronFacts implements ChainFacts {
  readonly chain: string;
  readonly assets: readonly ChainAsset[];
  /** By contract, lower-case hex. */
  readonly tokens: ReadonlyMap<string, ChainAsset>;
  readonly defaultConfirmations: number;
  readonly minConfirmations: number;
  readonly finalConfirmations: number;
  readonly match = tronMatchRules;
  readonly allocator: AddressAllocator | null = null;
  readonly #contracts: ReadonlyMap<string, string>;

  /** @throws InvalidAddress for the contract of a token */
  constructor(options: TronFactsOptions = {}) {
    const { chain = "tron", tokens = [], confirmations = DEFAULT_CONFIRMATIONS } = options;
    this.chain = chain;
    this.assets = [TRX, ...tokens.map(({ symbol, decimals }) => ({ symbol, decimals }))];
    this.tokens = new Map(tokens.map((token) => [contractOf(token), token]));
    this.#contracts = new Map(tokens.map(({ contract, symbol }) => [symbol, contract]));
    this.defaultConfirmations = confirmations;
    this.minConfirmations = confirmations;
    this.finalConfirmations = options.finalConfirmations ?? DEFAULT_FINAL_CONFIRMATIONS;
  }

  recipientOf(address: string): string {
    return hexOf(address);
  }

  canonicalAddress(address: string): string {
    return base58Of(hexOf(address));
  }

  paymentUri(request: PaymentUriRequest): string {
    return paymentUri(request, this.#contracts.get(request.asset) ?? null);
  }
}

/** @throws InvalidAddress naming the token */
function contractOf({ contract, symbol }: TronToken): string {
  try {
    return hexOf(contract);
  } catch (error) {
    if (!(error instanceof InvalidAddress)) throw error;
    throw new InvalidAddress(`${symbol} (${contract}): ${error.message}`);
  }
}
