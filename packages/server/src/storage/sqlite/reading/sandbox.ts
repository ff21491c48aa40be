/** The simulated chain as it was stored. */
import type { SandboxBlock, SandboxHead, SandboxTransaction } from "../../../chains/sandbox/ledger.ts";
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

export function sandboxHead(connection: Connection): SandboxHead | null {
  return connection.read(() => {
    const chain = connection.get<{ next_number: number }>("SELECT next_number FROM sandbox_chain");
    const tip = connection.get<BlockRow>(
      "SELECT * FROM sandbox_blocks WHERE is_best = 1 AND height >= 0 ORDER BY height DESC LIMIT 1",
    );
    if (!chain || !tip) return null;
    const mempool = connection.all<TransactionRow>(
      "SELECT * FROM sandbox_transactions WHERE status = 'mempool' AND number >= 0 ORDER BY number",
    );
    return { nextNumber: chain.next_number, tip: toBlock(tip), mempool: mempool.map(toTransaction) };
  });
}

export function sandboxBlock(connection: Connection, hash: string): SandboxBlock | null {
  const row = connection.get<BlockRow>("SELECT * FROM sandbox_blocks WHERE hash = ?", hash);
  return row ? toBlock(row) : null;
}

export function sandboxBlockAt(connection: Connection, height: number): SandboxBlock | null {
  const row = connection.get<BlockRow>("SELECT * FROM sandbox_blocks WHERE is_best = 1 AND height = ?", height);
  return row ? toBlock(row) : null;
}

export function sandboxTransactions(
  connection: Connection,
  txIds: readonly string[],
): readonly (SandboxTransaction | null)[] {
  return connection.read(() =>
    txIds.map((txId) => {
      const row = connection.get<TransactionRow>("SELECT * FROM sandbox_transactions WHERE tx_id = ?", txId);
      return row ? toTransaction(row) : null;
    }),
  );
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
