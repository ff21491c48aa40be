/** Answers under their Idempotency-Key, kept for 24 hours. */
import type { IdempotentAnswer } from "../../../log/event-log.ts";
import { KEPT_MS } from "../../answers.ts";
import type { Connection } from "../connection.ts";

/** Beside a decision's own write. Returns false when the key was used within the last 24 hours. An answer that shows a
 * payment which was erased meanwhile is not kept, and nobody has used its key. */
export function storeIdempotentAnswer(connection: Connection, answer: IdempotentAnswer): boolean {
  const erased = (answer.paymentIds ?? []).some((paymentId) =>
    connection.get("SELECT 1 FROM payments WHERE id = ? AND erased_at_ms IS NOT NULL", paymentId),
  );
  return erased || storeAnswer(connection, answer);
}

/** Was the key used within the last 24 hours? */
export function isKeyUsed(connection: Connection, { merchantId, key, atMs }: IdempotentAnswer): boolean {
  const row = connection.get(
    "SELECT 1 FROM idempotent_answers WHERE merchant_id = ? AND key = ? AND at_ms >= ?",
    merchantId,
    key,
    atMs - KEPT_MS,
  );
  return row !== undefined;
}

/** With the decision that it answers. Returns false when the key was used within the last 24 hours. */
export function storeAnswer(connection: Connection, answer: IdempotentAnswer): boolean {
  if (insert(connection, answer)) return true;
  const { merchantId, key, atMs } = answer;
  const expired = connection.run(
    "DELETE FROM idempotent_answers WHERE merchant_id = ? AND key = ? AND at_ms < ?",
    merchantId,
    key,
    atMs - KEPT_MS,
  );
  return expired === 1 && insert(connection, answer);
}

function insert(connection: Connection, answer: IdempotentAnswer): boolean {
  const { merchantId, key, requestHash, httpStatus, body, atMs, paymentIds = [] } = answer;
  const [first = null, ...others] = paymentIds;
  const stored = connection.run(
    `INSERT INTO idempotent_answers (merchant_id, key, request_hash, http_status, body, at_ms, payment_id)
     VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    merchantId,
    key,
    requestHash,
    httpStatus,
    body,
    atMs,
    first,
  );
  if (stored === 0) return false;
  for (const paymentId of others) {
    connection.run(
      "INSERT INTO answered_payments (payment_id, merchant_id, key) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
      paymentId,
      merchantId,
      key,
    );
  }
  return true;
}

/** Answers that show this payment. */
export function eraseAnswersAbout(connection: Connection, paymentId: string): void {
  connection.run("DELETE FROM idempotent_answers WHERE payment_id = ?", paymentId);
  connection.run(
    `DELETE FROM idempotent_answers WHERE (merchant_id, key) IN
       (SELECT merchant_id, key FROM answered_payments WHERE payment_id = ?)`,
    paymentId,
  );
}

/** The oldest of those that nobody is given any more, at most `limit`. Returns how many. */
export function deleteExpiredAnswers(connection: Connection, nowMs: number, limit: number): number {
  return connection.run(
    `DELETE FROM idempotent_answers WHERE rowid IN
       (SELECT rowid FROM idempotent_answers WHERE at_ms < ? ORDER BY at_ms LIMIT ?)`,
    nowMs - KEPT_MS,
    limit,
  );
}
