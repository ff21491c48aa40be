/**
 * Which coins count. A coin is known by its type alone (`package::module::NAME`), never by the symbol that it gives
 * itself: anybody can publish a coin called USDC. Source: Sui documentation, "Coin".
 */
import { normalizeStructTag } from "@mysten/sui/utils";
import type { ChainAsset } from "../watcher.ts";

export interface SuiCoin extends ChainAsset {
  /** `0x…::module::NAME`, in any of the ways of writing it. */
  coinType: string;
}

/** Sui's own, which needs no registration. */
export const SUI: SuiCoin = { coinType: "0x2::sui::SUI", symbol: "SUI", decimals: 9 };

/** The address is padded to 64 digits, type parameters too: `0x2::sui::SUI` and `0x0…02::sui::SUI` are one type.
 * @throws Error where it is no type */
export function canonicalCoinType(coinType: string): string {
  return normalizeStructTag(coinType);
}

/** How many ways of writing a type are remembered: a node uses one for each coin. */
const REMEMBERED = 10_000;

export class CoinRegistry {
  readonly assets: readonly ChainAsset[];
  /** By canonical type. */
  readonly #symbols: ReadonlyMap<string, string>;
  /** What a node wrote → its canonical type where it is registered: reading a type takes longer than all the rest. */
  readonly #read = new Map<string, string | null>();

  /** Without SUI, which is always there. */
  constructor(coins: readonly SuiCoin[]) {
    const all = [SUI, ...coins];
    this.assets = all.map(({ symbol, decimals }) => ({ symbol, decimals }));
    this.#symbols = new Map(all.map(({ coinType, symbol }) => [canonicalCoinType(coinType), symbol]));
  }

  /** `null`: not registered, or no type at all. */
  find(coinType: string): { coinType: string; symbol: string } | null {
    const canonical = this.#canonical(coinType);
    const symbol = canonical === null ? undefined : this.#symbols.get(canonical);
    return canonical === null || symbol === undefined ? null : { coinType: canonical, symbol };
  }

  #canonical(coinType: string): string | null {
    const known = this.#read.get(coinType);
    if (known !== undefined) return known;
    const canonical = this.#registered(coinType);
    if (this.#read.size >= REMEMBERED) this.#read.clear();
    this.#read.set(coinType, canonical);
    return canonical;
  }

  #registered(coinType: string): string | null {
    try {
      const canonical = canonicalCoinType(coinType);
      return this.#symbols.has(canonical) ? canonical : null;
    } catch {
      // Whatever it is, it is not in the registry.
      return null;
    }
  }
}
