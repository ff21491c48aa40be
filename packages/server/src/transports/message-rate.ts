/** Of a full bucket, so much must be left of who is called quiet. */
const QUIET_SHARE = 0.9;

/** A token bucket: so many messages a second on average, twice that in a burst. */
export class MessageRate {
  readonly #perSecond: number;
  #tokens: number;
  #filledAtMs: number;

  constructor(perSecond: number, nowMs: number) {
    this.#perSecond = perSecond;
    this.#tokens = perSecond * 2;
    this.#filledAtMs = nowMs;
  }

  /** Counts one message; `false` when it is one too many. */
  take(nowMs: number): boolean {
    this.#fill(nowMs);
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  /** Has it sent hardly anything of late? */
  isQuiet(nowMs: number): boolean {
    this.#fill(nowMs);
    return this.#tokens >= this.#perSecond * 2 * QUIET_SHARE;
  }

  #fill(nowMs: number): void {
    const passedSeconds = Math.max(0, nowMs - this.#filledAtMs) / 1_000;
    this.#tokens = Math.min(this.#perSecond * 2, this.#tokens + passedSeconds * this.#perSecond);
    this.#filledAtMs = nowMs;
  }
}
