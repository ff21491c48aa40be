/** What clients have joined: the newest `keep` sessions. */
import type { ClientSession } from "../../../log/store.ts";
import type { Connection } from "../connection.ts";

export async function keepSession(connection: Connection, session: ClientSession, keep: number): Promise<void> {
  const { id, merchantId, joined, seenAtMs } = session;
  const kept = await connection.get<{ number: number }>(
    `INSERT INTO client_sessions (id, number, merchant_id, joined, seen_at_ms)
     VALUES ($1, nextval('client_session_numbers'), $2, $3, $4)
     ON CONFLICT (id) DO UPDATE SET number = excluded.number, merchant_id = excluded.merchant_id,
       joined = excluded.joined, seen_at_ms = excluded.seen_at_ms
     RETURNING number`,
    id,
    merchantId,
    JSON.stringify(joined),
    seenAtMs,
  );
  const last = (kept?.number ?? 0) - keep;
  if (last <= 0) return;
  await connection.run(
    `DELETE FROM client_sessions WHERE ctid = ANY(ARRAY(
       SELECT ctid FROM client_sessions WHERE number <= $1 FOR UPDATE SKIP LOCKED))`,
    last,
  );
}

/** Returns how many there were; what another process deletes at the moment is left to it. */
export function deleteOldSessions(connection: Connection, seenBeforeMs: number, limit: number): Promise<number> {
  return connection.run(
    `DELETE FROM client_sessions WHERE ctid = ANY(ARRAY(
       SELECT ctid FROM client_sessions WHERE seen_at_ms < $1 ORDER BY seen_at_ms LIMIT $2 FOR UPDATE SKIP LOCKED))`,
    seenBeforeMs,
    limit,
  );
}
