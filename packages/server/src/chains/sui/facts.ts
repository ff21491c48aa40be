/** What the rest of the server has to know of Sui. */
import type { MatchKind } from "@paybell/protocol";
import { InvalidMatch, type MatchRules } from "../match.ts";
import type { ChainAsset, ChainFacts } from "../watcher.ts";
import { InvalidAddress } from "../watcher.ts";
import { canonicalAddress, canonicalDigest } from "./address.ts";
import { CoinRegistry, type SuiCoin } from "./coins.ts";
import { canonicalIntentHash } from "./intent-hash.ts";

export interface SuiFactsOptions {
  /** The name in the API and the config; default `sui`. */
  chain?: string;
  /** Beside SUI. */
  coins?: readonly SuiCoin[];
  /** Checkpoints for `paid`; default 1: a certified checkpoint is final. */
  confirmations?: number;
  /** Checkpoints for `final`; default 1. */
  finalConfirmations?: number;
}

export class SuiFacts implements ChainFacts {
  readonly chain: string;
  readonly coins: CoinRegistry;
  readonly defaultConfirmations: number;
  readonly finalConfirmations: number;
  readonly match = SUI_MATCH;
  readonly allocator = null;

  constructor(options: SuiFactsOptions = {}) {
    this.chain = options.chain ?? "sui";
    this.coins = new CoinRegistry(options.coins ?? []);
    this.defaultConfirmations = options.confirmations ?? 1;
    this.finalConfirmations = options.finalConfirmations ?? 1;
  }

  get assets(): readonly ChainAsset[] {
    return this.coins.assets;
  }

  recipientOf(address: string): string {
    return canonicalAddress(address);
  }

  canonicalAddress(address: string): string {
    return canonicalAddress(address);
  }

  /** None that wallets have in common: docs/chains/sui.md. */
  paymentUri(): null {
    return null;
  }
}

const SUI_MATCH: MatchRules = {
  kinds: ["txId", "intentHash", "payer"],
  canonical(kind: MatchKind, value: string): string {
    switch (kind) {
      case "txId":
        return canonicalDigest(value);
      case "intentHash":
        return canonicalIntentHash(value);
      case "payer":
        return payerOf(value);
      default:
        throw new InvalidMatch(`Payments on Sui cannot be told apart by ${kind}.`);
    }
  },
};

function payerOf(value: string): string {
  try {
    return canonicalAddress(value);
  } catch (error) {
    if (!(error instanceof InvalidAddress)) throw error;
    throw new InvalidMatch(error.message);
  }
}
