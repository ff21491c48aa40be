/** The simulated chain as it was stored. */
import type { SandboxBlock, SandboxHead, SandboxTransaction } from "../../../chains/sandbox/ledger.ts";
import { arrayOf } from "../arrays.ts";
import type { Connection } from "../connection.ts";

interface BlockRow {
  hash: string;
  height: number;
  parent_hash: string | null;
  time_ms: number;
  tx_ids: string;
}

interface TransactionRow {
  tx_id: string;
  number: number;
  outputs: string;
  spends: string;
  fails: number;
  first_seen_at_ms: number;
  status: SandboxTransaction["status"];
  block_hash: string | null;
  replaced_by: string | null;
}

const HEAD = `SELECT c.next_number, to_json(tip) AS tip, (
    SELECT json_agg(t ORDER BY t.number) FROM sandbox_transactions t WHERE t.status = 'mempool' AND t.number >= 0
  ) AS mempool
  FROM sandbox_chain c CROSS JOIN (
    SELECT * FROM sandbox_blocks WHERE is_best = 1 AND height >= 0 ORDER BY height DESC LIMIT 1
  ) tip
  WHERE c.next_number <> $1`;

/** `null`: the chain stands where `nextNumber` says, or has no block yet. */
export async function newerSandboxHead(connection: Connection, nextNumber: number): Promise<SandboxHead | null> {
  const row = await connection.get<{ next_number: number; tip: BlockRow; mempool: TransactionRow[] | null }>(
    HEAD,
    nextNumber,
  );
  if (!row) return null;
  const mempool = (row.mempool ?? []).map(toTransaction);
  return { nextNumber: row.next_number, tip: toBlock(row.tip), mempool };
}

export async function sandboxBlock(connection: Connection, hash: string): Promise<SandboxBlock | null> {
  const row = await connection.get<BlockRow>("SELECT * FROM sandbox_blocks WHERE hash = $1", hash);
  return row ? toBlock(row) : null;
}

export async function sandboxBlockAt(connection: Connection, height: number): Promise<SandboxBlock | null> {
  const sql = "SELECT * FROM sandbox_blocks WHERE is_best = 1 AND height = $1";
  const row = await connection.get<BlockRow>(sql, height);
  return row ? toBlock(row) : null;
}

export async function sandboxTransactions(
  connection: Connection,
  txIds: readonly string[],
): Promise<readonly (SandboxTransaction | null)[]> {
  const sql = "SELECT * FROM sandbox_transactions WHERE tx_id = ANY($1::text[])";
  const rows = await connection.all<TransactionRow>(sql, arrayOf([...new Set(txIds)]));
  const byId = new Map(rows.map((row) => [row.tx_id, toTransaction(row)]));
  return txIds.map((txId) => byId.get(txId) ?? null);
}

function toBlock(row: BlockRow): SandboxBlock {
  return {
    hash: row.hash,
    height: row.height,
    parentHash: row.parent_hash,
    timeMs: row.time_ms,
    txIds: JSON.parse(row.tx_ids) as string[],
  };
}

function toTransaction(row: TransactionRow): SandboxTransaction {
  const outputs = JSON.parse(row.outputs) as { recipient: string; asset: string; amount: string }[];
  return {
    txId: row.tx_id,
    number: row.number,
    outputs: outputs.map(({ recipient, asset, amount }) => ({ recipient, asset, amountAtomic: BigInt(amount) })),
    spends: row.spends,
    fails: row.fails === 1,
    firstSeenAtMs: row.first_seen_at_ms,
    status: row.status,
    blockHash: row.block_hash,
    replacedBy: row.replaced_by,
  };
}
