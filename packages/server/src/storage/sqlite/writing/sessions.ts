/** What clients have joined: the newest `keep` sessions. */
import type { ClientSession } from "../../../log/store.ts";
import type { Connection } from "../connection.ts";

export function keepSession(connection: Connection, session: ClientSession, keep: number): void {
  const { id, merchantId, joined, seenAtMs } = session;
  // A replaced row gets the highest rowid.
  connection.run(
    "INSERT OR REPLACE INTO client_sessions (id, merchant_id, joined, seen_at_ms) VALUES (?, ?, ?, ?)",
    id,
    merchantId,
    JSON.stringify(joined),
    seenAtMs,
  );
  connection.run("DELETE FROM client_sessions WHERE rowid <= (SELECT max(rowid) FROM client_sessions) - ?", keep);
}

/** Returns how many there were. */
export function deleteOldSessions(connection: Connection, seenBeforeMs: number, limit: number): number {
  return connection.run(
    `DELETE FROM client_sessions WHERE rowid IN
       (SELECT rowid FROM client_sessions WHERE seen_at_ms < ? ORDER BY seen_at_ms LIMIT ?)`,
    seenBeforeMs,
    limit,
  );
}
