/** Listening again on the port of before: somebody's outgoing connection may be given it for a moment. */
import { setTimeout as delay } from "node:timers/promises";

const ATTEMPTS = 100;
const PAUSE_MS = 100;

/** @throws what `listen` throws, if the port is still taken in the end, or if something else is wrong */
export async function onceFree(listen: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await listen();
    } catch (error) {
      const taken = (error as NodeJS.ErrnoException).code === "EADDRINUSE";
      if (!taken || attempt === ATTEMPTS) throw error;
      await delay(PAUSE_MS);
    }
  }
}
