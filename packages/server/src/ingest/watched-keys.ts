/**
 * The match keys that payments on one chain wait for, in memory: asked once per output of every block, so O(1). A key stays
 * for ever: money that comes to an old address must still be noticed.
 *
 * Where other processes create payments too, the log tells of their keys: the list begins with what is stored, and from an
 * offset before that on it follows the records that name keys. Only whoever watches the chain has such a list.
 */
import { recipientIn } from "../chains/match.ts";
import { SharedRun } from "../kit/shared-run.ts";
import type { KeyLog, NamedKey, PaymentStore } from "../log/store.ts";
import { claimedKey } from "./claim.ts";

export interface WatchedKeysOptions {
  chain: string;
  store: Pick<PaymentStore, "watchedRecipients" | "progress">;
  /** `null`: this process alone creates payments, and adds their keys before it stores them. */
  keyLog: KeyLog | null;
  /** The chain's watcher hears of every key for which a payment was stored. */
  onAnnounced: (matchKey: string) => void;
  /** Following the log failed when nobody had asked for it; the next who asks tries again. */
  onError: (error: unknown) => void;
}

/** Keys read at once at the start. */
const LOAD_PAGE = 10_000;
/** Records with keys that are read at once while following. */
const FOLLOW_PAGE = 1_000;
/** While the log grows it is looked at so often, milliseconds. Blocks do not wait for it, see `refresh`. */
const GATHER_MS = 100;
/** What was named so long before the chain was last known to be watched may not have been looked up, milliseconds. */
const UNSURE_MS = 60_000;
/** Of those at most so many, the newest. */
const UNSURE_KEYS = 10_000;

export class WatchedKeys {
  readonly #options: WatchedKeysOptions;
  readonly #keys = new Set<string>();
  readonly #following = new SharedRun(() => this.#follow());
  /** What was named up to here is known and announced. */
  #offset = 0;
  #gathering: NodeJS.Timeout | null = null;
  #isLoaded = false;
  #hasEnded = false;

  constructor(options: WatchedKeysOptions) {
    this.#options = options;
  }

  /** Everything that is stored now, and, of other processes, what will be.
   *
   * What was named shortly before the chain was last known to be watched is announced with the first `refresh`: whoever
   * watched it then may have ended before he looked it up. */
  async load(): Promise<void> {
    const { chain, store, keyLog } = this.#options;
    // The offset first: what is named while the keys are read comes twice, and nothing never.
    if (keyLog) {
      const progress = await store.progress(chain);
      const sinceMs = progress ? progress.watchedUntilMs - UNSURE_MS : Number.MAX_SAFE_INTEGER;
      this.#offset = await keyLog.keysSince(sinceMs, UNSURE_KEYS);
    }
    let after: string | null = null;
    for (;;) {
      const page = await store.watchedRecipients(chain, after, LOAD_PAGE);
      for (const key of page) this.#keys.add(key);
      if (page.length < LOAD_PAGE) break;
      after = page[page.length - 1] as string;
    }
    this.#isLoaded = true;
  }

  has(matchKey: string): boolean {
    return this.#keys.has(matchKey);
  }

  /** Number of keys. */
  get size(): number {
    return this.#keys.size;
  }

  /** From now on it is looked for, and with it the address that it is about. */
  add(matchKey: string): void {
    this.#keys.add(matchKey).add(recipientIn(matchKey));
  }

  /** This process has stored a payment for it: what the watcher saw of it before can be credited now. Where a log tells of
   * keys, it tells of this one too. */
  announce(matchKey: string): void {
    if (!this.#options.keyLog) this.lookUp(matchKey);
  }

  /** The watcher is to look it up now, whatever it was told before. */
  lookUp(matchKey: string): void {
    if (!this.#hasEnded) this.#options.onAnnounced(matchKey);
  }

  /** See `WatchSink.refresh`. */
  refresh(): Promise<void> {
    return this.#options.keyLog ? this.#following.run() : Promise.resolve();
  }

  /** The log has grown. A hint: one that is lost costs time until the next `refresh`. While the keys are loaded it is not
   * known yet from where on the log is to be followed. */
  look(): void {
    if (!this.#options.keyLog || !this.#isLoaded || this.#hasEnded) return;
    this.#gathering ??= setTimeout(() => {
      this.#gathering = null;
      this.#following.run().catch(this.#options.onError);
    }, GATHER_MS);
  }

  /** Announces nothing from now on, and knows no keys: nobody asks any more, and they may be many. */
  end(): void {
    this.#hasEnded = true;
    this.#keys.clear();
    if (this.#gathering) clearTimeout(this.#gathering);
  }

  async #follow(): Promise<void> {
    const { chain, keyLog } = this.#options;
    while (keyLog && !this.#hasEnded) {
      const { keys, next, head } = await keyLog.keysAfter(chain, this.#offset, FOLLOW_PAGE);
      for (const named of keys) this.#hearOf(named);
      this.#offset = next;
      if (next >= head) return;
    }
  }

  #hearOf(named: NamedKey): void {
    const claimed = named.type === "payment.claimed" ? claimedKey(named) : null;
    if (named.type === "payment.created") this.add(named.recipient);
    const key = named.type === "payment.created" ? named.recipient : claimed;
    if (key !== null) this.lookUp(key);
  }
}
