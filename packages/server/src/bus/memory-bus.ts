/** The bus of one process: hands records over at once. Nothing can be lost; the contract allows it all the same. */
import type { LogRecord } from "../log/event-log.ts";
import type { Bus } from "./bus.ts";

type Listener = (records: readonly LogRecord[]) => void;

export class MemoryBus implements Bus {
  readonly #listeners = new Set<Listener>();
  readonly #onError: (error: unknown) => void;

  constructor(options: { onError: (error: unknown) => void }) {
    this.#onError = options.onError;
  }

  publish(records: readonly LogRecord[]): void {
    for (const listener of this.#listeners) {
      try {
        listener(records);
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
