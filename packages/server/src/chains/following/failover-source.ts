/**
 * Several endpoints of one chain behind one `BlockSource`. One of them answers everything; another one only when that one
 * gives no usable answer, must not be followed, no longer has the blocks, or falls behind. A head and the blocks up to it
 * always come from the same endpoint: otherwise `BlockGone`, and the caller asks for the head again.
 */
import type { Clock } from "../../kit/clock.ts";
import type { WatcherLogger } from "../watcher.ts";
import { BlockPace } from "./block-pace.ts";
import {
  BlockGone,
  type BlockSource,
  BlocksMissing,
  type FollowedHead,
  type FoundTransaction,
  type Interest,
  NotRefreshed,
  type PendingNews,
  type SourceBlock,
} from "./block-source.ts";
import { Endpoint } from "./endpoint.ts";
import type { EndpointFailureReason, EndpointsStatus } from "./endpoints-status.ts";
import { exhausted } from "./exhausted.ts";
import { HeadComparison } from "./head-comparison.ts";
import { PushedNews } from "./pushed-news.ts";

export interface FailoverOptions {
  /** In the order of preference, at least one. */
  sources: readonly BlockSource[];
  /** For messages and logs. */
  chain: string;
  clock: Clock;
  logger: WatcherLogger;
  /** A question that takes longer has failed, whatever the source does. */
  questionTimeoutMs?: number;
  /** How often the heads of all endpoints are compared. */
  compareMs?: number;
  /** An endpoint that is further behind the best one is stale. About half a minute of blocks. */
  maxLagBlocks?: number;
  /** A preferred endpoint has to be well for so long before it is asked again; longer each time it is left soon after. */
  returnAfterMs?: number;
  /** A check that passed is believed for so long. */
  checkEveryMs?: number;
  /** Another endpoint answers from now on. */
  onSwitch?: (from: string, to: string, why: string) => void;
  /** From 0 to below 1, for the jitter of back-off; injected by tests. */
  random?: () => number;
}

const DEFAULTS = {
  questionTimeoutMs: 60_000,
  compareMs: 15_000,
  maxLagBlocks: 3,
  returnAfterMs: 60_000,
  checkEveryMs: 30_000,
  onSwitch: () => undefined,
  random: Math.random,
} as const;

type Question<T> = (source: BlockSource, endpoint: Endpoint) => Promise<T>;

export class FailoverSource implements BlockSource {
  /** There where at least one endpoint has it; one that has not tells of nothing. */
  readonly pending?: (interest: Interest) => Promise<PendingNews>;
  /** There where at least one endpoint pushes; follows the endpoint that answers. */
  readonly subscribe?: (onNews: () => void, onTrouble: (message: string) => void) => () => void;
  readonly #options: Required<FailoverOptions>;
  readonly #endpoints: readonly [Endpoint, ...Endpoint[]];
  readonly #comparison: HeadComparison;
  readonly #news = new PushedNews();
  readonly #pace = new BlockPace();
  /** Which endpoint a head came from. */
  readonly #headsOf = new WeakMap<FollowedHead, Endpoint>();
  /** When no endpoint was left. */
  readonly #thrown = new WeakSet<Error>();
  #current: Endpoint;
  #switches = 0;

