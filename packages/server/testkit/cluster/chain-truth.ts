/** What happened on the sandbox's chain, read from its own tables by SQL: not through what watches it. */
import pg from "pg";

export interface ChainPayment {
  txId: string;
  amount: bigint;
  /** In a block of the best chain; otherwise it waits in the mempool, or was replaced. */
  isIncluded: boolean;
  isWaiting: boolean;
}

export interface ChainTruth {
  /** By recipient, in the order in which they were made. */
  payments: ReadonlyMap<string, readonly ChainPayment[]>;
  height: number;
  waiting: number;
}

interface BlockRow {
  height: string;
  tx_ids: string;
}

interface TransactionRow {
  tx_id: string;
  outputs: string;
  status: string;
}

export async function readChain(databaseUrl: string): Promise<ChainTruth> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    // One moment for both.
    await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY");
    const blocks = await client.query<BlockRow>(
      "SELECT height, tx_ids FROM sandbox_blocks WHERE is_best = 1 ORDER BY height",
    );
    const transactions = await client.query<TransactionRow>(
      "SELECT tx_id, outputs, status FROM sandbox_transactions ORDER BY number",
    );
    return truthOf(blocks.rows, transactions.rows);
  } finally {
    await client.end();
  }
}

function truthOf(blocks: readonly BlockRow[], transactions: readonly TransactionRow[]): ChainTruth {
  const included = new Set(blocks.flatMap(({ tx_ids }) => JSON.parse(tx_ids) as string[]));
  const payments = new Map<string, ChainPayment[]>();
  let waiting = 0;
  for (const { tx_id: txId, outputs, status } of transactions) {
    const isIncluded = included.has(txId);
    const isWaiting = status === "mempool";
    if (isWaiting) waiting += 1;
    for (const { recipient, amount } of JSON.parse(outputs) as { recipient: string; amount: string }[]) {
      const known = payments.get(recipient) ?? [];
      payments.set(recipient, known);
      known.push({ txId, amount: BigInt(amount), isIncluded, isWaiting });
    }
  }
  return { payments, height: Number(blocks.at(-1)?.height ?? 0), waiting };
}
