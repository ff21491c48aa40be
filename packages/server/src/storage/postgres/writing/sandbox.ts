/** One step of the simulated chain. */
import type { Decide, SandboxBlock, SandboxTransaction } from "../../../chains/sandbox/ledger.ts";
import type { Connection } from "../connection.ts";
import { newerSandboxHead, sandboxBlock, sandboxTransactions } from "../reading/sandbox.ts";

/** Whoever has it is the only one who moves the chain, also while there is none yet. */
const LOCK = `SELECT pg_advisory_xact_lock(${0x70_61_79_62_65_05})::text`;

const SET_NUMBER = `INSERT INTO sandbox_chain (one, next_number) VALUES (1, $1)
  ON CONFLICT (one) DO UPDATE SET next_number = excluded.next_number`;

/** Returns false where nothing was to be changed. */
export async function stepSandbox(connection: Connection, nextNumber: number, decide: Decide): Promise<boolean> {
  const [, newer] = await Promise.all([connection.get(LOCK), newerSandboxHead(connection, nextNumber)]);
  const change = await decide(newer, {
    block: (hash) => sandboxBlock(connection, hash),
    transactions: (txIds) => sandboxTransactions(connection, txIds),
  });
  if (!change) return false;
  // Sent at once, carried out in this order.
  await Promise.all([
    connection.run(SET_NUMBER, change.nextNumber),
    ...change.disconnect.map((hash) => disconnect(connection, hash)),
    ...change.connect.map((block) => connect(connection, block)),
    ...change.transactions.map((transaction) => upsert(connection, transaction)),
  ]);
  return true;
}

async function disconnect(connection: Connection, hash: string): Promise<void> {
  const changed = await connection.run("UPDATE sandbox_blocks SET is_best = 0 WHERE hash = $1 AND is_best = 1", hash);
  if (changed !== 1) throw new Error(`Block ${hash} is not on the best chain and cannot leave it.`);
}

async function connect(connection: Connection, block: SandboxBlock): Promise<void> {
  await connection.run(
    "INSERT INTO sandbox_blocks (hash, height, parent_hash, time_ms, tx_ids, is_best) VALUES ($1, $2, $3, $4, $5, 1)",
    block.hash,
    block.height,
    block.parentHash,
    block.timeMs,
    JSON.stringify(block.txIds),
  );
}

async function upsert(connection: Connection, transaction: SandboxTransaction): Promise<void> {
  const outputs = transaction.outputs.map(({ recipient, asset, amountAtomic }) => ({
    recipient,
    asset,
    amount: amountAtomic.toString(),
  }));
  await connection.run(
    `INSERT INTO sandbox_transactions
       (tx_id, number, outputs, spends, fails, first_seen_at_ms, status, block_hash, replaced_by)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
     ON CONFLICT (tx_id) DO UPDATE SET number = excluded.number, outputs = excluded.outputs, spends = excluded.spends,
       fails = excluded.fails, first_seen_at_ms = excluded.first_seen_at_ms, status = excluded.status,
       block_hash = excluded.block_hash, replaced_by = excluded.replaced_by`,
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
