/** What clients have joined. */
import type { ClientSession } from "../../../log/store.ts";
import type { Connection } from "../connection.ts";

export async function session(connection: Connection, id: string, seenSinceMs: number): Promise<ClientSession | null> {
  const row = await connection.get<{ merchant_id: string; joined: string; seen_at_ms: number }>(
    "SELECT merchant_id, joined, seen_at_ms FROM client_sessions WHERE id = $1 AND seen_at_ms >= $2",
    id,
    seenSinceMs,
  );
  if (!row) return null;
  const joined = JSON.parse(row.joined) as ClientSession["joined"];
  return { id, merchantId: row.merchant_id, joined, seenAtMs: row.seen_at_ms };
}
