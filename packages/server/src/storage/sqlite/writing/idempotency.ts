/** Answers under their Idempotency-Key, kept for 24 hours. */
import type { IdempotentAnswer } from "../../../log/event-log.ts";
import type { Connection } from "../connection.ts";

export const KEPT_MS = 24 * 60 * 60 * 1_000;
/** Old answers that one new answer clears away: more than one, so that they cannot pile up. */
const CLEARED_AT_ONCE = 10;

/** Returns false when the key was used within the last 24 hours. */
export function storeIdempotentAnswer(connection: Connection, answer: IdempotentAnswer): boolean {
  const oldest = answer.atMs - KEPT_MS;
  connection.run(
    `DELETE FROM idempotent_answers WHERE rowid IN
       (SELECT rowid FROM idempotent_answers WHERE at_ms < ? ORDER BY at_ms LIMIT ${CLEARED_AT_ONCE})`,
    oldest,
  );
  const stored = connection.run(
    `INSERT INTO idempotent_answers (merchant_id, key, request_hash, http_status, body, at_ms) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT (merchant_id, key) DO UPDATE SET request_hash = excluded.request_hash,
       http_status = excluded.http_status, body = excluded.body, at_ms = excluded.at_ms
     WHERE idempotent_answers.at_ms < ?`,
    answer.merchantId,
    answer.key,
    answer.requestHash,
    answer.httpStatus,
    answer.body,
    answer.atMs,
    oldest,
  );
  return stored === 1;
}
