/**
 * Positions: where in the log a client stands. Opaque to clients; inside: epoch, partition, offset.
 * The epoch changes when the log's past may have changed (restore, import, fail-over with loss), so that an old cursor
 * is recognised instead of silently pointing at something else. There is one partition today.
 * Source: DESIGN.md, "Words".
 */
export interface Position {
  epoch: string;
  partition: number;
  /** Number of the record in commit order, from 1; 0 stands before the first. */
  offset: number;
}

/** One way of writing each number only, so that two texts are never the same position. */
const PATTERN = /^([0-9a-z]{1,16})\.(0|[1-9][0-9]{0,3})\.(0|[1-9][0-9]{0,14})$/;

export function formatPosition(position: Position): string {
  return `${position.epoch}.${position.partition}.${position.offset}`;
}

/** Returns `null` when the text was not made by `formatPosition`. */
export function parsePosition(text: string): Position | null {
  const match = PATTERN.exec(text);
  if (!match) return null;
  return { epoch: match[1] as string, partition: Number(match[2]), offset: Number(match[3]) };
}
