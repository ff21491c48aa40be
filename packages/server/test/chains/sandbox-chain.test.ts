import { beforeEach, describe, expect, it } from "vitest";
import { addressFromSeed } from "../../src/chains/sandbox/address.ts";
import { SandboxChain } from "../../src/chains/sandbox/chain.ts";
import { sandboxFacts } from "../../src/chains/sandbox/facts.ts";
import { SANDBOX_LIMITS } from "../../src/chains/sandbox/moves.ts";
import { InvalidAddress } from "../../src/chains/watcher.ts";
import { ManualClock } from "../../testkit/manual-clock.ts";
import { MemoryLedger } from "../../testkit/memory-ledger.ts";
import { until } from "../../testkit/until.ts";

const output = { recipient: addressFromSeed("shop"), asset: "SBX", amountAtomic: 5_000_000n };
let ledger: MemoryLedger;
let clock: ManualClock;
let chain: SandboxChain;

const open = () => SandboxChain.open({ ledger, clock, blockIntervalMs: 0 });
const statusOf = async (txId: string) => (await chain.transactions([txId]))[0]?.status;
const mempool = async () => (await chain.view()).mempool.map(({ txId }) => txId);
const tip = async () => (await chain.view()).tip;

beforeEach(async () => {
  ledger = new MemoryLedger();
  clock = new ManualClock(1_700_000_000_000);
  chain = await open();
});

describe("the sandbox chain", () => {
  it("keeps a transaction in the mempool until a block takes it", async () => {
    const txId = await chain.pay(output);
    expect(await mempool()).toEqual([txId]);
    expect(await chain.mine(1)).toBe(1);
    expect(await mempool()).toEqual([]);
    expect((await tip()).txIds).toEqual([txId]);
    expect(await statusOf(txId)).toBe("included");
  });

  it("links every block to its parent, and never lets the time run backwards", async () => {
    await chain.mine(1);
    clock.advance(-60_000);
    await chain.mine(2);
    for (let height = 1; height <= 3; height += 1) {
      const block = await chain.blockAt(height);
      const parent = await chain.blockAt(height - 1);
      expect(block?.parentHash).toBe(parent?.hash);
      expect(block?.timeMs).toBeGreaterThanOrEqual(parent?.timeMs as number);
    }
  });

  it("gives the same ids for the same history", async () => {
    const history = async (on: SandboxChain) => [await on.pay(output), await on.mine(2), (await on.view()).tip.hash];
    const other = await SandboxChain.open({ ledger: new MemoryLedger(), clock, blockIntervalMs: 0 });
    expect(await history(chain)).toEqual(await history(other));
  });

  it("goes on where its ledger ends", async () => {
    const mined = await chain.pay(output);
    await chain.mine(3);
    const waiting = await chain.pay(output);
    const before = await chain.view();
    chain = await open();
    expect(await chain.view()).toEqual(before);
    expect(await chain.pay(output)).not.toBe(waiting);
    expect(await statusOf(mined)).toBe("included");
  });

  it("shows nothing that its ledger refused, and goes on afterwards", async () => {
    const before = await chain.view();
    let news = 0;
    chain.listen(() => (news += 1));
    ledger.failure = new Error("disk full");
    await expect(chain.pay(output)).rejects.toThrow("disk full");
    await expect(chain.mine(1)).rejects.toThrow("disk full");
    expect(await chain.view()).toEqual(before);
    expect(news).toBe(0);
    ledger.failure = null;
    expect(await chain.mine(1)).toBe(1);
    expect(news).toBe(1);
  });

  it("carries out requests that come at once one after the other", async () => {
    const txIds = await Promise.all(Array.from({ length: 50 }, () => chain.pay(output)));
    expect(new Set(txIds).size).toBe(50);
    expect(await Promise.all([chain.mine(1), chain.mine(1), chain.mine(1)])).toEqual([1, 2, 3]);
    expect((await chain.blockAt(1))?.txIds).toEqual(txIds);
  });

  it("mines by the clock while somebody watches, and says when it cannot", async () => {
    const mining = await SandboxChain.open({ ledger, clock, blockIntervalMs: 5 });
    const attendance = mining.attend({ settled: async () => undefined });
    await until("two blocks", async () => (await mining.view()).tip.height >= 2);
    attendance.leave();
    await mining.mine(1);
    const { height } = (await mining.view()).tip;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect((await mining.view()).tip.height).toBe(height);
    mining.attend({ settled: async () => undefined });
    expect(mining.problem).toBeNull();
    ledger.failure = new Error("disk full");
    expect(await until("a problem", () => mining.problem)).toContain("disk full");
    await mining.close();
  });
});

