/**
 * Match keys for which payments were stored, until what the chain already has for each was looked at. One that cannot be
 * looked at keeps nothing else waiting: the others are asked for, and it is again, later and at last no more.
 */
import { performance } from "node:perf_hooks";
import { messageOf } from "../../kit/errors.ts";
import { matchIn } from "../match.ts";
import type { WatcherLogger } from "../watcher.ts";
import { BlockGone, BlocksMissing, EndpointFailure, NodeProblem } from "./block-source.ts";

export interface WantedKeysOptions {
  chain: string;
  logger: WatcherLogger;
  /** Pause before a key is looked at again, milliseconds; twice as long each time. */
  againAfterMs?: number;
}

interface Wanted {
  /** In a row. */
  failures: number;
  /** How often the node knew nothing of it. */
  vain: number;
  notBefore: number;
}

const AGAIN_AFTER_MS = 1_000;
/** No pause is so many times as long as the first. */
const MOST_PAUSES = 60;
/** With the pauses about four minutes. */
const MAX_FAILURES = 10;
/** With the pauses half a minute: so far may nodes behind one address be apart. */
const MAX_VAIN = 6;

export class WantedKeys {
  readonly #options: WantedKeysOptions;
  readonly #keys = new Map<string, Wanted>();

  constructor(options: WantedKeysOptions) {
    this.#options = options;
  }

  /** Also one that was looked at in vain: it is looked at now. */
  add(matchKey: string): void {
    this.#keys.set(matchKey, { failures: 0, vain: 0, notBefore: 0 });
  }

  /**
   * Those whose turn it is. What fails is not thrown: whether the node answers at all, the next question shows.
   * @param lookFor returns false where the node knows nothing of it
   * @returns false while there is one that could not be looked at
   */
  async lookAt(lookFor: (matchKey: string) => Promise<boolean>): Promise<boolean> {
    const now = performance.now();
    for (const [matchKey, wanted] of [...this.#keys]) {
      if (wanted.notBefore > now) continue;
      try {
        const isKnown = await lookFor(matchKey).catch(unlessForgotten);
        const vain = wanted.vain + 1;
        this.#again(matchKey, wanted, isKnown || vain >= MAX_VAIN ? null : { times: vain, vain, failures: 0 });
      } catch (error) {
        if (!isNodes(error)) throw error;
        this.#failed(matchKey, wanted, error);
        // If it is the node's, the others would fail as well.
        if (!(error instanceof BlockGone)) break;
      }
    }
    return ![...this.#keys.values()].some(({ failures }) => failures > 0);
  }

  #failed(matchKey: string, wanted: Wanted, error: Error): void {
    const failures = wanted.failures + 1;
    if (failures < MAX_FAILURES) {
      this.#again(matchKey, wanted, { times: failures, vain: wanted.vain, failures });
      return;
    }
    this.#again(matchKey, wanted, null);
    const { chain, logger } = this.#options;
    const { txId } = matchIn(matchKey);
    logger.warn({ chain, txId, reason: messageOf(error) }, "a transaction that a payment names cannot be looked up");
  }

  /** @param next `null`: it need not be asked for any more */
  #again(matchKey: string, wanted: Wanted, next: (Omit<Wanted, "notBefore"> & { times: number }) | null): void {
    // Meanwhile it may have been added anew.
    if (this.#keys.get(matchKey) !== wanted) return;
    this.#keys.delete(matchKey);
    if (next === null) return;
    const { times, vain, failures } = next;
    const pauseMs = Math.min(MOST_PAUSES, 2 ** (times - 1)) * (this.#options.againAfterMs ?? AGAIN_AFTER_MS);
    // Behind those that were not asked for yet.
    this.#keys.set(matchKey, { failures, vain, notBefore: performance.now() + pauseMs });
  }
}

/** Whoever pays may name any transaction there ever was. One that nodes have forgotten nobody has sent just now: no payment
 * of others has to wait for it. */
function unlessForgotten(error: unknown): false {
  if (error instanceof BlocksMissing) return false;
  throw error;
}

/** Of the node or the chain; anything else ends the watcher's turn. */
function isNodes(error: unknown): error is Error {
  return error instanceof EndpointFailure || error instanceof NodeProblem || error instanceof BlockGone;
}
