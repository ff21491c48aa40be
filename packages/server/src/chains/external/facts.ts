/**
 * A chain that the merchant's own backend watches: transfers come by `POST /v1/observations`. Paybell knows nothing of
 * it but its assets; addresses are taken as they are.
 */
import { type ChainAsset, type ChainFacts, InvalidAddress } from "../watcher.ts";

/** Longest address that is taken, characters. */
const ADDRESS_LENGTH_MAX = 200;

export class ExternalFacts implements ChainFacts {
  readonly chain: string;
  readonly assets: readonly ChainAsset[];
  readonly defaultConfirmations: number;
  readonly finalConfirmations: number;
  readonly match = null;
  readonly allocator = null;

  constructor(
    chain: string,
    options: { assets: readonly ChainAsset[]; confirmations: number; finalConfirmations: number },
  ) {
    this.chain = chain;
    this.assets = options.assets;
    this.defaultConfirmations = options.confirmations;
    this.finalConfirmations = options.finalConfirmations;
  }

  recipientOf(address: string): string {
    if (!/^[\x21-\x7e]+$/.test(address) || address.length > ADDRESS_LENGTH_MAX) {
      throw new InvalidAddress(`an address has 1 to ${ADDRESS_LENGTH_MAX} printable characters and no spaces.`);
    }
    return address;
  }

  /** As it is: what its chain makes of capitals is not known here. */
  canonicalAddress(address: string): string {
    return this.recipientOf(address);
  }

  paymentUri(): null {
    return null;
  }
}
