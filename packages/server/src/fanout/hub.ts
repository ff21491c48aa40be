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
  /** A record was handed to everybody who listens; only of those to which somebody does. For metrics: must be quick. */
  onDelivered?: (record: LogRecord) => void;
  /** A listener or a read failed: the hub goes on, the operator is told. */
  onError: (error: unknown) => void;
}

interface Entry {
  listener: Listener;
  /** What comes up to here is not for it. */
  since: number;
}

export class Hub {
  readonly #options: HubOptions;
  readonly #entries = new Map<Topic, Set<Entry>>();
  #state: "new" | "running" | "stopped" = "new";
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
    return this.#entries.size;
  }

  /** From the end of the log on. */
  async start(): Promise<void> {
    this.#offset = await this.#options.log.head();
    this.#state = "running";
    this.#unsubscribe = this.#options.bus.subscribe((records) => this.#receive(records));
    this.#timer = setInterval(() => this.#heal(), this.#options.pollIntervalMs);
    this.#timer.unref();
    this.#heal();
  }

  /** Resolves when nothing more will be delivered or read. */
  async stop(): Promise<void> {
    this.#state = "stopped";
    this.#unsubscribe?.();
    if (this.#timer) clearInterval(this.#timer);
    await this.#healing;
  }

  /** Hears every record of the topic behind the returned offset. Delivery is synchronous: a listener must be quick.
   * @throws Error before `start`: the hub does not yet know where the log ends, and records would be missed */
  listen(topic: Topic, listener: Listener): { offset: number; end: () => void } {
    if (this.#state === "new") throw new Error("The hub has not been started.");
    const entry: Entry = { listener, since: this.#offset };
    const entries = this.#entries.get(topic) ?? new Set();
    this.#entries.set(topic, entries.add(entry));
    const end = () => {
      if (entries.delete(entry) && entries.size === 0) this.#entries.delete(topic);
    };
    return { offset: entry.since, end };
  }

  /** Somebody else may have appended: asks the log now, and not only at the next turn. */
  look(): void {
    if (this.#state === "running") this.#heal();
  }

  #receive(records: readonly LogRecord[]): void {
    for (const record of records) {
      if (this.#state === "stopped") return;
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
      const entries = this.#entries.get(topic);
      if (!entries) continue;
      published ??= new Published(record);
      for (const { listener, since } of entries) {
        // It came while this very record was being delivered.
        if (since >= record.offset) continue;
        try {
          listener(published);
        } catch (error) {
          this.#options.onError(error);
        }
      }
    }
    if (published) this.#options.onDelivered?.(record);
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
        if (!this.#healAgain || this.#state === "stopped") return;
        this.#healAgain = false;
        this.#heal();
      });
  }

  async #readMissing(): Promise<void> {
    while (this.#state === "running") {
      const page = await this.#options.log.readAfter(this.#offset, { limit: this.#options.pageSize });
      this.#receive(page.records);
      if (page.next >= page.head) return;
    }
  }
}
