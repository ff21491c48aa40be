/** Cursors that clients give back. Source: DESIGN.md, "Words": unknown or trimmed ones are answered `cursor_expired`. */
import { PaybellError } from "../kit/errors.ts";
import type { EventLog } from "../log/event-log.ts";
import { formatPosition, parsePosition } from "../log/position.ts";

/** The text form of an offset of this log. */
export function positionAt(log: Pick<EventLog, "epoch">, offset: number): string {
  return formatPosition({ epoch: log.epoch, partition: 0, offset });
}

/**
 * The offset that a client's cursor stands for.
 * @throws PaybellError `invalid_cursor` when it was never a cursor, `cursor_expired` when it is one of another epoch
 * or points behind the end.
 */
export async function resolveCursor(log: Pick<EventLog, "epoch" | "head">, text: string): Promise<number> {
  const position = parsePosition(text);
  if (!position) {
    throw new PaybellError(
      "invalid_cursor",
      "The cursor is not one of Paybell's: send back a position exactly as you got it.",
    );
  }
  if (position.epoch !== log.epoch || position.partition !== 0 || position.offset > (await log.head())) {
    throw cursorExpired();
  }
  return position.offset;
}

export function cursorExpired(): PaybellError {
  return new PaybellError(
    "cursor_expired",
    "The log does not reach back to this cursor: read the payments again (GET /v1/payments), then go on without it.",
  );
}
