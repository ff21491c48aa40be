/** Refusals in the envelope of Tributary's REST API: `{success: false, error, timestamp}`. */
import type { Refusal } from "../../http/api.ts";
import type { Clock } from "../../kit/clock.ts";

export const NOT_FOUND = "One-time payment not found";

export function tributaryRefusal(clock: Clock): Refusal {
  return (error) => ({
    httpStatus: error.spec.httpStatus,
    body: { success: false, error: error.message, timestamp: clock.nowMs() },
  });
}
