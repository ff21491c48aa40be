/** Answers under their Idempotency-Key that belong to no decision, kept for 24 hours. */
import type { IdempotentAnswer } from "../../../log/event-log.ts";
import { KEPT_MS } from "../../answers.ts";
import { arrayOf } from "../arrays.ts";
import type { Connection } from "../connection.ts";

/** Returns false when the key was used within the last 24 hours. An answer that shows a payment which was erased meanwhile
 * is not kept, and nobody has used its key. */
export async function storeIdempotentAnswer(connection: Connection, answer: IdempotentAnswer): Promise<boolean> {
  const { merchantId, key, requestHash, httpStatus, body, atMs, paymentIds = [] } = answer;
  // Shared locks: an erasure of one of them waits until this answer is stored, and then finds it.
  const shown = await connection.all<{ erased_at_ms: number | null }>(
    "SELECT erased_at_ms FROM payments WHERE id = ANY($1::text[]) ORDER BY id FOR SHARE",
    arrayOf([...new Set(paymentIds)]),
  );
  if (shown.some((row) => row.erased_at_ms !== null)) return true;
  await connection.run(
    "DELETE FROM idempotent_answers WHERE merchant_id = $1 AND key = $2 AND at_ms < $3",
    merchantId,
    key,
    atMs - KEPT_MS,
  );
  const [first = null, ...others] = paymentIds;
  const stored = await connection.run(
    `INSERT INTO idempotent_answers (merchant_id, key, request_hash, http_status, body, at_ms, payment_id)
     VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
    merchantId,
    key,
    requestHash,
    httpStatus,
    body,
    atMs,
    first,
  );
  if (stored === 0) return false;
  if (others.length > 0) {
    await connection.run(
      `INSERT INTO answered_payments (payment_id, merchant_id, key)
       SELECT payment_id, $2, $3 FROM unnest($1::text[]) AS k (payment_id) ON CONFLICT DO NOTHING`,
      arrayOf(others),
      merchantId,
      key,
    );
  }
  return true;
}

/** The oldest of those that nobody is given any more, at most `limit`; what another process deletes at the moment is left
 * to it. Returns how many. */
export function deleteExpiredAnswers(connection: Connection, nowMs: number, limit: number): Promise<number> {
  return connection.run(
    `DELETE FROM idempotent_answers WHERE ctid = ANY(ARRAY(
       SELECT ctid FROM idempotent_answers WHERE at_ms < $1 ORDER BY at_ms LIMIT $2 FOR UPDATE SKIP LOCKED))`,
    nowMs - KEPT_MS,
    limit,
  );
}
