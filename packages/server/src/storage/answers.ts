/** How long an answer under its Idempotency-Key is given again, milliseconds. */
export const KEPT_MS = 24 * 60 * 60 * 1_000;
