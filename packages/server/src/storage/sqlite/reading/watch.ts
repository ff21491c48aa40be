/** What watchers and the clock ask for: who is due, which transfers are still open, which addresses matter. */
import type { WatcherProgress } from "../../../log/event-log.ts";
import type { BlockTransfer, OpenTransfer } from "../../../log/store.ts";
import { type TransferRow, transferFromRow } from "../../rows.ts";
import type { Connection } from "../connection.ts";

export interface DueTransfer {
  paymentId: string;
  txId: string;
  index: string;
}

export function dueAtHeight(connection: Connection, chain: string, height: number): readonly DueTransfer[] {
  return connection
    .all<{ payment_id: string; tx_id: string; idx: string }>(
      "SELECT payment_id, tx_id, idx FROM transfers WHERE chain = ? AND due_height <= ? ORDER BY payment_id, number",
      chain,
      height,
    )
    .map((row) => ({ paymentId: row.payment_id, txId: row.tx_id, index: row.idx }));
}

export function dueAtTime(
  connection: Connection,
  chain: string,
  watchedUntilMs: number,
  limit: number,
): readonly string[] {
  return connection
    .all<{ id: string }>(
      "SELECT id FROM payments WHERE chain = ? AND deadline_ms <= ? ORDER BY deadline_ms, id LIMIT ?",
      chain,
      watchedUntilMs,
      limit,
    )
    .map((row) => row.id);
}

export function transfersInBlock(connection: Connection, chain: string, blockHash: string): readonly BlockTransfer[] {
  return toOpenTransfers(
    connection.all<TransferRow>(
      `SELECT * FROM transfers WHERE chain = ? AND block_hash = ? AND status IN ('included', 'confirmed', 'final')
       ORDER BY number`,
      chain,
      blockHash,
    ),
  );
}

export function openTransfers(connection: Connection, chain: string): readonly OpenTransfer[] {
  return toOpenTransfers(
    connection.all<TransferRow>(
      `SELECT * FROM transfers WHERE chain = ? AND status IN ('seen', 'included', 'confirmed', 'orphaned')
         AND NOT EXISTS (SELECT 1 FROM payments WHERE id = transfers.payment_id AND erased_at_ms IS NOT NULL)
       ORDER BY number`,
      chain,
    ),
  );
}

export function watchedRecipients(
  connection: Connection,
  chain: string,
  after: string | null,
  limit: number,
): readonly string[] {
  return connection
    .all<{ recipient: string }>(
      `SELECT recipient FROM payments WHERE chain = ?1 AND recipient > ?2
       UNION SELECT recipient FROM shared_addresses WHERE chain = ?1 AND recipient > ?2
       ORDER BY recipient LIMIT ?3`,
      chain,
      after ?? "",
      limit,
    )
    .map((row) => row.recipient);
}

export function progress(connection: Connection, chain: string): WatcherProgress | null {
  const row = connection.get<{ cursor: string; head_height: number; watched_until_ms: number }>(
    "SELECT cursor, head_height, watched_until_ms FROM watcher_progress WHERE chain = ?",
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
