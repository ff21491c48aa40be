/** Which endpoint has been well for how long, so that nobody goes back and forth between two. */
import type { Clock } from "../../kit/clock.ts";
import type { Endpoint } from "./endpoint.ts";

export interface SteadinessOptions {
  clock: Clock;
  /** So long it has to be well before it is returned to; twice as long each time it is left again. */
  returnAfterMs: number;
}

interface Standing {
  wellSinceMs: number | null;
  /** How often it was left of late. */
  departures: number;
  leftAtMs: number;
}

/** After so many times the usual pause without being left, an endpoint begins anew. */
const FORGIVEN_AFTER = 60;
const MOST_DOUBLINGS = 5;

export class Steadiness {
  readonly #options: SteadinessOptions;
  readonly #standings = new Map<Endpoint, Standing>();

  constructor(options: SteadinessOptions) {
    this.#options = options;
  }

  /** It answered, and is up to date. */
  well(endpoint: Endpoint): void {
    this.#of(endpoint).wellSinceMs ??= this.#options.clock.nowMs();
  }

  unwell(endpoint: Endpoint): void {
    this.#of(endpoint).wellSinceMs = null;
  }

  /** It does not answer any more, another one does. */
  left(endpoint: Endpoint): void {
    const standing = this.#of(endpoint);
    const nowMs = this.#options.clock.nowMs();
    const forgiven = nowMs - standing.leftAtMs > this.#options.returnAfterMs * FORGIVEN_AFTER;
    standing.departures = forgiven ? 1 : standing.departures + 1;
    standing.leftAtMs = nowMs;
    standing.wellSinceMs = null;
  }

  /** Has it been well for long enough to be preferred again? */
  mayReturn(endpoint: Endpoint): boolean {
    const { wellSinceMs, departures } = this.#of(endpoint);
    if (wellSinceMs === null) return false;
    const doublings = Math.min(MOST_DOUBLINGS, Math.max(0, departures - 1));
    return this.#options.clock.nowMs() - wellSinceMs >= this.#options.returnAfterMs * 2 ** doublings;
  }

  /** May it take the place of one that is behind? At once, unless it was left itself more than once. */
  mayTakeOver(endpoint: Endpoint): boolean {
    return this.#of(endpoint).departures < 2 || this.mayReturn(endpoint);
  }

  #of(endpoint: Endpoint): Standing {
    let standing = this.#standings.get(endpoint);
    if (!standing) {
      standing = { wellSinceMs: null, departures: 0, leftAtMs: Number.NEGATIVE_INFINITY };
      this.#standings.set(endpoint, standing);
    }
    return standing;
  }
}