describe("a reorganisation of the sandbox chain", () => {
  it("returns the transactions to the mempool and mines a longer, empty branch", async () => {
    const txId = await chain.pay(output);
    await chain.mine(3);
    const dropped = await tip();
    expect(await chain.reorg(3)).toBe(4);
    expect(await mempool()).toEqual([txId]);
    expect((await chain.blockAt(1))?.txIds).toEqual([]);
    expect((await chain.blockAt(3))?.hash).not.toBe(dropped.hash);
    // A dropped block is still known by its hash, as on a real node.
    expect(await chain.block(dropped.hash)).toEqual(dropped);
    await chain.mine(1);
    expect(await statusOf(txId)).toBe("included");
  });

  it("can move them to another block, lose them, or replace them", async () => {
    const moved = await chain.pay(output);
    await chain.mine(1);
    await chain.reorg(1, "included");
    expect((await tip()).txIds).toEqual([moved]);
    const lost = await chain.pay(output);
    await chain.mine(1);
    await chain.reorg(1, "dropped");
    expect(await statusOf(lost)).toBe("dropped");
    expect(await mempool()).toEqual([]);
    const replaced = await chain.pay(output);
    await chain.mine(1);
    await chain.reorg(1, "replaced");
    const [record] = await chain.transactions([replaced]);
    expect(record?.status).toBe("replaced");
    expect((await tip()).txIds).toEqual([record?.replacedBy]);
    const [rival] = await chain.transactions([record?.replacedBy as string]);
    expect(rival?.spends).toBe(record?.spends);
    expect(rival?.outputs[0]?.recipient).not.toBe(output.recipient);
  });

  it("never drops the first block, and no more than is allowed at once", async () => {
    await expect(chain.reorg(1)).rejects.toMatchObject({ code: "invalid_request" });
    await chain.mine(SANDBOX_LIMITS.reorgDepth + 1);
    await expect(chain.reorg(SANDBOX_LIMITS.reorgDepth + 1)).rejects.toMatchObject({ code: "invalid_request" });
    expect(await chain.reorg(SANDBOX_LIMITS.reorgDepth)).toBe(SANDBOX_LIMITS.reorgDepth + 2);
  });
});

describe("a double spend on the sandbox chain", () => {
  it("takes the transaction's place in the mempool", async () => {
    const txId = await chain.pay(output);
    const rival = await chain.doubleSpend(txId);
    expect(await mempool()).toEqual([rival]);
    expect((await chain.transactions([txId]))[0]).toMatchObject({ status: "replaced", replacedBy: rival });
  });

  it("is refused for a transaction in a block, and says how deep to reorganise", async () => {
    const txId = await chain.pay(output);
    await chain.mine(2);
    await expect(chain.doubleSpend(txId)).rejects.toMatchObject({ code: "invalid_state", details: { depth: 2 } });
    await chain.reorg(2);
    await chain.doubleSpend(txId);
    expect(await statusOf(txId)).toBe("replaced");
  });

  it("is refused for a transaction that is unknown or already lost", async () => {
    await expect(chain.doubleSpend("00")).rejects.toMatchObject({ code: "not_found" });
    const txId = await chain.pay(output);
    await chain.drop(txId);
    await expect(chain.doubleSpend(txId)).rejects.toMatchObject({ code: "invalid_state" });
  });
});

describe("the sandbox chain's limits", () => {
  it.each([0, -1, 1.5, SANDBOX_LIMITS.blocksPerRequest + 1])("refuse to mine %s blocks", async (blocks) => {
    await expect(chain.mine(blocks)).rejects.toMatchObject({ code: "invalid_request" });
  });

  it("take a transaction with the most outputs and refuse one more, none at all, and an amount of 0", async () => {
    const most = Array.from({ length: SANDBOX_LIMITS.outputsPerTransaction }, () => output);
    await chain.payMany(most);
    await expect(chain.payMany([...most, output])).rejects.toMatchObject({ code: "invalid_request" });
    await expect(chain.payMany([])).rejects.toMatchObject({ code: "invalid_request" });
    await expect(chain.pay({ ...output, amountAtomic: 0n })).rejects.toMatchObject({ code: "invalid_request" });
  });

  it("refuse a transaction when the mempool is full, until a block has made room", async () => {
    for (let sent = 0; sent < SANDBOX_LIMITS.mempoolTransactions; sent += 1) await chain.pay(output);
    await expect(chain.pay(output)).rejects.toMatchObject({ code: "overloaded" });
    await chain.mine(1);
    await chain.pay(output);
    expect(await mempool()).toHaveLength(1);
  });
});

describe("sandbox addresses", () => {
  it("are the same for the same index and differ otherwise", () => {
    const derive = (index: number, xpub: string | null = null) => sandboxFacts.allocator?.derive(xpub, index);
    expect(derive(0)).toBe(derive(0));
    expect(new Set([derive(0), derive(1), derive(0, "a"), derive(0, "b")]).size).toBe(4);
  });

  it("have one canonical form", () => {
    const address = addressFromSeed("shop");
    expect(address).toMatch(/^sbx1[0-9a-f]{40}$/);
    expect(sandboxFacts.recipientOf(address.toUpperCase())).toBe(address);
  });

  it("with any wrong digit are refused", () => {
    const address = addressFromSeed("shop");
    for (let place = 4; place < address.length; place += 1) {
      const digit = address[place] === "0" ? "1" : "0";
      const wrong = address.slice(0, place) + digit + address.slice(place + 1);
      expect(() => sandboxFacts.recipientOf(wrong)).toThrow(InvalidAddress);
    }
    for (const wrong of ["", "sbx1", "bc1qxyz", `${address}0`]) {
      expect(() => sandboxFacts.recipientOf(wrong)).toThrow(InvalidAddress);
    }
  });

  it.each([
    [1_500_000n, "?amount=1.5"],
    [1n, "?amount=0.000001"],
    [2_000_000n, "?amount=2"],
    [10_000_000n, "?amount=10"],
    [null, ""],
  ])("in a payment URI for %s atomic units end in %s", (amountAtomic, end) => {
    const uri = sandboxFacts.paymentUri({ address: "sbx1", asset: "SBX", decimals: 6, amountAtomic });
    expect(uri).toBe(`sandbox:sbx1${end}`);
  });
});
