/** Messages that came before what precedes them, until it has come too. Bounded: what is not kept is read from the log. */
import type { BusMessage } from "../bus/bus.ts";

interface Early {
  message: BusMessage;
  /** The first of its records that was not delivered. */
  at: number;
  /** Of that record. */
  offset: number;
}

/** As large as messages may be (64 kB on Redis), these are 16 MB. */
const MESSAGES_KEPT = 256;

export class EarlyMessages {
  /** By offset, the lowest first. */
  readonly #kept: Early[] = [];

  /** The lowest offset that waits; `null`: nothing does. */
  get firstOffset(): number | null {
    return this.#kept[0]?.offset ?? null;
  }

  /** False: there is no room for it. */
  keep(message: BusMessage, at: number): boolean {
    const head = message.records[at];
    if (!head) return true;
    if (this.#kept.length >= MESSAGES_KEPT) return false;
    const behind = this.#kept.findLastIndex(({ offset }) => offset <= head.offset);
    this.#kept.splice(behind + 1, 0, { message, at, offset: head.offset });
    return true;
  }

  /** Takes out one that begins with `offset`, or before it; `null`: none does. */
  take(offset: number): Early | null {
    const first = this.#kept[0];
    if (!first || first.offset > offset) return null;
    this.#kept.shift();
    return first;
  }

  clear(): void {
    this.#kept.length = 0;
  }
}
