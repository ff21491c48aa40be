/** What watchers and the clock ask for: who is due, which transfers are still open, which addresses matter. */
import type { WatcherProgress } from "../../../log/event-log.ts";
import type { BlockTransfer, OpenTransfer } from "../../../log/store.ts";
import { type TransferRow, transferFromRow } from "../../rows.ts";
import type { Connection } from "../connection.ts";
import { unclaimed, type Work } from "../work-claims.ts";

export interface DueTransfer {
  paymentId: string;
  txId: string;
  index: string;
}

export async function dueAtHeight(
  connection: Connection,
  chain: string,
  height: number,
): Promise<readonly DueTransfer[]> {
  const rows = await connection.all<{ payment_id: string; tx_id: string; idx: string }>(
    "SELECT payment_id, tx_id, idx FROM transfers WHERE chain = $1 AND due_height <= $2 ORDER BY payment_id, number",
    chain,
    height,
  );
  return rows.map((row) => ({ paymentId: row.payment_id, txId: row.tx_id, index: row.idx }));
}

/** See `WorkClaims`: what is due at a time is shared between the processes. */
export function dueAtTime(chain: string, watchedUntilMs: number, limit: number): Work {
  return { kind: `deadline ${chain}`, candidates: DUE, parameters: [chain, watchedUntilMs], limit };
}

const DUE = `SELECT id, deadline_ms AS place FROM payments
  WHERE chain = $5 AND deadline_ms <= $6 AND ${unclaimed("payments.id")}
  ORDER BY deadline_ms, id LIMIT $4 FOR NO KEY UPDATE SKIP LOCKED`;

export async function transfersInBlock(
  connection: Connection,
  chain: string,
  blockHash: string,
): Promise<readonly BlockTransfer[]> {
  const rows = await connection.all<TransferRow>(
    `SELECT * FROM transfers WHERE chain = $1 AND block_hash = $2 AND status IN ('included', 'confirmed', 'final')
     ORDER BY number`,
    chain,
    blockHash,
  );
  return toOpenTransfers(rows);
}

export async function openTransfers(connection: Connection, chain: string): Promise<readonly OpenTransfer[]> {
  const rows = await connection.all<TransferRow>(
    // Added to nothing, the number is no reason to walk through all transfers in its order.
    `SELECT * FROM transfers t WHERE chain = $1 AND status IN ('seen', 'included', 'confirmed', 'orphaned')
       AND (SELECT erased_at_ms FROM payments p WHERE p.id = t.payment_id) IS NULL
     ORDER BY number + 0`,
    chain,
  );
  return toOpenTransfers(rows);
}

/** Each table gives no more than is asked for, in the order of its index. */
const WATCHED = `SELECT recipient FROM (
    (SELECT DISTINCT recipient FROM payments WHERE chain = $1 AND recipient > $2 ORDER BY recipient LIMIT $3)
    UNION
    (SELECT DISTINCT recipient FROM shared_addresses WHERE chain = $1 AND recipient > $2 ORDER BY recipient LIMIT $3)
  ) watched ORDER BY recipient LIMIT $3`;

export async function watchedRecipients(
  connection: Connection,
  chain: string,
  after: string | null,
  limit: number,
): Promise<readonly string[]> {
  const rows = await connection.all<{ recipient: string }>(WATCHED, chain, after ?? "", limit);
  return rows.map((row) => row.recipient);
}

export async function progress(connection: Connection, chain: string): Promise<WatcherProgress | null> {
  const row = await connection.get<{ cursor: string; head_height: number; watched_until_ms: number }>(
    "SELECT cursor, head_height, watched_until_ms FROM watcher_progress WHERE chain = $1",
    chain,
  );
  if (!row) return null;
  const cursor: unknown = JSON.parse(row.cursor);
  return { chain, cursor, headHeight: row.head_height, watchedUntilMs: row.watched_until_ms };
}

/** A transfer that credits payments of several merchants is one transfer on the chain; but who reports another amount or
 * another recipient must not speak for the others. */
function toOpenTransfers(rows: readonly TransferRow[]): OpenTransfer[] {
  const distinct = new Map<string, OpenTransfer>();
  for (const row of rows) {
    const { txId, index, recipient, asset, amountAtomic, status, block, firstSeenAtMs, replaceable, spends } =
      transferFromRow(row);
    distinct.set(JSON.stringify([txId, index, recipient, asset, amountAtomic.toString()]), {
      txId,
      index,
      recipient,
      asset,
      amountAtomic,
      status: status as OpenTransfer["status"],
      block,
      firstSeenAtMs,
      replaceable,
      spends,
    });
  }
  return [...distinct.values()];
}
