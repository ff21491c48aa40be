/** A bus as bad as the contract allows: it loses, repeats and delays what it is told to. */
import { type Bus, type BusMessage, messageOfRecords } from "../src/bus/bus.ts";
import type { LogRecord } from "../src/log/event-log.ts";

export type Fate = "deliver" | "lose" | "repeat" | "late";

export class LossyBus implements Bus {
  reachesOthers = false;
  readonly #listeners = new Set<(message: BusMessage) => void>();
  readonly #kept: (readonly LogRecord[])[] = [];
  /** What happens to the next messages; when none is left, they are delivered. */
  fates: Fate[] = [];

  publish(records: readonly LogRecord[]): void {
    const fate = this.fates.shift() ?? "deliver";
    if (fate === "lose") return;
    if (fate === "late") {
      this.#kept.push(records);
      return;
    }
    this.#tell(records);
    if (fate === "repeat") this.#tell(records);
    for (const late of this.#kept.splice(0)) this.#tell(late);
  }

  subscribe(listener: (message: BusMessage) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#listeners.clear();
  }

  #tell(records: readonly LogRecord[]): void {
    for (const listener of this.#listeners) listener(messageOfRecords(records));
  }
}
