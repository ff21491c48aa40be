/** The bus of one process: hands records over at once. Nothing can be lost; the contract allows it all the same. */
import type { LogRecord } from "../log/event-log.ts";
import { type Bus, BusListeners, type BusMessage, messageOfRecords } from "./bus.ts";

export class MemoryBus implements Bus {
  readonly reachesOthers = false;
  readonly #listeners: BusListeners;

  constructor({ onError }: { onError: (error: unknown) => void }) {
    this.#listeners = new BusListeners(onError);
  }

  publish(records: readonly LogRecord[]): void {
    this.#listeners.tell(messageOfRecords(records));
  }

  subscribe(listener: (message: BusMessage) => void): () => void {
    return this.#listeners.add(listener);
  }

  async close(): Promise<void> {
    this.#listeners.clear();
  }
}
