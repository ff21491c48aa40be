/** Waiting for what a cluster does: on a busy machine, after a fault, that takes its time. */
import { setTimeout as sleep } from "node:timers/promises";

export type Answer<T> = Exclude<T, undefined | null | false>;

const PAUSE_MS = 50;

/** Asks again and again until the answer is not `undefined`, `null` or `false`, and returns it. A failure to ask is no answer.
 * @throws Error when the time is over, with what was waited for and why it failed last */
export async function within<T>(
  timeoutMs: number,
  what: string | (() => string),
  ask: () => T | Promise<T>,
): Promise<Answer<T>> {
  const giveUpAtMs = Date.now() + timeoutMs;
  let failure: unknown;
  for (;;) {
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== null && answer !== false) return answer as Answer<T>;
      failure = undefined;
    } catch (error) {
      failure = error;
    }
    if (Date.now() > giveUpAtMs) {
      const told = typeof what === "string" ? what : what();
      throw new Error(`Waited ${timeoutMs} ms in vain: ${told}`, failure === undefined ? {} : { cause: failure });
    }
    await sleep(PAUSE_MS);
  }
}
