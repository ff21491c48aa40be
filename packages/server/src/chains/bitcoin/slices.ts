/** A full mempool has hundreds of thousands of transactions: going through it at once would hold up everything else. */
import { setImmediate } from "node:timers/promises";

const SLICE = 2_000;

/** Visits them in order, and lets others work after every 2,000. What is added to a `Map` or `Set` meanwhile is visited
 * too. */
export async function inSlices<T>(values: Iterable<T>, visit: (value: T) => void): Promise<void> {
  let left = SLICE;
  for (const value of values) {
    visit(value);
    left -= 1;
    if (left > 0) continue;
    left = SLICE;
    await setImmediate();
  }
}
