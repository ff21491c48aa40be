/** Where a subscriber of a wire without a cursor begins to read. */
import type { Clock } from "../kit/clock.ts";
import type { EventLog } from "../log/event-log.ts";
import type { Topic } from "../log/topic.ts";

export interface ReplayWindow {
  log: Pick<EventLog, "offsetSince">;
  clock: Clock;
  /** How far back it reads, milliseconds. */
  replayWindowMs: number;
}

/**
 * The offset behind which the window's records lie, of more than `records` the newest ones. What came since the
 * subscriber listens (`openedAt`) is behind it too, however short the window is and whatever time it bears.
 */
export async function windowStart(
  { log, clock, replayWindowMs }: ReplayWindow,
  { topic, openedAt, records }: { topic: Topic; openedAt: number; records: number },
): Promise<number> {
  return Math.min(await log.offsetSince(topic, clock.nowMs() - replayWindowMs, records), openedAt);
}
