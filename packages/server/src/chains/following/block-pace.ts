/**
 * How many blocks one question is for. A provider may not manage as many at once as are wanted, for want of time or because
 * of a limit on the size of an answer: then fewer, and slowly more again, so that catching up never stands still.
 */
import { EndpointFailure } from "./block-source.ts";

export class BlockPace {
  #most = Number.POSITIVE_INFINITY;

  /** @param ask with at most so many; calls `onAttempt` whenever somebody is really asked */
  async within<T>(limit: number, ask: (most: number, onAttempt: () => void) => Promise<T>): Promise<T> {
    const most = Math.min(limit, this.#most);
    let attempts = 0;
    try {
      const answer = await ask(most, () => {
        attempts += 1;
      });
      if (attempts > 1) this.#most = fewer(most);
      else if (most === this.#most) this.#most += 1;
      return answer;
    } catch (error) {
      // Whatever else is thrown is an answer, or nobody was asked.
      if (error instanceof EndpointFailure && attempts > 0) this.#most = fewer(most);
      throw error;
    }
  }
}

const fewer = (most: number): number => Math.max(1, Math.floor(most / 2));
