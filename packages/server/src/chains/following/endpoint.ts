/** One of a chain's endpoints: whether it may be asked now, what is wrong with it, and how far it says its chain goes. */
import type { Clock } from "../../kit/clock.ts";
import { messageOf } from "../../kit/errors.ts";
import { Backoff } from "../../kit/retry.ts";
import {
  BlockGone,
  type BlockSource,
  BlocksMissing,
  EndpointFailure,
  NodeProblem,
  NotRefreshed,
} from "./block-source.ts";
import { ENDPOINT_FAILURES, type EndpointFailureReason } from "./endpoints-status.ts";
import { Stalled, within } from "./within.ts";

export interface EndpointOptions {
  clock: Clock;
  /** A question that takes longer has failed, whatever the source does. */
  questionTimeoutMs: number;
  /** A check that passed is believed for so long. */
  checkEveryMs: number;
  random?: () => number;
  /** Something new is wrong with it. */
  onFailure: (endpoint: Endpoint, reason: EndpointFailureReason, message: string) => void;
}

/** What is wrong, and until when it is left alone. */
interface Trouble {
  error: EndpointFailure | NodeProblem;
  sinceMs: number;
  untilMs: number;
}

const BACKOFF = { initialMs: 500, maxMs: 5_000 } as const;
/** A node that lacks old blocks does not get them back at once. */
const LACKS_MS = 5_000;

export class Endpoint {
  readonly source: BlockSource;
  readonly failures: Record<EndpointFailureReason, number>;
  readonly #options: EndpointOptions;
  readonly #backoff: Backoff;
  #trouble: Trouble | null = null;
  /** Counted, to know what happened while a question was under way. */
  #troubles = 0;
  #check: { advisory: string | null; atMs: number } | null = null;
  #checking: Promise<string | null> | null = null;
  #lacks: { after: number; error: BlocksMissing; sinceMs: number } | null = null;
  #headHeight: number | null = null;

  constructor(source: BlockSource, options: EndpointOptions) {
    this.source = source;
    this.#options = options;
    this.#backoff = new Backoff({ ...BACKOFF, ...(options.random ? { random: options.random } : {}) });
    this.failures = Object.fromEntries(ENDPOINT_FAILURES.map((reason) => [reason, 0])) as Endpoint["failures"];
  }

  get name(): string {
    return this.source.name;
  }

  /** Why it is not used; `null`: nothing is known against it. */
  get trouble(): EndpointFailure | NodeProblem | null {
    return this.#trouble?.error ?? null;
  }

  /** As it said last; `null`: it has not been asked yet, or does not answer. */
  get headHeight(): number | null {
    return this.#trouble ? null : this.#headHeight;
  }

  set headHeight(height: number) {
    this.#headHeight = height;
  }

  /** So long it must be left alone, milliseconds; 0: it may be asked. */
  waitMs(): number {
    if (!this.#trouble) return 0;
    const { sinceMs, untilMs } = this.#trouble;
    const nowMs = this.#options.clock.nowMs();
    // Where the machine's clock was put back nobody waits for it to come round again.
    return nowMs < sinceMs ? 0 : Math.max(0, untilMs - nowMs);
  }

  /** The blocks from there on were asked for a moment ago, and it did not have them. */
  lacksBlocksAfter(after: number): BlocksMissing | null {
    if (!this.#lacks || after > this.#lacks.after) return null;
    const sinceMs = this.#options.clock.nowMs() - this.#lacks.sinceMs;
    return sinceMs >= 0 && sinceMs < LACKS_MS ? this.#lacks.error : null;
  }

  lackedBlocksAfter(after: number, error: BlocksMissing): void {
    this.#lacks = { after, error, sinceMs: this.#options.clock.nowMs() };
  }

  /**
   * Is it the right network, and can it do what is needed? Asked again only from time to time, and after each failure:
   * another node may stand there now.
   * @throws NodeProblem, EndpointFailure
   */
  async check(): Promise<string | null> {
    const ageMs = this.#check ? this.#options.clock.nowMs() - this.#check.atMs : Number.POSITIVE_INFINITY;
    if (this.#check && ageMs >= 0 && ageMs < this.#options.checkEveryMs) return this.#check.advisory;
    this.#checking ??= this.#checkNow().finally(() => {
      this.#checking = null;
    });
    return this.#checking;
  }

  /**
   * One question, with a deadline.
   * @throws EndpointFailure and NodeProblem, after which it is left alone for a while; BlocksMissing and BlockGone, which
   * are answers; NotRefreshed, which says nothing of it
   */
  async ask<T>(question: (source: BlockSource) => Promise<T>): Promise<T> {
    const troublesBefore = this.#troubles;
    try {
      const answer = await within(this.#options.questionTimeoutMs, this.name, () => question(this.source));
      this.#recovered(troublesBefore);
      return answer;
    } catch (error) {
      if (error instanceof BlocksMissing || error instanceof BlockGone) {
        this.#recovered(troublesBefore);
        throw error;
      }
      if (error instanceof NotRefreshed) throw error;
      throw this.#failed(asFailure(error, this.name), troublesBefore);
    }
  }

  /** What it answers cannot be right. */
  distrust(message: string): void {
    this.#failed(new NodeProblem(message), this.#troubles);
  }

  count(reason: EndpointFailureReason): void {
    this.failures[reason] += 1;
  }

  async #checkNow(): Promise<string | null> {
    const advisory = await this.ask((source) => source.check());
    this.#check = { advisory, atMs: this.#options.clock.nowMs() };
    return advisory;
  }

  /** An answer says nothing of what failed after it was asked for. */
  #recovered(troublesBefore: number): void {
    if (this.#troubles !== troublesBefore) return;
    this.#trouble = null;
    this.#backoff.reset();
  }

  #failed(error: EndpointFailure | NodeProblem, troublesBefore: number): EndpointFailure | NodeProblem {
    const nowMs = this.#options.clock.nowMs();
    const untilMs = nowMs + (error instanceof EndpointFailure ? (error.retryAfterMs ?? 0) : 0);
    if (this.#trouble && this.#troubles !== troublesBefore) {
      // Of several questions that were under way together, the first that failed has said it.
      this.#trouble.untilMs = Math.max(this.#trouble.untilMs, untilMs);
      return error;
    }
    const known = this.#trouble?.error.message;
    const backoffMs = Math.ceil(this.#backoff.nextDelayMs());
    this.#trouble = { error, sinceMs: nowMs, untilMs: Math.max(untilMs, nowMs + backoffMs) };
    this.#troubles += 1;
    this.#check = null;
    const reason = reasonOf(error);
    this.count(reason);
    if (known !== error.message) this.#options.onFailure(this, reason, error.message);
    return error;
  }
}

/** A source that breaks in a way of its own has given no usable answer either. */
function asFailure(thrown: unknown, name: string): EndpointFailure | NodeProblem {
  if (thrown instanceof EndpointFailure || thrown instanceof NodeProblem) return thrown;
  return new EndpointFailure(`${name} could not be read: ${messageOf(thrown)}`, { cause: thrown });
}

function reasonOf(error: EndpointFailure | NodeProblem): EndpointFailureReason {
  if (error instanceof NodeProblem) return "unfit";
  if (error instanceof Stalled) return "stalled";
  return error.retryAfterMs === null ? "failed" : "rate_limited";
}
