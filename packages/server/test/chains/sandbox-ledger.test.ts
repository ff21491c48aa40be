/** The ledger in memory and the one on SQLite keep the same chain, also across a restart; the one in memory is shared as
 * PostgreSQL's is. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { addressFromSeed } from "../../src/chains/sandbox/address.ts";
import { SandboxChain } from "../../src/chains/sandbox/chain.ts";
import type { SandboxLedger } from "../../src/chains/sandbox/ledger.ts";
import { SqliteDatabase } from "../../src/storage/sqlite/database.ts";
import { SqliteSandboxLedger } from "../../src/storage/sqlite/sandbox-ledger.ts";
import { ManualClock } from "../../testkit/manual-clock.ts";
import { MemoryLedger } from "../../testkit/memory-ledger.ts";
import { testSharedSandboxLedger } from "../../testkit/storing/shared-sandbox-ledger.ts";

// More than 64 bits: no number type of a database may come between.
const output = { recipient: addressFromSeed("shop"), asset: "SBX", amountAtomic: 2n ** 70n + 1n };

/** Returns the ids of all transactions and blocks that ever were. */
async function live(ledger: SandboxLedger): Promise<{ txIds: string[]; hashes: string[] }> {
  const clock = new ManualClock(1_700_000_000_000);
  const chain = await SandboxChain.open({ ledger, clock, blockIntervalMs: 0 });
  const txIds: string[] = [];
  const hashes = new Set<string>();
  const remember = async () => {
    for (let at = (await chain.view()).tip; ; ) {
      hashes.add(at.hash);
      const parent = at.parentHash === null ? null : await chain.block(at.parentHash);
      if (!parent) break;
      at = parent;
    }
  };
  for (const fate of ["mempool", "included", "dropped", "replaced"] as const) {
    clock.advance(1_000);
    txIds.push(await chain.pay(output), await chain.payMany([output, output], { fails: true }));
    await chain.mine(2);
    await remember();
    await chain.reorg(2, fate);
    txIds.push(await chain.pay(output));
    txIds.push(await chain.doubleSpend(txIds.at(-1) as string));
    txIds.push(await chain.pay(output));
    await chain.drop(txIds.at(-1) as string);
    await remember();
  }
  txIds.push(await chain.pay(output));
  await chain.close();
  return { txIds, hashes: [...hashes] };
}

async function everything(ledger: SandboxLedger, { txIds, hashes }: { txIds: string[]; hashes: string[] }) {
  const head = await ledger.load();
  const heights = Array.from({ length: (head?.tip.height ?? 0) + 2 }, (_, height) => height);
  return {
    head,
    blocks: await Promise.all(hashes.map((hash) => ledger.block(hash))),
    best: await Promise.all(heights.map((height) => ledger.blockAt(height))),
    transactions: await ledger.transactions([...txIds, "unknown"]),
    unknown: await ledger.block("unknown"),
  };
}

it("keeps every block and transaction, with the best chain and the mempool", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "paybell-ledger-"));
  const open = () =>
    SqliteDatabase.open({
      dataDir,
      mode: "sandbox",
      exclusive: true,
      pendingCommands: 100,
      onFatal: (error) => {
        throw error;
      },
      onListenerError: (error) => {
        throw error;
      },
    });
  const inMemory = new MemoryLedger();
  expect(await inMemory.load()).toBeNull();
  const ids = await live(inMemory);
  const expected = await everything(inMemory, ids);
  expect(expected.transactions.at(-1)).toBeNull();
  expect(expected.best.at(-1)).toBeNull();

  let database = await open();
  const onDisk = new SqliteSandboxLedger(database);
  expect(await onDisk.load()).toBeNull();
  expect(await live(onDisk)).toEqual(ids);
  expect(await everything(onDisk, ids)).toEqual(expected);
  await database.close();

  database = await open();
  expect(await everything(new SqliteSandboxLedger(database), ids)).toEqual(expected);
  await database.close();
  await rm(dataDir, { recursive: true });
});

testSharedSandboxLedger(async () => {
  const ledger = new MemoryLedger({ isShared: true });
  return { open: async () => ({ ledger, close: async () => undefined }), remove: async () => undefined };
}, 100);
