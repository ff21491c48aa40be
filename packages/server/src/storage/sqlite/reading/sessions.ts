/** What clients have joined. */
import type { ClientSession } from "../../../log/store.ts";
import type { Connection } from "../connection.ts";

export function session(connection: Connection, id: string, seenSinceMs: number): ClientSession | null {
  const row = connection.get<{ merchant_id: string; joined: string; seen_at_ms: number }>(
    "SELECT merchant_id, joined, seen_at_ms FROM client_sessions WHERE id = ? AND seen_at_ms >= ?",
    id,
    seenSinceMs,
  );
  if (!row) return null;
  const joined = JSON.parse(row.joined) as ClientSession["joined"];
  return { id, merchantId: row.merchant_id, joined, seenAtMs: row.seen_at_ms };
}
