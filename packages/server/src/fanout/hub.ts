/**
 * The hub: topic → listeners. Delivers the records of the log in order and without gaps, whatever the bus loses:
 * offsets are checked, and what is missing is read from the log.
 * Cost of a record: its own topics and their listeners, nothing else.
 */
import type { Bus } from "../bus/bus.ts";
import type { EventLog, LogRecord } from "../log/event-log.ts";
import type { Topic } from "../log/topic.ts";
import { Published } from "./published.ts";

export type Listener = (published: Published) => void;

export interface HubOptions {
  log: EventLog;
  bus: Bus;
  /** How often the log is asked for records whose hint was lost, ms. */
  pollIntervalMs: number;
  /** Records read at once while healing a gap. */
  pageSize: number;
  /** A listener or a read failed: the hub goes on, the operator is told. */
  onError: (error: unknown) => void;
}

export class Hub {
  readonly #options: HubOptions;
  readonly #listeners = new Map<Topic, Set<Listener>>();
  #offset = 0;
  #healing: Promise<void> | null = null;
  #healAgain = false;
  #unsubscribe: (() => void) | null = null;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: HubOptions) {
    this.#options = options;
  }

  /** The last offset that was delivered. */
  get offset(): number {
    return this.#offset;
  }

  /** Number of topics that somebody listens to. */
  get topicCount(): number {
    return this.#listeners.size;
  }

  /** From the end of the log on. */
  async start(): Promise<void> {
    this.#offset = await this.#options.log.head();
    this.#unsubscribe = this.#options.bus.subscribe((records) => this.#receive(records));
    this.#timer = setInterval(() => this.#heal(), this.#options.pollIntervalMs);
    this.#timer.unref();
    this.#heal();
  }

  async stop(): Promise<void> {
    this.#unsubscribe?.();
    if (this.#timer) clearInterval(this.#timer);
    await this.#healing;
  }

  /** Hears every record of the topic behind the returned offset. Delivery is synchronous: a listener must be quick. */
  listen(topic: Topic, listener: Listener): { offset: number; end: () => void } {
    let listeners = this.#listeners.get(topic);
    if (!listeners) {
      listeners = new Set();
      this.#listeners.set(topic, listeners);
    }
    listeners.add(listener);
    const end = () => {
      const current = this.#listeners.get(topic);
      if (!current?.delete(listener)) return;
      if (current.size === 0) this.#listeners.delete(topic);
    };
    return { offset: this.#offset, end };
  }

  #receive(records: readonly LogRecord[]): void {
    for (const record of records) {
      if (record.offset <= this.#offset) continue;
      if (record.offset !== this.#offset + 1) {
        this.#heal();
        return;
      }
      this.#deliver(record);
    }
  }

  #deliver(record: LogRecord): void {
    this.#offset = record.offset;
    let published: Published | null = null;
    for (const topic of record.topics) {
      const listeners = this.#listeners.get(topic);
      if (!listeners) continue;
      published ??= new Published(record);
      for (const listener of listeners) {
        try {
          listener(published);
        } catch (error) {
          this.#options.onError(error);
        }
      }
    }
  }

  /** Reads what is behind `#offset` until nothing is missing. One at a time; a call during a run makes one more. */
  #heal(): void {
    if (this.#healing) {
      this.#healAgain = true;
      return;
    }
    this.#healing = this.#readMissing()
      .catch(this.#options.onError)
      .finally(() => {
        this.#healing = null;
        if (!this.#healAgain) return;
        this.#healAgain = false;
        this.#heal();
      });
  }

  async #readMissing(): Promise<void> {
    for (;;) {
      const page = await this.#options.log.readAfter(this.#offset, { limit: this.#options.pageSize });
      this.#receive(page.records);
      if (page.next >= page.head) return;
    }
  }
}
