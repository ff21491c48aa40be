/** A client of one wire, and what the wire promises it: what it heard against the log. */
import type { LogView } from "./log-view.ts";

export interface Listener {
  /** For the table: `WebSocket`, `Transak`, … */
  readonly wire: string;
  /** Which of its kind: for messages. */
  readonly name: string;
  readonly connections: number;
  /** Events that it was told, repeats included. */
  readonly told: number;
  /** `missing` may still come; `wrong` may never be. */
  compare(log: LogView): Findings;
  close(): Promise<void> | void;
}

export interface Findings {
  missing: readonly string[];
  wrong: readonly string[];
  /** Events that it was told more than once, over all its connections. */
  repeats: number;
}
