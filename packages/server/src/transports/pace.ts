/** How a drain is spread over time: evenly, and never in one go, even where the process was held up for a while. */

export interface PacePoint {
  /** Clients to be told in all. */
  count: number;
  /** Told so far. */
  told: number;
  passedMs: number;
  /** The time over which they are spread. 0: all at once. */
  withinMs: number;
  /** Time between two steps. */
  stepMs: number;
}

/** What was missed while the process was busy is made up for at so many times the even share. */
const CATCH_UP = 2;

/** How many are told in this step. The last ones when the time is over; later where the process was held up. */
export function dueNow({ count, told, passedMs, withinMs, stepMs }: PacePoint): number {
  const left = count - told;
  if (withinMs <= 0) return left;
  const due = Math.ceil((count * Math.min(passedMs, withinMs)) / withinMs) - told;
  const share = Math.ceil((count * Math.min(stepMs, withinMs)) / withinMs);
  return Math.max(0, Math.min(left, due, share * CATCH_UP));
}
