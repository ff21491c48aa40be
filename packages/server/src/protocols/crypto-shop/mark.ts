/**
 * Where a client stands: the text behind each event, which libraries from 4.6 on bring back. The position of the event's
 * record, and where that record makes several events and this is not the last, how many of them it is: `…/1`.
 */
import { positionAt } from "../../fanout/cursor.ts";
import type { EventLog } from "../../log/event-log.ts";
import { parsePosition } from "../../log/position.ts";

export interface Mark {
  /** Of the record. */
  offset: number;
  /** How many of its events the client has; `null`: all. */
  had: number | null;
}

const PART = /^(.*)\/([1-9])$/;

export function markText(log: Pick<EventLog, "epoch">, { offset, had }: Mark): string {
  const position = positionAt(log, offset);
  return had === null ? position : `${position}/${had}`;
}

/** `null`: it is none of this log's. */
export async function readMark(log: Pick<EventLog, "epoch" | "head">, text: string): Promise<Mark | null> {
  const part = PART.exec(text);
  const position = parsePosition(part ? (part[1] as string) : text);
  if (position?.epoch !== log.epoch || position.partition !== 0 || position.offset > (await log.head())) return null;
  return { offset: position.offset, had: part ? Number(part[2]) : null };
}
