/** What happens under one tracking id, for one connection: what was executed in the replay window, then live. */
import type { Published } from "../../fanout/published.ts";
import { windowStart } from "../../fanout/replay-window.ts";
import { Subscriber } from "../../fanout/subscriber.ts";
import { topics } from "../../log/topic.ts";
import type { ProtocolContext } from "../protocol.ts";

export interface FeedContext extends Pick<ProtocolContext, "log" | "hub" | "limits" | "clock"> {
  replayWindowMs: number;
}

export interface FeedSink {
  deliver(published: Published): void;
  writable(): Promise<void>;
  failed(error: unknown): void;
}

export class TrackingFeed {
  readonly #hub: FeedContext["hub"];
  readonly #subscriber: Subscriber;
  readonly #sink: FeedSink;
  readonly #startAt: number;
  #live = false;

  private constructor(hub: FeedContext["hub"], subscriber: Subscriber, startAt: number, sink: FeedSink) {
    this.#hub = hub;
    this.#subscriber = subscriber;
    this.#startAt = startAt;
    this.#sink = sink;
  }

  /**
   * Listens from now on; nothing is delivered before `start`.
   * @param heardTo offset up to which the client has heard everything, on an earlier connection; 0: nothing
   */
  static async open(
    context: FeedContext,
    { merchantId, trackingId, heardTo }: { merchantId: string; trackingId: string; heardTo: number },
    sink: FeedSink,
  ): Promise<TrackingFeed> {
    const { log, hub, limits } = context;
    const { replayPage, liveBuffer, replayRecords } = limits;
    const topic = topics.reference(merchantId, trackingId);
    const subscriber = Subscriber.open({ log, hub, topic, replayPage, liveBuffer, sink });
    try {
      const { openedAt } = subscriber;
      const since = await windowStart(context, { topic, openedAt, records: replayRecords });
      return new TrackingFeed(hub, subscriber, Math.max(since, heardTo), sink);
    } catch (error) {
      subscriber.close();
      throw error;
    }
  }

  /** Everything up to here was told, or is too old to be told. */
  get offset(): number {
    return this.#live ? this.#hub.offset : Math.max(this.#startAt, this.#subscriber.offset);
  }

  start(): void {
    void this.#follow();
  }

  close(): void {
    this.#subscriber.close();
  }

  async #follow(): Promise<void> {
    try {
      await this.#subscriber.from(this.#startAt);
      this.#live = true;
    } catch (error) {
      this.#sink.failed(error);
    }
  }
}
