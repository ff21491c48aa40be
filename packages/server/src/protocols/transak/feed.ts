/**
 * One subscription: what happened before it, marked `replayed`, then every step as it happens.
 *
 * - An order's channel and a reference's: the latest step again, of the newest order; its `statusHistories` has what lies
 *   before. The API-key channel, which is about many orders: every step of the replay window again.
 * - Each event waits for what is read of its order. They go out in the order of the log nevertheless, one after the
 *   other, and no more than `liveBuffer` wait: a block may pay thousands of orders at once. Beyond it, what comes is not
 *   kept, but read from the log once there is room.
 */
import type { ErrorCode } from "@paybell/protocol";
import { Published } from "../../fanout/published.ts";
import { windowStart } from "../../fanout/replay-window.ts";
import { Subscriber } from "../../fanout/subscriber.ts";
import type { LogRecord } from "../../log/event-log.ts";
import type { Topic } from "../../log/topic.ts";
import type { ChannelEvent, ChannelFeed, Subscription } from "../../transports/pusher/channels.ts";
import type { TransakContext } from "./context.ts";
import { eventFor, type Form } from "./encode.ts";
import { mayStep } from "./steps.ts";

/** The latest step is looked for in so many records, the newest. Read at once, and on a `cache-` channel as often as a
 * client subscribes. */
const LATEST_AMONG = 1_000;

export interface FeedOptions {
  topic: Topic;
  form: Form;
  /** What is given again at the beginning. */
  replay: "latest" | "window";
  /** May he still hear this? `null`: yes. */
  refusal(published: Published): Promise<ErrorCode | null>;
}

export class TransakFeed implements ChannelFeed {
  readonly #context: TransakContext;
  readonly #subscription: Subscription;
  readonly #options: FeedOptions;
  #subscriber: Subscriber;
  /** What lies up to here is told as replayed. */
  readonly #openedAt: number;
  /** Everything that waits, in order. */
  #last: Promise<void> = Promise.resolve();
  #waiting = 0;
  /** Up to here all was told, or waits. */
  #takenTo = 0;
  #latestIsTold = false;
  #closed = false;

  /** Listens from now on; nothing is sent before `start`. */
  constructor(context: TransakContext, subscription: Subscription, options: FeedOptions) {
    this.#context = context;
    this.#subscription = subscription;
    this.#options = options;
    this.#subscriber = this.#listen();
    this.#openedAt = this.#subscriber.openedAt;
  }

  async start(): Promise<void> {
    if (this.#options.replay === "window") {
      await this.#follow(await this.#windowFrom(this.#context.limits.replayRecords));
      return;
    }
    if (!this.#latestIsTold) {
      const latest = await this.lastEvent();
      if (latest && !this.#closed) this.#subscription.send(latest);
    }
    await this.#follow(this.#openedAt);
  }

  /** The latest step within the replay window, of the order that was created last. */
  async lastEvent(): Promise<ChannelEvent | null> {
    this.#latestIsTold = true;
    const { log, limits } = this.#context;
    const most = Math.min(LATEST_AMONG, limits.replayRecords);
    const from = await this.#windowFrom(most);
    if (from >= this.#openedAt) return null;
    const page = await log.readAfter(from, { topics: [this.#options.topic], limit: most });
    for (const record of newestFirst(page.records.filter((each) => each.offset <= this.#openedAt && mayStep(each)))) {
      const event = await eventFor(this.#context, new Published(record), this.#options.form, true);
      if (event) return event;
    }
    return null;
  }

  close(): void {
    this.#closed = true;
    this.#subscriber.close();
  }

  #listen(): Subscriber {
    const { log, hub, limits } = this.#context;
    return Subscriber.open({
      log,
      hub,
      topic: this.#options.topic,
      replayPage: limits.replayPage,
      liveBuffer: limits.liveBuffer,
      sink: {
        deliver: (published) => this.#enqueue(published),
        writable: async () => {
          await this.#last;
          await this.#subscription.writable();
        },
        failed: (error) => this.#fail(error),
      },
    });
  }

  #follow(offset: number): Promise<void> {
    this.#takenTo = offset;
    return this.#subscriber.from(offset);
  }

  #windowFrom(records: number): Promise<number> {
    return windowStart(this.#context, { topic: this.#options.topic, openedAt: this.#openedAt, records });
  }

  #enqueue(published: Published): void {
    if (!mayStep(published.record)) return;
    if (this.#waiting >= this.#context.limits.liveBuffer) {
      this.#fallBack();
      return;
    }
    this.#takenTo = published.record.offset;
    this.#waiting += 1;
    this.#last = this.#last
      .then(() => this.#tell(published))
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#waiting -= 1;
      });
  }

  /** Too many to keep: goes on behind those that wait, at the client's pace, until it is live again. */
  #fallBack(): void {
    this.#subscriber.close();
    this.#subscriber = this.#listen();
    this.#follow(this.#takenTo).catch((error: unknown) => this.#fail(error));
  }

  async #tell(published: Published): Promise<void> {
    if (this.#closed) return;
    const replayed = published.record.offset <= this.#openedAt;
    const refusal = await this.#options.refusal(published);
    if (refusal !== null) {
      this.close();
      this.#subscription.end(refusal);
      return;
    }
    const event = await eventFor(this.#context, published, this.#options.form, replayed);
    if (event && !this.#closed) this.#subscription.send(event);
  }

  #fail(error: unknown): void {
    if (this.#closed) return;
    this.close();
    this.#context.onError(error);
    this.#subscription.end("internal_error");
  }
}

/** Those of the payment that was created last, the newest first. */
function newestFirst(records: readonly LogRecord[]): readonly LogRecord[] {
  const created = (record: LogRecord) => record.data.payment?.createdAt ?? "";
  const newest = records.reduce<LogRecord | null>(
    (best, record) => (best === null || created(record) >= created(best) ? record : best),
    null,
  );
  return records.filter(({ paymentId }) => paymentId === newest?.paymentId).reverse();
}
