/** The key that opened a stream is asked after again as long as the stream lasts: a revoked one must not read on. */
import type { Authenticator } from "../../http/authenticator.ts";

export interface KeyGuardOptions {
  authenticator: Pick<Authenticator, "callerOf">;
  /** Kept in memory only. */
  key: string;
  onRevoked: () => void;
  /** It could not be looked up. The stream goes on: what it sends comes from the same database. */
  onError: (error: unknown) => void;
}

export class KeyGuard {
  readonly #options: KeyGuardOptions;
  #asking = false;

  constructor(options: KeyGuardOptions) {
    this.#options = options;
  }

  /** To be called at each beat of the connection; the authenticator remembers good keys for two seconds, so this is
   * cheap. */
  beat(): void {
    if (this.#asking) return;
    this.#asking = true;
    this.#ask()
      .catch(this.#options.onError)
      .finally(() => {
        this.#asking = false;
      });
  }

  async #ask(): Promise<void> {
    const { authenticator, key, onRevoked } = this.#options;
    if ((await authenticator.callerOf(key)) === null) onRevoked();
  }
}
