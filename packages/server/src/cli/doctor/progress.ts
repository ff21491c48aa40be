/** Whoever waits sees for what. */
import { performance } from "node:perf_hooks";
import type { CliIo } from "../io.ts";

const EVERY_MS = 2_000;

/** Says on standard error what is waited for, every two seconds. */
export async function withProgress<T>(io: Pick<CliIo, "err">, label: string, work: Promise<T>): Promise<T> {
  const beganAt = performance.now();
  const timer = setInterval(() => {
    io.err(`… ${label} (${Math.round((performance.now() - beganAt) / 1_000)} s)\n`);
  }, EVERY_MS);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}
