/** The contract of a ledger that several processes have at once (`SandboxLedger.shared`) as tests. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { SandboxChain } from "../../src/chains/sandbox/chain.ts";
import type { SandboxHead, SharedLedger } from "../../src/chains/sandbox/ledger.ts";
import { expectWhole, hammer, rounds } from "../sandbox-hammer.ts";
import { until } from "../until.ts";
import type { LedgerHome } from "./sandbox-ledger.ts";

const clock = { nowMs: () => 1_000 };
const output = { recipient: "address", asset: "SBX", amountAtomic: 7n };

/** Ledgers on one place, as so many nodes have them. */
async function nodes(home: LedgerHome, count: number) {
  const opened = await Promise.all(Array.from({ length: count }, () => home.open()));
  const ledgers = opened.map(({ ledger }) => ledger);
  const open = () => Promise.all(ledgers.map((ledger) => SandboxChain.open({ ledger, clock, blockIntervalMs: 0 })));
  return {
    ledgers,
    open,
    async close(chains: readonly SandboxChain[] = []) {
      for (const chain of chains) await chain.close();
      for (const { close } of opened) await close();
      await home.remove();
    },
  };
}

/** @param runs how many random histories are tried */
export function testSharedSandboxLedger(make: () => Promise<LedgerHome>, runs: number): void {
  test("nodes that open an empty ledger at once begin one chain", async () => {
    const on = await nodes(await make(), 3);
    const chains = await on.open();
    const views = await Promise.all(chains.map((chain) => chain.view()));
    expect(views).toEqual([views[0], views[0], views[0]]);
    expect(views[0]).toMatchObject({ nextNumber: 1, tip: { height: 0 } });
    await on.close(chains);
  });

  test("whoever takes a step is told first what another has made of the chain", async () => {
    const on = await nodes(await make(), 2);
    const [one, two] = (await on.open()) as [SandboxChain, SandboxChain];
    const [ledger] = on.ledgers as [(typeof on.ledgers)[0]];
    const { nextNumber } = one;
    const txId = await two.pay(output);
    const told: (SandboxHead | null)[] = [];
    const decide = async (newer: SandboxHead | null) => {
      told.push(newer);
      return null;
    };
    await ledger.step(nextNumber, decide);
    await ledger.step(nextNumber + 1, decide);
    expect(told).toMatchObject([{ nextNumber: nextNumber + 1, mempool: [{ txId }] }, null]);
    const shared = ledger.shared as SharedLedger;
    expect(await shared.newer(nextNumber + 1)).toBeNull();
    expect(await shared.newer(nextNumber)).toEqual(told[0]);
    await one.mine(1);
    expect((await two.view()).tip.txIds).toEqual([txId]);
    await on.close([one, two]);
  });

  test("while one decides no other does, and one that fails leaves everything as it was", async () => {
    const on = await nodes(await make(), 2);
    const chains = await on.open();
    const [ledger, other] = on.ledgers as [(typeof on.ledgers)[0], (typeof on.ledgers)[0]];
    const before = await ledger.load();
    const order: string[] = [];
    const deciding = Promise.withResolvers<void>();
    const held = Promise.withResolvers<void>();
    const failing = ledger.step(1, async () => {
      deciding.resolve();
      await held.promise;
      order.push("first");
      throw new Error("changed his mind");
    });
    await deciding.promise;
    const next = other.step(1, async () => {
      order.push("second");
      return null;
    });
    // It has every opportunity to be too early.
    await new Promise((resolve) => setTimeout(resolve, 100));
    held.resolve();
    await expect(failing).rejects.toThrow("changed his mind");
    await next;
    expect(order).toEqual(["first", "second"]);
    expect(await other.load()).toEqual(before);
    await on.close(chains);
  });

  test("the others hear of every step, and of what is told beside it", async () => {
    const on = await nodes(await make(), 2);
    const [one, two] = (await on.open()) as [SandboxChain, SandboxChain];
    let heard = 0;
    two.listen(() => (heard += 1));
    const attendance = one.attend({ settled: async () => undefined });
    // A hint may be lost while nobody listens yet.
    await until("word of a step", async () => (await one.pay(output)) !== "" && heard > 0);
    await until("nothing more is on its way", async () => {
      const before = heard;
      await new Promise((resolve) => setTimeout(resolve, 100));
      return heard === before;
    });
    const before = heard;
    attendance.reported();
    await until("word of a report", () => heard > before);
    await on.close([one, two]);
  });

  test("moved by several nodes at once it is one valid chain, and nothing of it is lost", async () => {
    await fc.assert(
      fc.asyncProperty(rounds, async (blows) => {
        const on = await nodes(await make(), 3);
        const chains = await on.open();
        const done = await hammer(chains, blows);
        await expectWhole(on.ledgers[0] as (typeof on.ledgers)[0], chains, done);
        await on.close(chains);
      }),
      { numRuns: runs },
    );
  }, 120_000);
}
