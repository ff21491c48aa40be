/** What may be personal leaves with a payment that is erased, and what it waited for is over. */
import { topics } from "../../../log/topic.ts";
import type { Connection } from "../connection.ts";
import { eraseAnswersAbout } from "./idempotency.ts";

const PERSONAL = /^(customer|reference):/;

/** Behind the payment's row itself: stored answers that show it, topics that name its customer, and its turn in the
 * blocks to come: of a standing payment the decision did not have all transfers. */
export function eraseTraces(connection: Connection, paymentId: string): void {
  eraseAnswersAbout(connection, paymentId);
  erasePersonalTopics(connection, paymentId);
  connection.run("UPDATE transfers SET due_height = NULL WHERE payment_id = ? AND due_height IS NOT NULL", paymentId);
}

/** Removes the payment's records from the topics of its customer and its reference; the record of the erasure too. */
function erasePersonalTopics(connection: Connection, paymentId: string): void {
  const ofPayment = "SELECT offset FROM log_topics WHERE topic = ?";
  const records = connection.all<{ offset: number; topics: string }>(
    `SELECT offset, topics FROM log_records WHERE offset IN (${ofPayment})`,
    topics.payment(paymentId),
  );
  for (const record of records) {
    const named = JSON.parse(record.topics) as string[];
    const personal = named.filter((topic) => PERSONAL.test(topic));
    if (personal.length === 0) continue;
    for (const topic of personal) {
      connection.run("DELETE FROM log_topics WHERE topic = ? AND offset = ?", topic, record.offset);
    }
    const kept = named.filter((topic) => !personal.includes(topic));
    connection.run("UPDATE log_records SET topics = ? WHERE offset = ?", JSON.stringify(kept), record.offset);
  }
}