  constructor(options: FailoverOptions) {
    this.#options = { ...DEFAULTS, ...options };
    const [first, ...others] = options.sources.map((source) => this.#endpointOf(source));
    if (!first) throw new Error(`The chain ${options.chain} has no endpoint.`);
    this.#endpoints = [first, ...others];
    this.#current = first;
    this.#comparison = new HeadComparison({ ...this.#options, endpoints: this.#endpoints });
    if (options.sources.some((source) => source.pending)) this.pending = (interest) => this.#pending(interest);
    if (options.sources.some((source) => source.subscribe)) {
      this.subscribe = (onNews, onTrouble) => this.#news.begin(this.#current.source, { onNews, onTrouble });
    }
  }

  /** Of the endpoint that answers now. */
  get name(): string {
    return this.#current.name;
  }

  get sources(): readonly BlockSource[] {
    return this.#options.sources;
  }

  endpoints(): EndpointsStatus {
    return {
      switches: this.#switches,
      endpoints: this.#endpoints.map((endpoint) => ({
        name: endpoint.name,
        current: endpoint === this.#current,
        problem: endpoint.trouble?.message ?? null,
        headHeight: endpoint.headHeight,
        failures: { ...endpoint.failures },
      })),
    };
  }

  /** Of the endpoint that answers; one that passes is asked again only after `checkEveryMs`. */
  async check(): Promise<string | null> {
    return this.#ask(async (_source, endpoint) => endpoint.check());
  }

  async head(): Promise<FollowedHead> {
    this.#followAdvice();
    const [head, endpoint] = await this.#ask(async (source, endpoint) => [await source.head(), endpoint] as const);
    endpoint.headHeight = head.height;
    this.#headsOf.set(head, endpoint);
    this.#news.sawHead(head.hash);
    if (endpoint === this.#current) this.#comparison.begin(endpoint, head);
    return head;
  }

  async blocksAfter(
    after: number,
    head: FollowedHead,
    limit: number,
    interest: Interest,
  ): Promise<readonly SourceBlock[]> {
    const headOf = this.#headsOf.get(head);
    return this.#pace.within(limit, (most, onAttempt) =>
      this.#ask(async (source, endpoint) => {
        const lacking = endpoint.lacksBlocksAfter(after);
        if (lacking && this.#endpoints.length > 1) throw lacking;
        if (headOf && headOf !== endpoint) {
          throw new BlockGone(`${endpoint.name} answers in place of ${headOf.name}, and its head is another one`);
        }
        onAttempt();
        try {
          return await source.blocksAfter(after, head, most, interest);
        } catch (error) {
          if (error instanceof BlocksMissing) endpoint.lackedBlocksAfter(after, error);
          throw error;
        }
      }),
    );
  }

  async hashesAt(heights: readonly number[]): Promise<readonly (string | null)[]> {
    return this.#ask((source) => source.hashesAt(heights));
  }

  async blockAt(height: number): ReturnType<BlockSource["blockAt"]> {
    return this.#ask((source) => source.blockAt(height));
  }

  async transaction(txId: string, interest: Interest): Promise<FoundTransaction | null> {
    return this.#ask((source) => source.transaction(txId, interest));
  }

  /** The endpoint that answers is left alone for a while, where there is another. */
  distrust(reason: Error): void {
    // What this source has found out itself is settled already.
    if (this.#endpoints.length === 1 || this.#thrown.has(reason)) return;
    this.#current.distrust(`${this.#current.name} is not believed: ${reason.message}`);
  }

  close(): void {
    this.#news.end();
    this.#comparison.close();
    for (const { source } of this.#endpoints) source.close();
  }

  async #pending(interest: Interest): Promise<PendingNews> {
    return this.#ask(async (source) => (await source.pending?.(interest)) ?? { transfers: [], spenders: [] });
  }

  /** Asks the endpoint that answers, and the others in the order of preference when it does not. */
  async #ask<T>(question: Question<T>): Promise<T> {
    const tried = new Set<Endpoint>();
    const missing: BlocksMissing[] = [];
    for (let endpoint = this.#next(tried); endpoint; endpoint = this.#next(tried)) {
      tried.add(endpoint);
      try {
        const answer = await this.#answerOf(endpoint, question);
        this.#answered(endpoint, tried);
        return answer;
      } catch (error) {
        if (error instanceof BlockGone) {
          this.#answered(endpoint, tried);
          throw error;
        }
        if (error instanceof NotRefreshed) throw error;
        if (!(error instanceof BlocksMissing)) continue;
        endpoint.count("blocks_missing");
        missing.push(error);
      }
    }
    const error = exhausted(this.#options.chain, this.#endpoints, missing);
    this.#thrown.add(error);
    throw error;
  }

  async #answerOf<T>(endpoint: Endpoint, question: Question<T>): Promise<T> {
    await endpoint.check();
    return endpoint.ask((source) => question(source, endpoint));
  }

  #next(tried: ReadonlySet<Endpoint>): Endpoint | undefined {
    const inOrder = [this.#current, ...this.#endpoints];
    return inOrder.find((endpoint) => !tried.has(endpoint) && endpoint.waitMs() === 0);
  }

  /** It answers from now on, where the one before did not. */
  #answered(endpoint: Endpoint, tried: ReadonlySet<Endpoint>): void {
    const before = this.#current;
    if (endpoint === before) return;
    if (tried.has(before) || before.waitMs() > 0)
      this.#switchTo(endpoint, before.trouble?.message ?? "It lacks blocks that are needed.");
  }

  /** Only between two turns: what is asked about one head is asked of one endpoint. */
  #followAdvice(): void {
    const advice = this.#comparison.takeAdvice(this.#current);
    if (!advice) return;
    if (advice.stale) this.#current.count("stale");
    this.#switchTo(advice.to, advice.why);
  }

  #switchTo(endpoint: Endpoint, why: string): void {
    const { chain, logger, onSwitch } = this.#options;
    const left = this.#current;
    this.#current = endpoint;
    this.#switches += 1;
    this.#comparison.switched(left);
    this.#news.moveTo(endpoint.source);
    logger.warn(
      { chain, from: left.name, to: endpoint.name, reason: why },
      "another endpoint of the chain answers now",
    );
    onSwitch(left.name, endpoint.name, why);
  }

  #endpointOf(source: BlockSource): Endpoint {
    const { chain, clock, logger, questionTimeoutMs, checkEveryMs, random } = this.#options;
    const onFailure = ({ name }: Endpoint, kind: EndpointFailureReason, reason: string) =>
      logger.warn({ chain, endpoint: name, kind, reason }, "an endpoint of the chain is not used");
    return new Endpoint(source, { clock, questionTimeoutMs, checkEveryMs, random, onFailure });
  }
}
