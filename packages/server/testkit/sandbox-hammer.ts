/** Several chains on one ledger, as nodes have them, all moved at once; and what must hold of the ledger afterwards. */
import fc from "fast-check";
import { expect } from "vitest";
import type { SandboxChain } from "../src/chains/sandbox/chain.ts";
import type { SandboxBlock, SandboxLedger, SandboxTransaction } from "../src/chains/sandbox/ledger.ts";
import type { ReorgFate } from "../src/chains/sandbox/moves.ts";
import { PaybellError } from "../src/kit/errors.ts";

/** `nth` names one of the transactions that were paid before, `at` the chain that is asked. */
export type Blow =
  | { do: "pay"; at: number; once: number | null }
  | { do: "mine"; at: number; blocks: number }
  | { do: "reorg"; at: number; depth: number; fate: ReorgFate }
  | { do: "double-spend" | "drop"; at: number; nth: number }
  | { do: "look"; at: number };

const at = fc.nat(9);
const blow: fc.Arbitrary<Blow> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant("pay"), at, once: fc.option(fc.nat(3), { freq: 4 }) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("mine"), at, blocks: fc.integer({ min: 1, max: 3 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("reorg"),
      at,
      depth: fc.integer({ min: 1, max: 3 }),
      fate: fc.constantFrom<ReorgFate>("mempool", "included", "dropped"),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom("double-spend", "drop"), at, nth: fc.nat(99) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("look"), at }) },
) as fc.Arbitrary<Blow>;

/** What is asked at once, round after round. */
export const rounds = fc.array(fc.array(blow, { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 8 });

/** What the chains did, as far as their answers say. */
export interface Done {
  txIds: string[];
  /** Blocks, transactions and removals: each takes a number. */
  numbers: number;
}

/** @throws whatever is not a refusal for the request's own sake */
export async function hammer(chains: readonly SandboxChain[], blows: readonly (readonly Blow[])[]): Promise<Done> {
  const done: Done = { txIds: [], numbers: 0 };
  const seen = new Set<string>();
  for (const round of blows) {
    const known = [...done.txIds];
    const answers = round.map(async (each) => {
      const chain = chains[each.at % chains.length] as SandboxChain;
      try {
        const { numbers, txId } = await strike(chain, each, known);
        if (txId !== null && seen.has(txId)) {
          expect(each).toMatchObject({ do: "pay", once: expect.any(Number) });
          return;
        }
        if (txId !== null) done.txIds.push(txId);
        if (txId !== null) seen.add(txId);
        done.numbers += numbers;
      } catch (error) {
        if (!(error instanceof PaybellError) || error.code === "overloaded") throw error;
      }
    });
    await Promise.all(answers);
  }
  return done;
}

async function strike(chain: SandboxChain, blow: Blow, known: readonly string[]) {
  const named = (nth: number) => known[nth % Math.max(1, known.length)] ?? "unknown";
  switch (blow.do) {
    case "pay": {
      const output = { recipient: `address-${blow.at}`, asset: "SBX", amountAtomic: 5n };
      const txId = await chain.pay(output, blow.once === null ? {} : { once: `order ${blow.once}` });
      return { numbers: 1, txId };
    }
    case "mine":
      await chain.mine(blow.blocks);
      return { numbers: blow.blocks, txId: null };
    case "reorg":
      await chain.reorg(blow.depth, blow.fate);
      return { numbers: blow.depth + 1, txId: null };
    case "double-spend":
      return { numbers: 1, txId: await chain.doubleSpend(named(blow.nth)) };
    case "drop":
      await chain.drop(named(blow.nth));
      return { numbers: 1, txId: null };
    case "look": {
      const { tip, mempool } = await chain.view();
      expect(tip.txIds.filter((txId) => mempool.some((waiting) => waiting.txId === txId))).toEqual([]);
      return { numbers: 0, txId: null };
    }
  }
}

/** The ledger holds one valid chain, everything that was done, each thing once, and every node sees the same. */
export async function expectWhole(ledger: SandboxLedger, chains: readonly SandboxChain[], done: Done): Promise<void> {
  const head = await ledger.load();
  if (!head) throw new Error("The ledger is empty.");
  expect(head.nextNumber).toBe(1 + done.numbers);
  const transactions = (await ledger.transactions(done.txIds)).map((found) => found as SandboxTransaction);
  expect(transactions).not.toContain(null);
  expect(new Set(transactions.map(({ number }) => number)).size).toBe(done.txIds.length);
  const best = await bestChain(ledger, head.tip.height);
  expect(best.at(-1)).toEqual(head.tip);
  for (const [height, block] of best.entries()) {
    expect(block).toMatchObject({ height, parentHash: best[height - 1]?.hash ?? null });
  }
  const placed = best.flatMap(({ hash, txIds }) => txIds.map((txId) => `${txId} in ${hash}`));
  const included = transactions.filter(({ status }) => status === "included");
  expect(included.map(({ txId, blockHash }) => `${txId} in ${blockHash}`).sort()).toEqual(placed.sort());
  const waiting = transactions.filter(({ status }) => status === "mempool");
  expect(head.mempool).toEqual(waiting.sort((a, b) => a.number - b.number));
  const live = [...included, ...waiting];
  expect(new Set(live.map(({ spends }) => spends)).size).toBe(live.length);
  for (const chain of chains) {
    expect(await chain.view()).toEqual({ tip: head.tip, mempool: head.mempool, nextNumber: head.nextNumber });
  }
}

async function bestChain(ledger: SandboxLedger, height: number): Promise<SandboxBlock[]> {
  const blocks = await Promise.all(Array.from({ length: height + 2 }, (_, at) => ledger.blockAt(at)));
  expect(blocks.pop()).toBeNull();
  return blocks as SandboxBlock[];
}
