/** What may be personal leaves with a payment that is erased, and what it waited for is over. */
import { topics } from "../../../log/topic.ts";
import { arrayOf } from "../arrays.ts";
import type { Connection } from "../connection.ts";

const PERSONAL = /^(customer|reference):/;

/** Behind the payments' rows themselves: stored answers that show them, topics that name their customers (of the records of
 * the erasures too), and their turns in the blocks to come: of a standing payment the decision did not have all transfers. */
export async function eraseTraces(connection: Connection, paymentIds: readonly string[]): Promise<void> {
  if (paymentIds.length === 0) return;
  const ids = arrayOf(paymentIds);
  const [, , , records] = await Promise.all([
    connection.run(
      `DELETE FROM idempotent_answers a USING (
         SELECT DISTINCT s.merchant_id, s.key FROM unnest($1::text[]) AS erased (id)
         CROSS JOIN LATERAL (SELECT merchant_id, key FROM answered_payments WHERE payment_id = erased.id OFFSET 0) s
       ) shown WHERE a.merchant_id = shown.merchant_id AND a.key = shown.key`,
      ids,
    ),
    connection.run("DELETE FROM idempotent_answers WHERE payment_id = ANY($1::text[])", ids),
    connection.run(
      "UPDATE transfers SET due_height = NULL WHERE payment_id = ANY($1::text[]) AND due_height IS NOT NULL",
      ids,
    ),
    connection.all<{ offset: number; topics: string }>(
      `SELECT r."offset", r.topics FROM log_topics t JOIN log_records r ON r."offset" = t."offset"
       WHERE t.topic = ANY($1::text[])`,
      arrayOf(paymentIds.map((id) => topics.payment(id))),
    ),
  ]);
  await erasePersonalTopics(connection, records);
}

async function erasePersonalTopics(
  connection: Connection,
  records: readonly { offset: number; topics: string }[],
): Promise<void> {
  const gone: { topic: string; offset: number }[] = [];
  const kept: { topics: string; offset: number }[] = [];
  for (const { offset, topics: json } of records) {
    const named = JSON.parse(json) as string[];
    const personal = named.filter((topic) => PERSONAL.test(topic));
    if (personal.length === 0) continue;
    gone.push(...personal.map((topic) => ({ topic, offset })));
    kept.push({ offset, topics: JSON.stringify(named.filter((topic) => !personal.includes(topic))) });
  }
  if (kept.length === 0) return;
  await Promise.all([
    connection.run(
      `DELETE FROM log_topics t USING unnest($1::text[], $2::bigint[]) AS k (topic, "offset")
       WHERE t.topic = k.topic AND t."offset" = k."offset"`,
      arrayOf(gone.map(({ topic }) => topic)),
      arrayOf(gone.map(({ offset }) => offset)),
    ),
    connection.run(
      `UPDATE log_records r SET topics = k.topics FROM unnest($1::bigint[], $2::text[]) AS k ("offset", topics)
       WHERE r."offset" = k."offset"`,
      arrayOf(kept.map(({ offset }) => offset)),
      arrayOf(kept.map((record) => record.topics)),
    ),
  ]);
}
