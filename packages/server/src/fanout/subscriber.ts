/**
 * A subscriber: first what the log holds behind a position, then what happens live. No gap, no duplicate, in order,
 * and never more than a bounded number of records in memory: what does not fit is read from the log again.
 *
 * 1. `open` listens first, so nothing that happens from now on is missed.
 * 2. `from(offset)` reads the log from there up to where listening began, then hands over what was heard meanwhile.
 * Source: DESIGN.md, promises 2 and 3.
 */
import type { EventLog } from "../log/event-log.ts";
import type { Topic } from "../log/topic.ts";
import type { Hub } from "./hub.ts";
import { Published } from "./published.ts";

/** Where the records go: a connection, through its protocol. */
export interface SubscriberSink {
  /** In order. Must not throw for reasons of the client; a closed client calls `close`. */
  deliver(published: Published): void;
  /** Resolves when the client can take more. Asked before each page of the past; live records do not wait (the
   * transport cuts off who cannot follow). */
  writable(): Promise<void>;
}

export interface SubscriberOptions {
  log: EventLog;
  hub: Hub;
  topic: Topic;
  sink: SubscriberSink;
  /** Records per read while catching up. */
  replayPage: number;
  /** Live records kept while catching up. */
  liveBuffer: number;
}

export class Subscriber {
  readonly #options: SubscriberOptions;
  readonly #openedAt: number;
  readonly #endListening: () => void;
  #waiting: Published[] = [];
  /** Everything up to here is in `#waiting` or was delivered, once the log was read up to here. */
  #mustReadTo: number;
  #delivered = -1;
  #live = false;
  #closed = false;

  private constructor(options: SubscriberOptions) {
    this.#options = options;
    const { offset, end } = options.hub.listen(options.topic, (published) => this.#hear(published));
    this.#openedAt = offset;
    this.#mustReadTo = offset;
    this.#endListening = end;
  }

  /** Starts to listen; nothing is delivered before `from`. */
  static open(options: SubscriberOptions): Subscriber {
    return new Subscriber(options);
  }

  /** The log offset at which listening began. */
  get openedAt(): number {
    return this.#openedAt;
  }

  /**
   * Delivers everything behind `offset`, then live. Resolves when live, or when closed.
   * @throws CursorExpired when the log does not reach back that far; the subscriber is then closed.
   */
  async from(offset: number): Promise<void> {
    this.#delivered = offset;
    try {
      await this.#catchUp();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#endListening();
    this.#waiting = [];
  }

  async #catchUp(): Promise<void> {
    const { log, topic, replayPage, sink } = this.#options;
    while (!this.#closed) {
      if (this.#delivered >= this.#mustReadTo) {
        this.#handOver();
        return;
      }
      await sink.writable();
      if (this.#closed) return;
      const page = await log.readAfter(this.#delivered, { topics: [topic], limit: replayPage });
      for (const record of page.records) this.#deliver(new Published(record));
      // Nothing of this topic lies between the last record and `next`.
      this.#delivered = Math.max(this.#delivered, page.next);
    }
  }

  /** What was heard while the past was read, then live. Synchronous, so nothing can come in between. */
  #handOver(): void {
    for (const published of this.#waiting) this.#deliver(published);
    this.#waiting = [];
    this.#live = true;
  }

  #hear(published: Published): void {
    if (this.#closed) return;
    if (this.#live) {
      this.#deliver(published);
      return;
    }
    if (this.#waiting.length < this.#options.liveBuffer) {
      this.#waiting.push(published);
      return;
    }
    // Too many to keep: forget them all and read up to here instead.
    this.#waiting = [];
    this.#mustReadTo = published.record.offset;
  }

  #deliver(published: Published): void {
    if (this.#closed || published.record.offset <= this.#delivered) return;
    this.#delivered = published.record.offset;
    this.#options.sink.deliver(published);
  }
}
