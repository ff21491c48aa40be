/**
 * A subscriber: first what the log holds behind a position, then what happens live. No gap, no duplicate, in order,
 * and never more than a bounded number of records in memory: what does not fit is read from the log again.
 *
 * 1. `open` listens first, so nothing that happens from now on is missed.
 * 2. `from(offset)` reads the log from there up to where listening began, then hands over what was heard meanwhile.
 * Until it is live it goes at the client's own pace: a slow client waits, it is not cut off for the past.
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
  /** Resolves when the client can take more. Asked before each record until the subscriber is live; live records do not
   * wait (the transport cuts off who cannot follow). */
  writable(): Promise<void>;
  /** `deliver` threw on a live record. The subscriber is closed, because to go on would leave a gap: end the client, so
   * that it comes back. Before that `from` rejects instead. */
  failed(error: unknown): void;
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
  /** Everything behind this was heard and is in `#waiting`, or was delivered; what is before it must be read. */
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

  /** Everything of the topic up to here was delivered, or lies before the offset that `from` was given. */
  get offset(): number {
    return Math.max(this.#delivered, 0);
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
    while (!this.#closed) {
      await this.#options.sink.writable();
      if (this.#closed) return;
      if (this.#delivered < this.#mustReadTo) {
        await this.#readPage();
        continue;
      }
      const heard = this.#waiting.shift();
      if (heard) {
        this.#deliver(heard);
        continue;
      }
      // Nothing waits, and nothing can come in between: what the hub has from now on goes straight through.
      this.#live = true;
      return;
    }
  }

  async #readPage(): Promise<void> {
    const { log, topic, replayPage, sink } = this.#options;
    const page = await log.readAfter(this.#delivered, { topics: [topic], limit: replayPage });
    for (const record of page.records) {
      await sink.writable();
      this.#deliver(new Published(record));
    }
    // Nothing of this topic lies between the last record and `next`.
    this.#delivered = Math.max(this.#delivered, page.next);
  }

  #hear(published: Published): void {
    if (this.#closed) return;
    if (this.#live) {
      this.#deliverLive(published);
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

  #deliverLive(published: Published): void {
    try {
      this.#deliver(published);
    } catch (error) {
      this.close();
      this.#options.sink.failed(error);
    }
  }

  #deliver(published: Published): void {
    if (this.#closed || published.record.offset <= this.#delivered) return;
    this.#delivered = published.record.offset;
    this.#options.sink.deliver(published);
  }
}
