/**
 * The match keys that payments wait for, per chain, in memory: asked once per output of every block, so O(1).
 * A key stays for ever: money that comes to an old address must still be noticed.
 */
import { recipientIn } from "../chains/match.ts";
import type { PaymentStore } from "../log/store.ts";

/** Keys read at once at the start. */
const LOAD_PAGE = 10_000;

export class WatchList {
  readonly #byChain = new Map<string, Set<string>>();
  readonly #listeners = new Map<string, (matchKey: string) => void>();

  has(chain: string, matchKey: string): boolean {
    return this.#byChain.get(chain)?.has(matchKey) ?? false;
  }

  /** Number of keys on this chain. */
  size(chain: string): number {
    return this.#byChain.get(chain)?.size ?? 0;
  }

  /** From now on it is looked for, and with it the address that it is about. */
  add(chain: string, matchKey: string): void {
    this.#keysOf(chain).add(matchKey).add(recipientIn(matchKey));
  }

  /** A payment for it is stored: what the watcher saw of it before can be credited now. */
  announce(chain: string, matchKey: string): void {
    this.#listeners.get(chain)?.(matchKey);
  }

  /** The chain's watcher is told of every key for which a payment was stored. */
  onAnnounced(chain: string, listener: (matchKey: string) => void): void {
    this.#listeners.set(chain, listener);
  }

  /** Reads the keys of all payments on this chain; tells nobody. */
  async load(chain: string, store: Pick<PaymentStore, "watchedRecipients">): Promise<void> {
    const keys = this.#keysOf(chain);
    let after: string | null = null;
    for (;;) {
      const page = await store.watchedRecipients(chain, after, LOAD_PAGE);
      for (const key of page) keys.add(key);
      if (page.length < LOAD_PAGE) return;
      after = page[page.length - 1] as string;
    }
  }

  #keysOf(chain: string): Set<string> {
    let keys = this.#byChain.get(chain);
    if (!keys) {
      keys = new Set();
      this.#byChain.set(chain, keys);
    }
    return keys;
  }
}
