/** Ctrl-C drains; a second one ends at once. */
import type { Clock } from "../kit/clock.ts";

export interface StopOptions {
  /** Where signals come from: `process`. */
  signals: Pick<NodeJS.EventEmitter, "on">;
  stop(): Promise<void>;
  exit(code: number): void;
  say(text: string): void;
  onError(error: unknown): void;
  clock: Clock;
}

/** A terminal sends Ctrl-C to npm and to us, and npm passes it on: two signals within this time are one. */
const SAME_SIGNAL_MS = 300;
/** Exit code of a program that a signal has ended: 128 + SIGINT. */
const EXIT_SIGNAL = 130;

export function stopOnSignals(options: StopOptions): void {
  let firstAtMs: number | null = null;
  const onSignal = () => {
    const nowMs = options.clock.nowMs();
    if (firstAtMs === null) {
      firstAtMs = nowMs;
      options.say("\n  Stopping: clients are told to come back. Ctrl-C again ends at once.\n");
      options.stop().then(
        () => options.exit(0),
        (error: unknown) => {
          options.onError(error);
          options.exit(1);
        },
      );
    } else if (nowMs - firstAtMs >= SAME_SIGNAL_MS) {
      options.exit(EXIT_SIGNAL);
    }
  };
  options.signals.on("SIGINT", onSignal);
  options.signals.on("SIGTERM", onSignal);
}
