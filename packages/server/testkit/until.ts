/** Waiting for what happens elsewhere, without guessing how long it takes. */
import { setTimeout as sleep } from "node:timers/promises";

/** Asks again and again until the answer is not `undefined`, `null` or `false`, and returns it.
 * @throws Error after 15 seconds, with what was waited for */
export async function until<T>(
  what: string | (() => string),
  ask: () => T | Promise<T>,
): Promise<Exclude<T, undefined | null | false>> {
  for (let asked = 0; asked < 1_500; asked += 1) {
    const answer = await ask();
    if (answer !== undefined && answer !== null && answer !== false) {
      return answer as Exclude<T, undefined | null | false>;
    }
    await sleep(10);
  }
  throw new Error(`Waited in vain: ${typeof what === "string" ? what : what()}`);
}
