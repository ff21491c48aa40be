/** What names a customer leaves the log when the payment is erased. Records keep nothing else that is personal. */
import { topics } from "../../../log/topic.ts";
import type { Connection } from "../connection.ts";

/** Removes the payment's records from its customer's topic; the record of the erasure itself too. */
export function erasePersonalTopics(connection: Connection, paymentId: string): void {
  const ofPayment = "SELECT offset FROM log_topics WHERE topic = ?";
  const records = connection.all<{ offset: number; topics: string }>(
    `SELECT offset, topics FROM log_records WHERE offset IN (${ofPayment})`,
    topics.payment(paymentId),
  );
  for (const record of records) {
    const named = JSON.parse(record.topics) as string[];
    const personal = named.filter((topic) => topic.startsWith("customer:"));
    if (personal.length === 0) continue;
    for (const topic of personal) {
      connection.run("DELETE FROM log_topics WHERE topic = ? AND offset = ?", topic, record.offset);
    }
    const kept = named.filter((topic) => !personal.includes(topic));
    connection.run("UPDATE log_records SET topics = ? WHERE offset = ?", JSON.stringify(kept), record.offset);
  }
}
