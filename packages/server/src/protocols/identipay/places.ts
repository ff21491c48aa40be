/**
 * How many may follow at once, WebSocket and SSE together: so many per merchant and, in live mode, so many per
 * transaction and per client address, so that one buyer cannot take all places of a shop. Counted over all nodes.
 * Source: the document, "Connection Limits"; DESIGN.md, "Who may listen".
 */
import type { Limits } from "../../kit/limits.ts";
import { ALONE, type SharedCounts, type SharedLimit } from "../../kit/node-counts.ts";
import { addressGroup } from "../../transports/client-address.ts";

type PlaceLimit = Extract<SharedLimit, `identipayConnectionsPer${string}`>;

const REFUSALS: Readonly<Record<PlaceLimit, string>> = {
  identipayConnectionsPerMerchant: "Too many connections for this merchant",
  identipayConnectionsPerTransaction: "Too many connections for this transaction",
  identipayConnectionsPerAddress: "Too many connections from this address",
};

const NAMES = Object.keys(REFUSALS) as PlaceLimit[];

export interface PlacesOptions {
  limits: Limits;
  mode: "sandbox" | "live";
  /** What other nodes have; left out: there are none. */
  counts?: SharedCounts;
}

export class Places {
  readonly #limits: Limits;
  readonly #mode: "sandbox" | "live";
  readonly #counts: SharedCounts;
  /** No entry stays at zero: transactions come and go. */
  readonly #taken: Readonly<Record<PlaceLimit, Map<string, number>>> = {
    identipayConnectionsPerMerchant: new Map(),
    identipayConnectionsPerTransaction: new Map(),
    identipayConnectionsPerAddress: new Map(),
  };

  constructor({ limits, mode, counts = ALONE }: PlacesOptions) {
    this.#limits = limits;
    this.#mode = mode;
    this.#counts = counts;
    for (const name of NAMES) counts.count(name, () => this.#taken[name]);
  }

  /** Merchants, transactions and addresses that hold a place on this node now. */
  get size(): number {
    return NAMES.reduce((sum, name) => sum + this.#taken[name].size, 0);
  }

  /** For one connection. */
  open(): Place {
    return new Place((limit, key) => this.#take(limit, key), this.#mode === "live");
  }

  #take(limit: PlaceLimit, key: string): (() => void) | null {
    const taken = this.#taken[limit].get(key) ?? 0;
    if (taken + this.#counts.others(limit, key) >= this.#limits[limit]) return null;
    this.#taken[limit].set(key, taken + 1);
    return () => this.#giveBack(limit, key);
  }

  #giveBack(limit: PlaceLimit, key: string): void {
    const left = (this.#taken[limit].get(key) ?? 0) - 1;
    if (left > 0) this.#taken[limit].set(key, left);
    else this.#taken[limit].delete(key);
  }
}

/** What one connection holds. Its methods return why it is refused, or `null`. */
export class Place {
  readonly #take: (limit: PlaceLimit, key: string) => (() => void) | null;
  readonly #perClient: boolean;
  readonly #held: (() => void)[] = [];

  constructor(take: (limit: PlaceLimit, key: string) => (() => void) | null, perClient: boolean) {
    this.#take = take;
    this.#perClient = perClient;
  }

  forClient(transactionId: string, remoteAddress: string): string | null {
    if (!this.#perClient) return null;
    return (
      this.#hold("identipayConnectionsPerAddress", addressGroup(remoteAddress)) ??
      this.#hold("identipayConnectionsPerTransaction", transactionId)
    );
  }

  forMerchant(merchantId: string): string | null {
    return this.#hold("identipayConnectionsPerMerchant", merchantId);
  }

  /** Harmless if repeated. */
  release(): void {
    for (const giveBack of this.#held.splice(0)) giveBack();
  }

  #hold(limit: PlaceLimit, key: string): string | null {
    const giveBack = this.#take(limit, key);
    if (!giveBack) return REFUSALS[limit];
    this.#held.push(giveBack);
    return null;
  }
}
