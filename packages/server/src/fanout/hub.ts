/**
 * The hub: topic → listeners. Delivers the records of the log in order and without gaps, whatever the bus loses:
 * offsets are checked, and what is missing is read from the log. Where several processes write, their records come out of
 * order: those that come too early wait a few milliseconds for what precedes them, and only then is the log read.
 * Cost of a record: its own topics and their listeners, nothing else.
 */
import { type Bus, type BusMessage, messageOfRecords, type RecordHead } from "../bus/bus.ts";
import type { EventLog, LogRecord } from "../log/event-log.ts";
import type { Topic } from "../log/topic.ts";
import { EarlyMessages } from "./early-messages.ts";
import { Published } from "./published.ts";

export type Listener = (published: Published) => void;

const GAP_PATIENCE_MS = 10;

export interface HubOptions {
  log: EventLog;
  bus: Bus;
  /** How often the log is asked for records whose hint was lost, ms. */
  pollIntervalMs: number;
  /** Records read at once while healing a gap. */
  pageSize: number;
  /** How long what is missing may still be on its way, while the bus brings what other processes publish, ms; default 10. */
  gapPatienceMs?: number;
  /** A record was handed to everybody who listens; only of those to which somebody does. For metrics: must be quick. */
  onDelivered?: (record: LogRecord) => void;
  /** A listener or a read failed: the hub goes on, the operator is told. */
  onError: (error: unknown) => void;
}

/** How far the log is read: up to what waits for it, or to its end. */
type Reach = "gap" | "end";

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
  #healNext: Reach | null = null;
  readonly #early = new EarlyMessages();
  #waiting: NodeJS.Timeout | null = null;
  readonly #gaps = { seen: 0, read: 0 };
  #unsubscribe: (() => void) | null = null;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: HubOptions) {
    this.#options = options;
  }

  /** The last offset that was delivered. */
  get offset(): number {
    return this.#offset;
  }

  /** How often a record came before one that precedes it, and how often the log was read for that. */
  get gaps(): Readonly<{ seen: number; read: number }> {
    return this.#gaps;
  }

  /** Number of topics that somebody listens to. */
  get topicCount(): number {
    return this.#entries.size;
  }

  /** From the end of the log on. */
  async start(): Promise<void> {
    this.#offset = await this.#options.log.head();
    this.#state = "running";
    this.#unsubscribe = this.#options.bus.subscribe((message) => this.#receive(message));
    this.#timer = setInterval(() => this.#heal("end"), this.#options.pollIntervalMs);
    this.#timer.unref();
    this.#heal("end");
  }

  /** Resolves when nothing more will be delivered or read. */
  async stop(): Promise<void> {
    this.#state = "stopped";
    this.#unsubscribe?.();
    if (this.#timer) clearInterval(this.#timer);
    if (this.#waiting) clearTimeout(this.#waiting);
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
    if (this.#state === "running") this.#heal("end");
  }

  #receive(message: BusMessage): void {
    this.#take(message, 0);
    for (let early = this.#nextEarly(); early; early = this.#nextEarly()) this.#take(early.message, early.at);
  }

  #nextEarly(): ReturnType<EarlyMessages["take"]> {
    return this.#early.take(this.#offset + 1);
  }

  /** Delivers what comes next; keeps what comes later. */
  #take(message: BusMessage, from: number): void {
    const { records } = message;
    for (let at = from; at < records.length; at += 1) {
      if (this.#state === "stopped") return;
      const head = records[at] as RecordHead;
      if (head.offset <= this.#offset) continue;
      if (head.offset !== this.#offset + 1) {
        this.#keep(message, at);
        return;
      }
      if (this.#deliver(head, message, at)) continue;
      this.#early.keep(message, at + 1);
      this.#heal("end");
      return;
    }
  }

  /** False: somebody listens, and the record cannot be read from the message. */
  #deliver({ offset, topics }: RecordHead, message: BusMessage, at: number): boolean {
    this.#offset = offset;
    let published: Published | null = null;
    for (const topic of topics) {
      const entries = this.#entries.get(topic);
      if (!entries) continue;
      if (!published) {
        const record = message.read(at);
        if (!record) {
          this.#offset = offset - 1;
          return false;
        }
        published = new Published(record);
      }
      this.#tell(entries, published);
    }
    if (published) this.#options.onDelivered?.(published.record);
    return true;
  }

  #tell(entries: ReadonlySet<Entry>, published: Published): void {
    for (const { listener, since } of entries) {
      // It came while this very record was being delivered.
      if (since >= published.record.offset) continue;
      try {
        listener(published);
      } catch (error) {
        this.#options.onError(error);
      }
    }
  }

  /** Something is missing before this record: it may be on its way, from another process than this record. */
  #keep(message: BusMessage, at: number): void {
    if (this.#early.firstOffset === null) this.#gaps.seen += 1;
    const isKept = this.#early.keep(message, at);
    if (isKept && this.#options.bus.reachesOthers) this.#waitForMissing();
    else this.#heal("gap");
  }

  #waitForMissing(): void {
    if (this.#waiting) return;
    const before = this.#offset;
    const look = () => {
      this.#waiting = null;
      if (this.#state === "stopped" || this.#early.firstOffset === null) return;
      if (this.#offset === before) this.#heal("gap");
      else this.#waitForMissing();
    };
    // What the network has brought while this process was busy is heard first.
    this.#waiting = setTimeout(() => setImmediate(look), this.#options.gapPatienceMs ?? GAP_PATIENCE_MS);
  }

  /** Reads what is missing from the log. One at a time; a call during a run makes one more. */
  #heal(upTo: Reach): void {
    if (this.#healing) {
      if (this.#healNext !== "end") this.#healNext = upTo;
      return;
    }
    this.#healing = this.#readMissing(upTo)
      .catch(this.#options.onError)
      .finally(() => {
        this.#healing = null;
        const next = this.#healNext;
        this.#healNext = null;
        if (next !== null && this.#state !== "stopped") this.#heal(next);
      });
  }

  async #readMissing(upTo: Reach): Promise<void> {
    const early = this.#early.firstOffset;
    let end = upTo === "end" ? Number.POSITIVE_INFINITY : (early ?? 0) - 1;
    if (upTo === "gap" && this.#offset < end) this.#gaps.read += 1;
    while (this.#state === "running" && this.#offset < end) {
      const limit = Math.min(this.#options.pageSize, end - this.#offset);
      const page = await this.#options.log.readAfter(this.#offset, { limit });
      this.#receive(messageOfRecords(page.records));
      if (early !== null && early > page.head) this.#forgetEarly();
      end = Math.min(end, page.head);
    }
    // There is another gap behind the one that was read.
    if (this.#state === "running" && this.#early.firstOffset !== null) this.#waitForMissing();
  }

  /** What was said to be in the log before it was read is not in it. */
  #forgetEarly(): void {
    this.#early.clear();
    this.#options.onError(
      new Error("The bus brought records that the log does not have: do two installations share a channel?"),
    );
  }
}
