/** The bus of one process: hands records over at once. Nothing can be lost; the contract allows it all the same. */
import type { LogRecord } from "../log/event-log.ts";
import { type Bus, type BusMessage, messageOfRecords } from "./bus.ts";

type Listener = (message: BusMessage) => void;

export class MemoryBus implements Bus {
  readonly reachesOthers = false;
  readonly #listeners = new Set<Listener>();
  readonly #onError: (error: unknown) => void;

  constructor(options: { onError: (error: unknown) => void }) {
    this.#onError = options.onError;
  }

  publish(records: readonly LogRecord[]): void {
    this.deliver(messageOfRecords(records));
  }

  /** To everybody who listens here. */
  deliver(message: BusMessage): void {
    for (const listener of this.#listeners) {
      try {
        listener(message);
      } catch (error) {
        this.#onError(error);
      }
    }
  }

  subscribe(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  async close(): Promise<void> {
    this.#listeners.clear();
  }
}
