/** Ctrl-C, or a supervisor's SIGTERM, drains; a second one ends at once. A drain that takes long says how far it is. */
import { constants } from "node:os";
import type { Config } from "../config/config.ts";
import type { Clock } from "../kit/clock.ts";
import { drainBoundMs } from "../transports/drain.ts";

export interface StopOptions {
  /** Where signals come from: `process`. */
  signals: Pick<NodeJS.EventEmitter, "on">;
  stop(): Promise<void>;
  /** How far it is, for people: `340 of 1,200 clients are still to be told`. */
  progress(): string;
  /** After this time the process ends, whatever is not finished. */
  boundMs: number;
  exit(code: number): void;
  say(text: string): void;
  /** For what is worth a line in the log: what was not finished. */
  warn(text: string): void;
  onError(error: unknown): void;
  clock: Clock;
  /** Left out: two seconds. */
  progressEveryMs?: number;
}

/** A terminal sends Ctrl-C to npm and to us, and npm passes it on: two signals within this time are one. */
const SAME_SIGNAL_MS = 300;
/** Exit code of a program that a signal has ended: this, and the signal's number. */
const EXIT_SIGNAL = 128;
const PROGRESS_EVERY_MS = 2_000;
/** When the clients are gone: time to finish what is being written, and to close the database. */
const CLOSE_MS = 5_000;

/** The longest time from the signal to the end. A supervisor should wait longer before it kills. */
export function stopBoundMs({ drain, limits }: Pick<Config, "drain" | "limits">): number {
  return drainBoundMs({ ...drain, closeTimeoutMs: limits.closeTimeoutMs }) + CLOSE_MS;
}

type StopSignal = "SIGINT" | "SIGTERM";

/** While it starts there is nothing to drain, so a signal ends it at once: also as the first process of a container, where
 * the system itself would ignore it. Returns what ends that. */
export function endOnSignals(
  signals: Pick<NodeJS.EventEmitter, "on" | "off">,
  exit: (code: number) => void,
): () => void {
  const end = (signal: StopSignal) => exit(EXIT_SIGNAL + constants.signals[signal]);
  signals.on("SIGINT", end).on("SIGTERM", end);
  return () => {
    signals.off("SIGINT", end).off("SIGTERM", end);
  };
}

export function stopOnSignals(options: StopOptions): void {
  let firstAtMs: number | null = null;
  const onSignal = (signal: StopSignal) => {
    const nowMs = options.clock.nowMs();
    if (firstAtMs === null) {
      firstAtMs = nowMs;
      stopOnce(options);
    } else if (nowMs - firstAtMs >= SAME_SIGNAL_MS) {
      options.say("  Ended at once.\n");
      options.warn(`a second signal ended the server at once: ${options.progress()}`);
      options.exit(EXIT_SIGNAL + constants.signals[signal]);
    }
  };
  options.signals.on("SIGINT", () => onSignal("SIGINT"));
  options.signals.on("SIGTERM", () => onSignal("SIGTERM"));
}

function stopOnce({ stop, exit, say, warn, onError, progress, boundMs, progressEveryMs }: StopOptions): void {
  say("\n  Stopping: clients are told to come back. Ctrl-C again ends at once.\n");
  const ticker = setInterval(() => say(`  Stopping: ${progress()}.\n`), progressEveryMs ?? PROGRESS_EVERY_MS);
  const bound = setTimeout(() => {
    warn(`the server did not stop within ${boundMs} ms, and ends now: ${progress()}`);
    end(0);
  }, boundMs);
  const end = (code: number) => {
    clearInterval(ticker);
    clearTimeout(bound);
    exit(code);
  };
  stop().then(
    () => end(0),
    (error: unknown) => {
      onError(error);
      end(1);
    },
  );
}
