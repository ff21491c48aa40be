/**
 * Is this machine's clock right? Without the internet nobody can be asked for the time, but blocks carry theirs: one from
 * the future says that the clock is behind. (That all blocks are old may have other reasons; the chains' findings say it.)
 */
import { performance } from "node:perf_hooks";
import type { ChainVisit } from "./chains.ts";
import { broken, type Finding, ok, warning } from "./finding.ts";

/** Block producers' clocks differ by seconds. */
const TOLERATED_MS = 15_000;
/** Bitcoin's rules let a block's time lie so far ahead. Source: Bitcoin Core `MAX_FUTURE_BLOCK_TIME`. */
const BITCOIN_TOLERATED_MS = 2 * 3_600_000;
/** Between the clock that can be set and the one that only runs, over the time that the doctor took. */
const JUMP_MS = 1_000;

/** Both clocks at one moment. */
export interface ClockMark {
  wallMs: number;
  runningMs: number;
}

export const markClocks = (): ClockMark => ({ wallMs: Date.now(), runningMs: performance.now() });

export function clockFinding(visits: readonly ChainVisit[], began: ClockMark, now: ClockMark): Finding {
  const what = "clock";
  const shown = new Date(now.wallMs).toISOString();
  const jumpMs = Math.abs(now.wallMs - began.wallMs - (now.runningMs - began.runningMs));
  if (jumpMs > JUMP_MS) {
    return warning(what, `${shown}; it was set by ${Math.round(jumpMs / 1_000)} s just now.`, "Let NTP slew it.");
  }
  const ahead = visits.flatMap(({ chain, settings, readings }) =>
    readings.flatMap(({ head }) => {
      const byMs = (head?.timeMs ?? 0) - now.wallMs;
      return byMs > (settings.kind === "bitcoin" ? BITCOIN_TOLERATED_MS : TOLERATED_MS) ? [{ chain, byMs }] : [];
    }),
  );
  const [worst] = ahead.sort((one, other) => other.byMs - one.byMs);
  if (!worst) {
    const compared = visits.some(({ readings }) => readings.some(({ head }) => head?.timeMs != null));
    return ok(what, compared ? `${shown}, not behind the chains' blocks` : `${shown}; no chain to compare it with`);
  }
  const found = `${shown}: the newest block of ${worst.chain} is ${Math.round(worst.byMs / 1_000)} s ahead of it.`;
  return broken(what, found, "Set the clock, best by NTP: payments would expire at the wrong time.");
}
