/** Structured logs, one JSON object per line, on standard error. */
import { type DestinationStream, type Logger, pino } from "pino";
import type { LogLevel } from "../config/config.ts";

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/gi;
const REQUEST_ID = /req_$/;
const KEY = /\b([sp]k_(?:live|sandbox)_)[0-9A-Za-z]+/g;

/** A payment's id is a capability: whoever reads it in a log could follow the payment. Request ids stay; of keys only
 * the kind does. Nothing is meant to log either; this is for what an error's message brings along. */
export function redactIds(line: string): string {
  return line
    .replace(UUID, (id, at: number) => (REQUEST_ID.test(line.slice(Math.max(0, at - 4), at)) ? id : "[redacted]"))
    .replace(KEY, "$1[redacted]");
}

/** @param destination left out: standard error, written at once, so that the last words of a crash are not lost. */
export function createLogger(level: LogLevel, destination?: DestinationStream): Logger {
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, hooks: { streamWrite: redactIds } },
    destination ?? pino.destination({ fd: 2, sync: true }),
  );
}
