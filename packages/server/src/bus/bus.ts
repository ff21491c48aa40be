/**
 * The contract of the bus: carries records from the process that wrote them to those that have listeners, as a hint.
 * A lost message costs latency, never an event: receivers check that offsets are contiguous and read what is missing
 * from the log. Implementations pass `testkit/bus.ts`.
 */
import type { LogRecord } from "../log/event-log.ts";

export interface Bus {
  /** Records of one commit, in order. Never throws; a failure is reported and counted. */
  publish(records: readonly LogRecord[]): void;
  /** Returns the function that ends the subscription. */
  subscribe(listener: (records: readonly LogRecord[]) => void): () => void;
  close(): Promise<void>;
}
