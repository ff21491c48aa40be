/** What the Bitcoin watcher reports of blocks and reorganisations, from a real full node. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { InvalidCursor } from "../../src/chains/bitcoin/cursor.ts";
import { AMOUNT, BitcoinBench } from "../../testkit/bitcoin-bench.ts";
import { RpcRefusal } from "../../testkit/bitcoind/rpc-server.ts";
import { RecordingSink } from "../../testkit/recording-sink.ts";
import { until } from "../../testkit/until.ts";

let bench: BitcoinBench;

beforeEach(async () => {
  bench = await BitcoinBench.open();
});

afterEach(() => bench.close());

const lastReport = () => bench.sink.reports.at(-1);

describe("at the first start", () => {
  it("following begins at the node's tip, and knows the blocks before it", async () => {
    const { height, tipHash } = bench.bitcoind;
    await bench.watch();
    await bench.settled();
    expect(bench.sink.reports).toHaveLength(1);
    expect(lastReport()).toMatchObject({ head: { height, hash: tipHash }, observations: [], disconnected: [] });
    const cursor = (await bench.sink.cursor()) as { hashes: string[] };
    expect(cursor.hashes).toHaveLength(100);
    expect(cursor.hashes[0]).toBe(tipHash);
    expect(bench.watcher.status()).toEqual({ connected: true, headHeight: height, lagBlocks: 0, problem: null });
  });

  it("a payment that was made while the node could not be reached yet is not missed", async () => {
    await bench.bitcoind.disconnect();
    await bench.watch();
    await bench.problem(/cannot be reached/);
    const txId = await bench.pay();
    await bench.bitcoind.mine(3);
    await bench.bitcoind.reconnect();
    await bench.tells("included", txId);
    await bench.settled();
    expect(lastReport()?.head).toMatchObject({ height: bench.bitcoind.height });
  });
});

describe("a block", () => {
  it("is one report with its head and cursor, and its transfers have one confirmation", async () => {
    await bench.watch();
    await bench.settled();
    const txId = await bench.pay();
    await bench.bitcoind.mine(1);
    await bench.settled();
    const { height, tipHash } = bench.bitcoind;
    const block = { height, hash: tipHash, timeMs: expect.any(Number) };
    expect(lastReport()).toMatchObject({ head: block, cursor: { height }, disconnected: [] });
    expect(lastReport()?.observations).toMatchObject([
      {
        chain: "bitcoin",
        txId,
        index: "0",
        asset: "BTC",
        amountAtomic: AMOUNT,
        status: "included",
        confirmations: 1,
        block,
      },
    ]);
  });

  it("that was missed is made up for, each in a report of its own", async () => {
    await bench.watch();
    await bench.settled();
    const from = bench.bitcoind.height;
    await bench.bitcoind.disconnect();
    const [first, last] = [await bench.pay(), await bench.bitcoind.mine(20).then(() => bench.pay())];
    await bench.bitcoind.mine(1);
    await bench.bitcoind.reconnect();
    await bench.tells("included", last);
    const heights = bench.sink.reports.slice(1).map(({ head }) => head?.height);
    expect(heights).toEqual(Array.from({ length: 21 }, (_, place) => from + 1 + place));
    expect(bench.sink.told).toEqual([`included ${first}`, `included ${last}`]);
  });

  it("has each watched output of a transaction by its number, and none of the change", async () => {
    await bench.watch();
    await bench.settled();
    const [first, third] = [bench.watchedAddress(), bench.watchedAddress()];
    const other = bench.bitcoind.newAddress();
    await bench.bitcoind.pay([first, other, third].map((address) => ({ address, amountAtomic: AMOUNT })));
    await bench.bitcoind.mine(1);
    await bench.settled();
    expect(lastReport()?.observations.map(({ index, recipient }) => [index, recipient])).toEqual([
      ["0", bench.recipientOf(first)],
      ["2", bench.recipientOf(third)],
    ]);
  });

  it("may pay a watched address with its coinbase, which is gone when the block is dropped", async () => {
    await bench.watch();
    await bench.settled();
    await bench.bitcoind.mine(1, bench.watchedAddress());
    await bench.settled();
    const [coinbase] = lastReport()?.observations ?? [];
    expect(coinbase).toMatchObject({ status: "included", amountAtomic: 5_000_000_000n, spends: [] });
    await bench.bitcoind.reorg(1, "mempool");
    await bench.tells("dropped", coinbase?.txId ?? "");
  });

  it("with other bytes than its hash says is not believed", async () => {
    await bench.watch();
    await bench.settled();
    const other = bench.bitcoind.tipHash;
    bench.bitcoind.overrides.set("getblock", async () => (await bench.bitcoind.node.blockHex(other)) ?? "");
    await bench.bitcoind.mine(1);
    await bench.problem(/The node gave block .* when asked for/);
    expect(bench.sink.reports).toHaveLength(1);
    bench.bitcoind.overrides.clear();
    await bench.settled();
    expect(lastReport()?.head?.height).toBe(bench.bitcoind.height);
  });
});

describe("a reorganisation", () => {
  /** A transfer in the last but one of three blocks, reported; and those two blocks. */
  async function included() {
    await bench.watch();
    await bench.settled();
    await bench.bitcoind.mine(1);
    const txId = await bench.pay();
    await bench.bitcoind.mine(1);
    const older = bench.bitcoind.tipHash;
    await bench.bitcoind.mine(1);
    await bench.settled();
    return { txId, height: bench.bitcoind.height, older, newer: bench.bitcoind.tipHash };
  }

  it.each([
    ["mempool", "seen"],
    ["included", "included"],
    ["dropped", "dropped"],
    ["replaced", "replaced"],
  ] as const)("is one report: dropped blocks, newest first, and the transfer that is now %s", async (fate, status) => {
    const { txId, height, older, newer } = await included();
    const before = bench.sink.reports.length;
    await bench.bitcoind.reorg(2, fate);
    await bench.settled();
    expect(bench.sink.reports).toHaveLength(before + 1);
    expect(lastReport()).toMatchObject({
      disconnected: [
        { height, hash: newer },
        { height: height - 1, hash: older },
      ],
      head: { height: height + 1, hash: bench.bitcoind.tipHash },
      observations: [{ txId, status }],
    });
    const [observation] = lastReport()?.observations ?? [];
    expect(observation?.replacedBy).toEqual(fate === "replaced" ? expect.stringMatching(/^[0-9a-f]{64}$/) : null);
  });

  it("counts confirmations from the new tip", async () => {
    const { txId } = await included();
    await bench.watcher.stop();
    await bench.bitcoind.reorg(2, "included");
    await bench.bitcoind.mine(4);
    await bench.watch();
    await bench.settled();
    expect(lastReport()?.observations).toMatchObject([{ txId, status: "included", confirmations: 5 }]);
  });

  it("is found even when the node no longer knows the dropped blocks", async () => {
    const { txId, newer, older } = await included();
    await bench.watcher.stop();
    await bench.bitcoind.reorg(2, "included");
    bench.bitcoind.overrides.set("getblock", (real, [hash]) => {
      if (hash === newer || hash === older) throw new RpcRefusal(-5, "Block not found");
      return real();
    });
    await bench.watch();
    await bench.settled();
    expect(lastReport()).toMatchObject({ disconnected: [{ hash: newer }, { hash: older }], observations: [{ txId }] });
  });

  it("is not concluded from a node that is behind: nothing is taken back until it has another chain", async () => {
    const { height, txId } = await included();
    await bench.bitcoind.node.rewind(2);
    await bench.problem(/ends at height \d+, but blocks up to \d+ have been followed/);
    expect(bench.sink.statusOf(txId)).toBe("included");
    await bench.bitcoind.mine(2);
    await bench.tells("dropped", txId);
    expect(lastReport()).toMatchObject({ disconnected: [{ height }, { height: height - 1 }], head: { height } });
    await until("the problem to be over", () => bench.watcher.status().problem === null);
  });

  it("while it is being asked about ends in the newest chain", async () => {
    const { txId, height } = await included();
    let moved = false;
    bench.bitcoind.overrides.set("getblock", async (real) => {
      const answer = await real();
      if (!moved) await bench.bitcoind.node.reorganise({ depth: 3, back: true });
      moved = true;
      return answer;
    });
    await bench.bitcoind.reorg(2, "included");
    await bench.tells("seen", txId);
    await bench.settled();
    expect(lastReport()?.head).toMatchObject({ height: height + 2, hash: bench.bitcoind.tipHash });
  });

  it("that double-spends a transfer which was final long ago is told as such", async () => {
    const { txId } = await included();
    await bench.watcher.stop();
    const forgetful = new (class extends RecordingSink {
      override async openTransfers() {
        return [];
      }
    })();
    const cursor = await bench.sink.cursor();
    await forgetful.apply({ disconnected: [], observations: [], head: null, cursor, watchedUntilMs: null });
    for (const recipient of bench.sink.watched) forgetful.watched.add(recipient);
    await bench.bitcoind.reorg(2, "replaced");
    await bench.watchInto(forgetful);
    await bench.settled();
    expect(bench.sink.told).toEqual([`replaced ${txId}`]);
  });
});

describe("a stored cursor", () => {
  const startFrom = async (cursor: unknown) => {
    await bench.sink.apply({ disconnected: [], observations: [], head: null, cursor, watchedUntilMs: null });
    return bench.watch();
  };

  it("whose blocks the node's chain does not have stops everything, and says so", async () => {
    await startFrom({ height: 110, hashes: ["ab".repeat(32), "cd".repeat(32)] });
    await bench.problem(/None of the last 2 blocks.*another node/);
    expect(bench.watcher.status().connected).toBe(false);
    expect(bench.sink.reports).toEqual([]);
  });

  it.each([
    [{ height: 1, hash: "ab" }],
    [{ height: "1", hashes: ["ab".repeat(32)] }],
    ["nonsense"],
    [{ height: 3, hashes: [] }],
  ])("that another kind of watcher has written is refused: %j", async (cursor) => {
    await expect(startFrom(cursor)).rejects.toThrow(InvalidCursor);
  });
});
