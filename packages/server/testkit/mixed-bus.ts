/** A bus between processes that brings messages when, in which order and as often as the test says. */
import { type Bus, type BusMessage, messageOfRecords } from "../src/bus/bus.ts";
import type { LogRecord } from "../src/log/event-log.ts";

export class MixedBus implements Bus {
  reachesOthers = true;
  readonly #listeners = new Set<(message: BusMessage) => void>();

  publish(records: readonly LogRecord[]): void {
    this.bring(messageOfRecords(records));
  }

  bring(message: BusMessage): void {
    for (const listener of this.#listeners) listener(message);
  }

  subscribe(listener: (message: BusMessage) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#listeners.clear();
  }
}
