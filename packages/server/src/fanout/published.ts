/**
 * A record on its way to many subscribers. What one protocol makes of it is made once and shared by all of them:
 * encoding is the larger part of the cost of a frame.
 */
import type { LogRecord } from "../log/event-log.ts";

export class Published {
  readonly record: LogRecord;
  readonly #encoded = new Map<string, unknown>();

  constructor(record: LogRecord) {
    this.record = record;
  }

  /** The result of `encode`, made at the first call with this key. The key names protocol, audience and version. */
  encodeOnce<T>(key: string, encode: (record: LogRecord) => T): T {
    if (this.#encoded.has(key)) return this.#encoded.get(key) as T;
    const made = encode(this.record);
    this.#encoded.set(key, made);
    return made;
  }
}
