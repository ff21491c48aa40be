/**
 * Which endpoint should answer, judged by how far their chains go. From time to time all are asked for their heads, beside
 * the work, so that a slow one holds nobody up; what comes of it is advice, taken up before the next head.
 */
import type { Clock } from "../../kit/clock.ts";
import type { WatcherLogger } from "../watcher.ts";
import { BlockGone, BlocksMissing, EndpointFailure, type FollowedHead, NodeProblem } from "./block-source.ts";
import type { Endpoint } from "./endpoint.ts";
import { Steadiness } from "./steadiness.ts";

export interface HeadComparisonOptions {
  endpoints: readonly Endpoint[];
  chain: string;
  clock: Clock;
  logger: WatcherLogger;
  compareMs: number;
  maxLagBlocks: number;
  returnAfterMs: number;
}

export interface Advice {
  to: Endpoint;
  why: string;
  /** The one that answers now is behind. */
  stale: boolean;
}

interface Reading {
  endpoint: Endpoint;
  head: FollowedHead;
}

/** Comparisons in a row: between two questions the chain goes on, and one answer may come from a cache. */
const COMPARISONS_UNTIL_STALE = 2;
/** How far below a head two endpoints must agree on a block to be on one chain; heights may have holes. */
const SHARED_DEPTHS = [0, 1, 8, 64] as const;

export class HeadComparison {
  readonly #options: HeadComparisonOptions;
  readonly #steadiness: Steadiness;
  #comparedAtMs = Number.NEGATIVE_INFINITY;
  #underWay = false;
  #closed = false;
  #behind = 0;
  #advice: (Advice & { from: Endpoint }) | null = null;

  constructor(options: HeadComparisonOptions) {
    this.#options = options;
    this.#steadiness = new Steadiness(options);
  }

  /** The endpoint that answers has just said that this is its head. Compares when it is time to. */
  begin(current: Endpoint, head: FollowedHead): void {
    const { endpoints, clock, compareMs, chain, logger } = this.#options;
    const sinceMs = clock.nowMs() - this.#comparedAtMs;
    if (endpoints.length < 2 || this.#underWay || this.#closed || (sinceMs >= 0 && sinceMs < compareMs)) return;
    this.#comparedAtMs = clock.nowMs();
    this.#underWay = true;
    this.#compare({ endpoint: current, head })
      .catch((error: unknown) => logger.warn({ chain, err: error }, "the endpoints could not be compared"))
      .finally(() => {
        this.#underWay = false;
      });
  }

  /** Once; `null`: stay. */
  takeAdvice(current: Endpoint): Advice | null {
    const advice = this.#advice;
    this.#advice = null;
    return advice && advice.from === current && advice.to.waitMs() === 0 ? advice : null;
  }

  /** Another endpoint answers than this one. */
  switched(left: Endpoint): void {
    this.#behind = 0;
    this.#advice = null;
    this.#steadiness.left(left);
  }

  close(): void {
    this.#closed = true;
  }

  async #compare(current: Reading): Promise<void> {
    const { endpoints } = this.#options;
    const others = endpoints.filter((endpoint) => endpoint !== current.endpoint);
    const readings = await Promise.all(others.map((endpoint) => this.#read(endpoint)));
    const answered = readings.filter((reading) => reading !== null);
    for (const endpoint of others) {
      if (!answered.some((reading) => reading.endpoint === endpoint)) this.#steadiness.unwell(endpoint);
    }
    if (!this.#closed) await this.#judge(await this.#asOfNow(current, answered), answered);
  }

  /** The others were asked later: on a chain with many blocks a second that alone puts them ahead. */
  async #asOfNow(current: Reading, others: readonly Reading[]): Promise<Reading> {
    const best = Math.max(...others.map(({ head }) => head.height));
    if (best - current.head.height <= this.#options.maxLagBlocks) return current;
    return (await this.#read(current.endpoint)) ?? current;
  }

  /** `null`: it cannot be asked now; the endpoint itself has noted why. */
  async #read(endpoint: Endpoint): Promise<Reading | null> {
    if (endpoint.waitMs() > 0) return null;
    try {
      await endpoint.check();
      const head = await endpoint.ask((source) => source.head());
      endpoint.headHeight = head.height;
      return { endpoint, head };
    } catch (error) {
      if (isKnown(error)) return null;
      throw error;
    }
  }

  async #judge(current: Reading, others: readonly Reading[]): Promise<void> {
    const { maxLagBlocks, endpoints } = this.#options;
    const best = Math.max(current.head.height, ...others.map(({ head }) => head.height));
    const isUpToDate = ({ head }: Reading) => best - head.height <= maxLagBlocks;
    this.#behind = isUpToDate(current) ? 0 : this.#behind + 1;
    const upToDate = others.filter(isUpToDate);
    for (const { endpoint } of others.filter((reading) => !isUpToDate(reading))) this.#steadiness.unwell(endpoint);
    for (const { endpoint } of upToDate) this.#steadiness.well(endpoint);
    const place = endpoints.indexOf(current.endpoint);
    const stale = this.#behind >= COMPARISONS_UNTIL_STALE;
    for (const reading of inOrder(upToDate, endpoints)) {
      const isPreferred = endpoints.indexOf(reading.endpoint) < place;
      const ready = stale
        ? this.#steadiness.mayTakeOver(reading.endpoint)
        : this.#steadiness.mayReturn(reading.endpoint);
      if (!ready || !(stale || isPreferred) || !(await this.#isSameChain(current, reading))) continue;
      const why = stale
        ? `${current.endpoint.name} ends at block ${current.head.height}, ${reading.endpoint.name} at ${reading.head.height}: it is behind.`
        : `${reading.endpoint.name} is preferred, and well again.`;
      this.#advice = { from: current.endpoint, to: reading.endpoint, why, stale };
      return;
    }
  }

  /** One that claims a longer chain without having ours below it lies, or is on a fork: which of the two is right nobody
   * can tell from here, so nothing changes, and the operator hears of it. */
  async #isSameChain(current: Reading, other: Reading): Promise<boolean> {
    const { chain, logger } = this.#options;
    const top = Math.min(current.head.height, other.head.height);
    const heights = SHARED_DEPTHS.map((depth) => top - depth).filter((height) => height >= 0);
    try {
      const [ours, theirs] = await Promise.all(
        [current, other].map(({ endpoint }) => endpoint.ask((source) => source.hashesAt(heights))),
      );
      if (heights.some((_, place) => ours?.[place] != null && ours[place] === theirs?.[place])) return true;
    } catch (error) {
      if (isKnown(error)) return false;
      throw error;
    }
    this.#steadiness.unwell(other.endpoint);
    logger.warn(
      { chain, endpoint: other.endpoint.name, other: current.endpoint.name, heights },
      "two endpoints of the chain agree on no block near their heads: one of them is on a fork or wrong",
    );
    return false;
  }
}

function inOrder(readings: readonly Reading[], endpoints: readonly Endpoint[]): Reading[] {
  const placeOf = ({ endpoint }: Reading) => endpoints.indexOf(endpoint);
  return [...readings].sort((one, other) => placeOf(one) - placeOf(other));
}

function isKnown(error: unknown): boolean {
  return [EndpointFailure, NodeProblem, BlocksMissing, BlockGone].some((kind) => error instanceof kind);
}
