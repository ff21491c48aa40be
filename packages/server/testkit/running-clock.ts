/** A clock that runs and can be moved forward: for what waits between two attempts. */
import type { Clock } from "../src/kit/clock.ts";

export class RunningClock implements Clock {
  readonly #startMs: number;
  readonly #startedAt = performance.now();
  #advancedMs = 0;

  constructor(startMs: number) {
    this.#startMs = startMs;
  }

  nowMs(): number {
    return Math.floor(this.#startMs + this.#advancedMs + performance.now() - this.#startedAt);
  }

  advance(ms: number): void {
    this.#advancedMs += ms;
  }
}
