/** What records of the log name that a chain is to be watched for. */
import type { NamedKey } from "../../../log/store.ts";
import type { Connection } from "../connection.ts";

interface NamedRow {
  head: number;
  offset: number | null;
  type: NamedKey["type"];
  recipient: string;
  match: string | null;
  claimed_tx_id: string | null;
}

/** As the index says it: `log_records_naming_keys`. */
const NAMES_KEYS = "type IN ('payment.created', 'payment.claimed')";

const KEYS_AFTER = `SELECT m.head, r.* FROM meta m LEFT JOIN LATERAL (
    SELECT l."offset", l.type, p.recipient, p.match, p.claimed_tx_id
    FROM log_records l JOIN payments p ON p.id = l.payment_id
    WHERE l."offset" > $2 AND l.${NAMES_KEYS} AND p.chain = $1 AND p.recipient IS NOT NULL
    ORDER BY l."offset" LIMIT $3
  ) r ON true ORDER BY r."offset"`;

export async function keysAfter(
  connection: Connection,
  chain: string,
  offset: number,
  limit: number,
): Promise<{ keys: readonly NamedKey[]; next: number; head: number }> {
  const rows = await connection.all<NamedRow>(KEYS_AFTER, chain, offset, limit);
  const [bounds] = rows;
  if (!bounds) throw new Error("The row of meta is missing.");
  const { head } = bounds;
  const named = rows.filter((row) => row.offset !== null);
  const keys = named.map(
    ({ type, recipient, match, claimed_tx_id: claimedTxId }): NamedKey => ({
      type,
      recipient,
      match: match === null ? null : JSON.parse(match),
      claimedTxId,
    }),
  );
  // Fewer than asked for: everything up to the end was seen.
  return { keys, next: named.length < limit ? head : (named.at(-1)?.offset ?? head), head };
}

const KEYS_SINCE = `SELECT m.head, (
    SELECT min(r."offset") FROM (
      SELECT "offset", at_ms FROM log_records WHERE "offset" > 0 AND ${NAMES_KEYS} ORDER BY "offset" DESC LIMIT $2
    ) r WHERE r.at_ms >= $1
  ) AS first FROM meta m`;

export async function keysSince(connection: Connection, sinceMs: number, limit: number): Promise<number> {
  const row = await connection.get<{ head: number; first: number | null }>(KEYS_SINCE, sinceMs, limit);
  if (!row) throw new Error("The row of meta is missing.");
  return row.first === null ? row.head : row.first - 1;
}
