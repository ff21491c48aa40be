/** Waiting and trying again: exponential back-off with jitter, ended by an AbortSignal. */

export interface BackoffOptions {
  /** The first pause, milliseconds. */
  initialMs: number;
  /** No pause is longer than this, milliseconds. */
  maxMs: number;
  /** Share of each pause that is left to chance, 0 to 1 (default 0.5), so that many who failed together do not come
   * back together. */
  jitter?: number;
  /** A number from 0 to below 1; injected by tests. */
  random?: () => number;
}

/** Doubles the pause with every failure, from `initialMs` to `maxMs`. */
export class Backoff {
  readonly #options: Required<BackoffOptions>;
  #failures = 0;

  constructor(options: BackoffOptions) {
    this.#options = { jitter: 0.5, random: Math.random, ...options };
  }

  /** How long to wait after this failure, milliseconds. */
  nextDelayMs(): number {
    const { initialMs, maxMs, jitter, random } = this.#options;
    const fullMs = Math.min(maxMs, initialMs * 2 ** this.#failures);
    // Beyond 30 doublings nothing changes any more, and 2 ** n would overflow.
    this.#failures = Math.min(this.#failures + 1, 30);
    return fullMs * (1 - jitter + jitter * random());
  }

  /** After a success. */
  reset(): void {
    this.#failures = 0;
  }
}

/** Resolves after `ms`, or at once when the signal is aborted: the caller looks at `signal.aborted` itself. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
  });
}

/**
 * Calls until it succeeds. `onFailure` hears every error: nothing is swallowed.
 * @throws the signal's reason when it is aborted; never the operation's own error.
 */
export async function retryUntilDone<T>(
  operation: () => Promise<T>,
  options: BackoffOptions & { signal: AbortSignal; onFailure: (error: unknown) => void },
): Promise<T> {
  const { signal, onFailure } = options;
  const backoff = new Backoff(options);
  for (;;) {
    signal.throwIfAborted();
    try {
      return await operation();
    } catch (error) {
      onFailure(error);
    }
    await pause(backoff.nextDelayMs(), signal);
  }
}
