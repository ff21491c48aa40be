/** Whoever waits sees for what. */
import type { CliIo } from "../io.ts";

const EVERY_MS = 2_000;

/** Says on standard error what is waited for, every two seconds. */
export async function withProgress<T>(io: Pick<CliIo, "err">, label: string, work: Promise<T>): Promise<T> {
  let saidTimes = 0;
  const timer = setInterval(() => {
    saidTimes += 1;
    io.err(`… ${label} (${(saidTimes * EVERY_MS) / 1_000} s)\n`);
  }, EVERY_MS);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}
