/** Reading the log by offset, and by topic through the index. */
import { CursorExpired } from "../../../log/event-log.ts";
import type { Topic } from "../../../log/topic.ts";
import type { RecordRow, RowPage } from "../../records.ts";
import type { Connection } from "../connection.ts";

export function head(connection: Connection): number {
  return bounds(connection).head;
}

/** @throws CursorExpired */
export function readAfter(
  connection: Connection,
  offset: number,
  options: { topics?: readonly Topic[]; limit: number },
): RowPage {
  return connection.read(() => {
    const { head, trimmed_to: trimmedTo } = bounds(connection);
    if (offset > head) throw new CursorExpired(`The log ends at ${head}; it never reached ${offset}.`);
    if (offset < trimmedTo) throw new CursorExpired(`The log begins behind ${trimmedTo}; ${offset} is gone.`);
    const rows = options.topics
      ? rowsOfTopics(connection, offset, options.topics, options.limit)
      : connection.all<RecordRow>(
          "SELECT * FROM log_records WHERE offset > ? ORDER BY offset LIMIT ?",
          offset,
          options.limit,
        );
    const last = rows.at(-1);
    // Fewer than asked for: everything up to the end was seen. Else something may lie behind the last one.
    const next = last && rows.length >= options.limit ? last.offset : head;
    return { rows, next, head };
  });
}

/** Backwards from the newest record of the topic, so that the cost is what is replayed and not the topic's past. */
export function offsetSince(connection: Connection, topic: Topic, sinceMs: number, limit: number): number {
  return connection.read(() => {
    const newest = connection.all<{ offset: number; at_ms: number }>(
      `SELECT r.offset, r.at_ms FROM log_topics t JOIN log_records r ON r.offset = t.offset
       WHERE t.topic = ? ORDER BY t.offset DESC LIMIT ?`,
      topic,
      limit,
    );
    const tooOld = newest.findIndex((row) => row.at_ms < sinceMs);
    const oldest = (tooOld === -1 ? newest : newest.slice(0, tooOld)).at(-1);
    return oldest ? oldest.offset - 1 : bounds(connection).head;
  });
}

function bounds(connection: Connection): { head: number; trimmed_to: number } {
  const row = connection.get<{ head: number; trimmed_to: number }>("SELECT head, trimmed_to FROM meta");
  if (!row) throw new Error("The row of meta is missing.");
  return row;
}

/** The first `limit` of each topic contain the first `limit` of all. */
function rowsOfTopics(connection: Connection, offset: number, topics: readonly Topic[], limit: number): RecordRow[] {
  const offsets = new Set<number>();
  for (const topic of new Set(topics)) {
    const found = connection.all<{ offset: number }>(
      "SELECT offset FROM log_topics WHERE topic = ? AND offset > ? ORDER BY offset LIMIT ?",
      topic,
      offset,
      limit,
    );
    for (const row of found) offsets.add(row.offset);
  }
  const first = [...offsets].sort((a, b) => a - b).slice(0, limit);
  return first.map((at) => {
    const row = connection.get<RecordRow>("SELECT * FROM log_records WHERE offset = ?", at);
    if (!row) throw new Error(`Record ${at} is indexed but missing.`);
    return row;
  });
}
