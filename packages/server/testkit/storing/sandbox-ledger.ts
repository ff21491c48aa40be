/** The contract of `chains/sandbox/ledger.ts` as tests: what is stored reads as what is kept in memory. */
import { expect, test } from "vitest";
import { SandboxChain } from "../../src/chains/sandbox/chain.ts";
import type { SandboxChange, SandboxLedger } from "../../src/chains/sandbox/ledger.ts";
import type { ReorgFate } from "../../src/chains/sandbox/moves.ts";
import { MemoryLedger } from "../memory-ledger.ts";

/** A place where a ledger is kept. */
export interface LedgerHome {
  open(): Promise<{ ledger: SandboxLedger; close(): Promise<void> }>;
  /** After everything was closed. */
  remove(): Promise<void>;
}

const clock = { nowMs: () => 1_000 };
const output = (nth: number) => ({ recipient: `address-${nth}`, asset: "SBX", amountAtomic: 10n ** 20n + BigInt(nth) });

/** Everything that a chain can do, to the same ledger. Returns the ids of its transactions. */
async function live(ledger: SandboxLedger): Promise<string[]> {
  const chain = await SandboxChain.open({ ledger, clock, blockIntervalMs: 0 });
  const txIds: string[] = [];
  for (const fate of ["mempool", "included", "dropped", "replaced"] satisfies ReorgFate[]) {
    txIds.push(await chain.payMany([output(1), output(2)]), await chain.pay(output(3), { fails: true }));
    await chain.mine(2);
    txIds.push(await chain.doubleSpend(await chain.pay(output(4))));
    await chain.reorg(2, fate);
    const dropped = await chain.pay(output(5));
    await chain.drop(dropped);
    txIds.push(dropped);
  }
  for (let waiting = 0; waiting < 5; waiting += 1) txIds.push(await chain.pay(output(6)));
  await chain.close();
  return txIds;
}

/** All that can be read of a ledger. */
async function everything(ledger: SandboxLedger, txIds: readonly string[]) {
  const head = await ledger.load();
  const heights = Array.from({ length: (head?.tip.height ?? 0) + 2 }, (_, height) => ledger.blockAt(height));
  const blocks = await Promise.all(heights);
  const transactions = await ledger.transactions([...txIds, "unknown"]);
  const hashes = [...blocks.map((block) => block?.hash), ...transactions.map((transaction) => transaction?.blockHash)];
  const byHash = await Promise.all(hashes.map((hash) => ledger.block(hash ?? "unknown")));
  return { head, blocks, transactions, byHash };
}

export function testSandboxLedger(make: () => Promise<LedgerHome>): void {
  test("the stored chain reads as the one in memory does, also after a restart", async () => {
    const home = await make();
    const first = await home.open();
    const memory = new MemoryLedger();
    expect(await first.ledger.load()).toBeNull();
    const txIds = await live(memory);
    expect(await live(first.ledger)).toEqual(txIds);
    const wanted = await everything(memory, txIds);
    expect(wanted.transactions.filter((transaction) => transaction !== null)).toHaveLength(txIds.length);
    expect(await everything(first.ledger, txIds)).toEqual(wanted);
    await first.close();
    const second = await home.open();
    expect(await everything(second.ledger, txIds)).toEqual(wanted);
    await second.close();
    await home.remove();
  });

  test("a change that cannot be stored is not stored in part", async () => {
    const home = await make();
    const { ledger, close } = await home.open();
    const chain = await SandboxChain.open({ ledger, clock, blockIntervalMs: 0 });
    await chain.mine(3);
    await chain.close();
    const before = await ledger.load();
    const block = { hash: "other", height: 3, parentHash: null, timeMs: 0, txIds: [] };
    const change = { nextNumber: 99, disconnect: [], connect: [block], transactions: [] };
    const store = (stored: SandboxChange) => ledger.step(before?.nextNumber ?? 0, async () => stored);
    await expect(store(change)).rejects.toThrow();
    await expect(store({ ...change, disconnect: ["unknown"], connect: [] })).rejects.toThrow("unknown");
    expect(await ledger.load()).toEqual(before);
    expect(await ledger.block("other")).toBeNull();
    await close();
    await home.remove();
  });
}
