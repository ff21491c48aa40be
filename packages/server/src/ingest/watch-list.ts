/** The chains that this process watches at the moment, each with the keys that are waited for on it. Of others nothing is
 * kept. */
import { WatchedKeys, type WatchedKeysOptions } from "./watched-keys.ts";

export type WatchListOptions = Pick<WatchedKeysOptions, "store" | "keyLog" | "onError">;

export class WatchList {
  readonly #options: WatchListOptions;
  readonly #byChain = new Map<string, WatchedKeys>();

  constructor(options: WatchListOptions) {
    this.#options = options;
  }

  /** The chain is watched from now on, until `end`: everything that is to be watched is in the list when this resolves. */
  async begin(chain: string, onAnnounced: (matchKey: string) => void): Promise<WatchedKeys> {
    const keys = new WatchedKeys({ ...this.#options, chain, onAnnounced });
    // Before it is loaded: what this process adds meanwhile may not be stored yet when the keys are read.
    this.#byChain.set(chain, keys);
    try {
      await keys.load();
      return keys;
    } catch (error) {
      this.end(chain, keys);
      throw error;
    }
  }

  /** Not watched any more, unless it has begun anew since. */
  end(chain: string, keys: WatchedKeys): void {
    keys.end();
    if (this.#byChain.get(chain) === keys) this.#byChain.delete(chain);
  }

  /** See `WatchedKeys.add`. */
  add(chain: string, matchKey: string): void {
    this.#byChain.get(chain)?.add(matchKey);
  }

  /** See `WatchedKeys.announce`. */
  announce(chain: string, matchKey: string): void {
    this.#byChain.get(chain)?.announce(matchKey);
  }

  /** See `WatchedKeys.lookUp`. */
  lookUp(chain: string, matchKey: string): void {
    this.#byChain.get(chain)?.lookUp(matchKey);
  }

  /** See `WatchedKeys.look`. */
  look(): void {
    for (const keys of this.#byChain.values()) keys.look();
  }
}
