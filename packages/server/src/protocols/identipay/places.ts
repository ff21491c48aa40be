/**
 * How many may follow at once, WebSocket and SSE together: so many per merchant and, in live mode, so many per
 * transaction and per client address, so that one buyer cannot take all places of a shop.
 * Source: the document, "Connection Limits"; DESIGN.md, "Who may listen".
 */
import type { LimitName, Limits } from "../../kit/limits.ts";
import { addressGroup } from "../../transports/client-address.ts";

type PlaceLimit = Extract<LimitName, `identipayConnectionsPer${string}`>;

const REFUSALS: Readonly<Record<PlaceLimit, string>> = {
  identipayConnectionsPerMerchant: "Too many connections for this merchant",
  identipayConnectionsPerTransaction: "Too many connections for this transaction",
  identipayConnectionsPerAddress: "Too many connections from this address",
};

export class Places {
  readonly #limits: Limits;
  readonly #mode: "sandbox" | "live";
  /** No entry stays at zero: transactions come and go. */
  readonly #taken = new Map<string, number>();

  constructor(options: { limits: Limits; mode: "sandbox" | "live" }) {
    this.#limits = options.limits;
    this.#mode = options.mode;
  }

  /** Merchants, transactions and addresses that hold a place now. */
  get size(): number {
    return this.#taken.size;
  }

  /** For one connection. */
  open(): Place {
    return new Place((limit, key) => this.#take(limit, key), this.#mode === "live");
  }

  #take(limit: PlaceLimit, key: string): (() => void) | null {
    const name = `${limit}/${key}`;
    const taken = this.#taken.get(name) ?? 0;
    if (taken >= this.#limits[limit]) return null;
    this.#taken.set(name, taken + 1);
    return () => this.#giveBack(name);
  }

  #giveBack(name: string): void {
    const left = (this.#taken.get(name) ?? 0) - 1;
    if (left > 0) this.#taken.set(name, left);
    else this.#taken.delete(name);
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
