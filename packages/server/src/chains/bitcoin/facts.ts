/** What the rest of the server has to know of Bitcoin. */
import type { AddressAllocator, ChainAsset, ChainFacts } from "../watcher.ts";
import { bip21, canonicalAddress, recipientOf } from "./address.ts";
import { BITCOIN_NETWORKS, type BitcoinNetwork, type BitcoinNetworkName } from "./network.ts";
import { keyIdentity, receiveAddress } from "./xpub.ts";

export interface BitcoinFactsOptions {
  /** The name in the API and the config; default `bitcoin`. */
  chain?: string;
  network: BitcoinNetworkName;
  /** Confirmations for `paid`; default 2. */
  confirmations?: number;
  /** Confirmations for `final`; default 6. */
  finalConfirmations?: number;
}

export const BTC: ChainAsset = { symbol: "BTC", decimals: 8 };

export class BitcoinFacts implements ChainFacts {
  readonly chain: string;
  readonly network: BitcoinNetwork;
  readonly assets: readonly ChainAsset[] = [BTC];
  readonly defaultConfirmations: number;
  readonly finalConfirmations: number;
  readonly allocator: AddressAllocator;
  readonly match = null;

  constructor(options: BitcoinFactsOptions) {
    const network = BITCOIN_NETWORKS[options.network];
    this.chain = options.chain ?? "bitcoin";
    this.network = network;
    this.defaultConfirmations = options.confirmations ?? 2;
    this.finalConfirmations = options.finalConfirmations ?? 6;
    this.allocator = {
      needsXpub: true,
      derive: (xpub, index) => receiveAddress(network, xpub ?? "", index),
      identity: (xpub) => keyIdentity(network, xpub),
    };
  }

  recipientOf(address: string): string {
    return recipientOf(this.network, address);
  }

  canonicalAddress(address: string): string {
    return canonicalAddress(this.network, address);
  }

  paymentUri(request: { address: string; asset: string; decimals: number; amountAtomic: bigint | null }): string {
    return bip21(request);
  }
}
