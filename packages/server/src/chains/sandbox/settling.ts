/**
 * Waits until what came of the simulated chain has been reported and its consequences are durable, whichever node watches
 * it. Where this one does, its watcher is asked; otherwise the stored cursor says how far the node that watches has come.
 */
import { messageOf, PaybellError } from "../../kit/errors.ts";
import { Wake } from "../../kit/wake.ts";
import type { SandboxChain } from "./chain.ts";
import type { Attendant } from "./node.ts";
import type { SandboxPosition } from "./walk.ts";

export interface SettlingOptions {
  chain: SandboxChain;
  /** The cursor of the last report that was stored, whoever made it. Asked only where others may watch. */
  cursor: () => Promise<unknown>;
  /** How long to wait, milliseconds. */
  patienceMs: number;
}

/** How often the cursor is read where no word comes of it, milliseconds: at first, and at most. */
const LOOK_MS = { first: 20, most: 500 };

export class Settling {
  readonly #options: SettlingOptions;
  #reading: Promise<number> | null = null;

  constructor(options: SettlingOptions) {
    this.#options = options;
  }

  /** Resolves when everything that the chain did before the call has been applied.
   * @throws PaybellError overloaded: it was done, and nobody has reported it for too long */
  async settled(): Promise<void> {
    const { chain, patienceMs } = this.#options;
    const { nextNumber } = chain;
    const wake = new Wake();
    const stopListening = chain.listen(() => wake.now());
    const giveUpAtMs = performance.now() + patienceMs;
    let why = "Nobody watches it";
    try {
      for (let lookMs = LOOK_MS.first; ; lookMs = Math.min(2 * lookMs, LOOK_MS.most)) {
        const leftMs = giveUpAtMs - performance.now();
        if (leftMs <= 0) throw unreported(patienceMs, why);
        try {
          if (chain.attendant && (await inTime(chain.attendant, leftMs))) return;
          if (chain.isShared && (await this.#reportedUpTo()) >= nextNumber) return;
        } catch (error) {
          why = messageOf(error);
        }
        if (!chain.isShared && !chain.attendant) throw unreported(0, why);
        await wake.within(Math.min(lookMs, leftMs));
      }
    } finally {
      stopListening();
    }
  }

  /** One question for all who wait. */
  #reportedUpTo(): Promise<number> {
    this.#reading ??= this.#options
      .cursor()
      .then((cursor) => (cursor as SandboxPosition | null)?.nextNumber ?? 0)
      .finally(() => {
        this.#reading = null;
      });
    return this.#reading;
  }
}

/** Returns false when the time is over.
 * @throws what `settled` throws */
async function inTime(attendant: Attendant, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, ms, false);
  });
  try {
    return await Promise.race([attendant.settled().then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}

function unreported(afterMs: number, why: string): PaybellError {
  return new PaybellError(
    "overloaded",
    `It is done on the simulated chain, but was not reported within ${afterMs / 1_000} s (${why}). Do not repeat it: it counts as soon as the chain is watched again, see /readyz.`,
  );
}
