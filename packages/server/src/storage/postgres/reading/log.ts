/** Reading the log by offset, and by topic through the index. */
import { CursorExpired } from "../../../log/event-log.ts";
import type { Topic } from "../../../log/topic.ts";
import type { RecordRow, RowPage } from "../../records.ts";
import { arrayOf } from "../arrays.ts";
import type { Connection } from "../connection.ts";

export async function head(connection: Connection): Promise<number> {
  const row = await connection.get<{ head: number }>("SELECT head FROM meta");
  if (!row) throw new Error("The row of meta is missing.");
  return row.head;
}

/** A record beside the bounds of the log; only the bounds where there is none. */
type BoundedRow = { epoch: string; head: number; trimmed_to: number } & (
  | RecordRow
  | { [column in keyof RecordRow]: null }
);

const BOUNDS = "SELECT m.epoch, m.head, m.trimmed_to, r.* FROM meta m LEFT JOIN LATERAL";

const READ_ALL = `${BOUNDS} (
    SELECT * FROM log_records WHERE "offset" > $1 ORDER BY "offset" LIMIT $2
  ) r ON true ORDER BY r."offset"`;

/** The first `limit` of each topic contain the first `limit` of all. */
const READ_TOPICS = `${BOUNDS} (
    SELECT own.* FROM (
      SELECT DISTINCT found."offset" FROM unnest($3::text[]) AS asked (topic)
      CROSS JOIN LATERAL (
        SELECT t."offset" FROM log_topics t WHERE t.topic = asked.topic AND t."offset" > $1 ORDER BY t."offset" LIMIT $2
      ) found
      ORDER BY found."offset" LIMIT $2
    ) first JOIN log_records own ON own."offset" = first."offset"
  ) r ON true ORDER BY r."offset"`;

/** @throws CursorExpired */
export async function readAfter(
  connection: Connection,
  offset: number,
  { topics, limit }: { topics?: readonly Topic[]; limit: number },
): Promise<RowPage & { epoch: string }> {
  const found = topics
    ? await connection.all<BoundedRow>(READ_TOPICS, offset, limit, arrayOf([...new Set(topics)]))
    : await connection.all<BoundedRow>(READ_ALL, offset, limit);
  const [bounds] = found;
  if (!bounds) throw new Error("The row of meta is missing.");
  const { epoch, head, trimmed_to: trimmedTo } = bounds;
  if (offset > head) throw new CursorExpired(`The log ends at ${head}; it never reached ${offset}.`);
  if (offset < trimmedTo) throw new CursorExpired(`The log begins behind ${trimmedTo}; ${offset} is gone.`);
  const rows = found.filter((row): row is BoundedRow & RecordRow => row.offset !== null);
  const last = rows.at(-1);
  // Fewer than asked for: everything up to the end was seen. Else something may lie behind the last one.
  const next = last && rows.length >= limit ? last.offset : head;
  return { rows, next, head, epoch };
}

/** Backwards from the newest record of the topic, so that the cost is what is replayed and not the topic's past. */
export async function offsetSince(
  connection: Connection,
  topic: Topic,
  sinceMs: number,
  limit: number,
): Promise<number> {
  const newest = await connection.all<{ head: number; offset: number | null; at_ms: number | null }>(
    `SELECT m.head, r."offset", r.at_ms FROM meta m LEFT JOIN LATERAL (
       SELECT own."offset", own.at_ms
       FROM (SELECT "offset" FROM log_topics WHERE topic = $1 ORDER BY "offset" DESC LIMIT $2) t
       JOIN log_records own ON own."offset" = t."offset"
     ) r ON true ORDER BY r."offset" DESC`,
    topic,
    limit,
  );
  const tooOld = newest.findIndex((row) => row.at_ms === null || row.at_ms < sinceMs);
  const oldest = (tooOld === -1 ? newest : newest.slice(0, tooOld)).at(-1);
  return oldest?.offset != null ? oldest.offset - 1 : (newest[0]?.head ?? 0);
}
