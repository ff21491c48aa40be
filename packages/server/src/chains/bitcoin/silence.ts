/**
 * A node that answers but brings nothing new: cut off from the network, or stuck. Each answer by itself looks healthy;
 * only time tells.
 */
import type { SilenceLimits } from "./network.ts";

export class Silence {
  readonly #limits: SilenceLimits | null;
  #lastNewsAtMs: number;
  #hearsTransactions = false;

  constructor(limits: SilenceLimits | null, nowMs: number) {
    this.#limits = limits;
    this.#lastNewsAtMs = nowMs;
  }

  heardBlock(nowMs: number): void {
    this.#lastNewsAtMs = nowMs;
  }

  heardTransaction(nowMs: number): void {
    this.#lastNewsAtMs = nowMs;
    this.#hearsTransactions = true;
  }

  /** What is wrong, or `null`. */
  problem(nowMs: number): string | null {
    if (!this.#limits) return null;
    const limitMs = this.#hearsTransactions ? this.#limits.anythingMs : this.#limits.blockMs;
    const silentMs = nowMs - this.#lastNewsAtMs;
    if (silentMs <= limitMs) return null;
    return `The node answers, but for ${Math.floor(silentMs / 60_000)} minutes it has had ${this.#hearsTransactions ? "neither a new block nor a new transaction" : "no new block"}: is it cut off from the network, or stuck?`;
  }
}
