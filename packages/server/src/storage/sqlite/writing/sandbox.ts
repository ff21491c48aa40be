/** One step of the simulated chain. */
import type { SandboxBlock, SandboxChange, SandboxTransaction } from "../../../chains/sandbox/ledger.ts";
import type { Connection } from "../connection.ts";

export function commitSandbox(connection: Connection, change: SandboxChange): void {
  connection.run(
    `INSERT INTO sandbox_chain (one, next_number) VALUES (1, ?)
     ON CONFLICT DO UPDATE SET next_number = excluded.next_number`,
    change.nextNumber,
  );
  for (const hash of change.disconnect) disconnect(connection, hash);
  for (const block of change.connect) connect(connection, block);
  for (const transaction of change.transactions) upsert(connection, transaction);
}

function disconnect(connection: Connection, hash: string): void {
  const changed = connection.run("UPDATE sandbox_blocks SET is_best = 0 WHERE hash = ? AND is_best = 1", hash);
  if (changed !== 1) throw new Error(`Block ${hash} is not on the best chain and cannot leave it.`);
}

function connect(connection: Connection, block: SandboxBlock): void {
  connection.run(
    "INSERT INTO sandbox_blocks (hash, height, parent_hash, time_ms, tx_ids, is_best) VALUES (?, ?, ?, ?, ?, 1)",
    block.hash,
    block.height,
    block.parentHash,
    block.timeMs,
    JSON.stringify(block.txIds),
  );
}

function upsert(connection: Connection, transaction: SandboxTransaction): void {
  const outputs = transaction.outputs.map(({ recipient, asset, amountAtomic }) => ({
    recipient,
    asset,
    amount: amountAtomic.toString(),
  }));
  connection.run(
    `INSERT OR REPLACE INTO sandbox_transactions
       (tx_id, number, outputs, spends, fails, first_seen_at_ms, status, block_hash, replaced_by)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    transaction.txId,
    transaction.number,
    JSON.stringify(outputs),
    transaction.spends,
    transaction.fails ? 1 : 0,
    transaction.firstSeenAtMs,
    transaction.status,
    transaction.blockHash,
    transaction.replacedBy,
  );
}
