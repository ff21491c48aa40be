/** How long a server asks to be left alone. Source: RFC 9110, 10.2.3 (seconds, or a date). */

/** Nobody is left alone for longer: a provider's daily quota begins anew by then, and a wrong clock means nothing. */
const LONGEST_MS = 24 * 3_600_000;

/** Milliseconds; `null` where the header is absent or says nothing that can be understood. */
export function retryAfterMs(headers: Headers, nowMs: number): number | null {
  const text = headers.get("retry-after")?.trim() ?? "";
  if (/^\d{1,12}(\.\d{1,6})?$/.test(text)) return Math.min(LONGEST_MS, Math.ceil(Number(text) * 1_000));
  const untilMs = Date.parse(text);
  if (!Number.isFinite(untilMs)) return null;
  // By the clock of whoever wrote it, where it says what that shows.
  const sentAtMs = Date.parse(headers.get("date") ?? "");
  return Math.min(LONGEST_MS, Math.max(0, untilMs - (Number.isFinite(sentAtMs) ? sentAtMs : nowMs)));
}
