/**
 * The contract of the bus: carries records from the process that wrote them to those that have listeners, as a hint.
 * A lost message costs latency, never an event: receivers check that offsets are contiguous and read what is missing
 * from the log. Implementations pass `testkit/bus.ts`.
 */
import type { LogRecord } from "../log/event-log.ts";

/** What it takes to know whether anybody here wants a record. */
export type RecordHead = Pick<LogRecord, "offset" | "topics">;

/** Records of one commit, or some of them. */
export interface BusMessage {
  /** Where they stand and whom they concern, in order. */
  readonly records: readonly RecordHead[];
  /** The whole of `records[at]`; `null`: it did not come along, or cannot be read, and the log has it. */
  read(at: number): LogRecord | null;
}

export interface Bus {
  /** Records of one commit, in order. Listeners of this process have them when it returns. Never waits, never throws; what
   * other processes do not get for it is counted. */
  publish(records: readonly LogRecord[]): void;
  /** Hears what this process publishes, and what others do, each message at most once, others' in any order. Returns the
   * function that ends the subscription. */
  subscribe(listener: (message: BusMessage) => void): () => void;
  /** What other processes publish comes too, at the moment: what is missing may be on its way. */
  readonly reachesOthers: boolean;
  close(): Promise<void>;
}

/** A message of records that are at hand. */
export function messageOfRecords(records: readonly LogRecord[]): BusMessage {
  return { records, read: (at) => records[at] ?? null };
}

/** Those of one process who listen to a bus. */
export class BusListeners {
  readonly #listeners = new Set<(message: BusMessage) => void>();
  readonly #onError: (error: unknown) => void;

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  add(listener: (message: BusMessage) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** One that fails is reported, and the others hear all the same. */
  tell(message: BusMessage): void {
    for (const listener of this.#listeners) {
      try {
        listener(message);
      } catch (error) {
        this.#onError(error);
      }
    }
  }

  clear(): void {
    this.#listeners.clear();
  }
}
