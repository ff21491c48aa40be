/** Nodes that are wrong, cut off, hang, prune, or are still busy: shown in `status`, and nothing is skipped. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BITCOIN_NETWORKS } from "../../src/chains/bitcoin/network.ts";
import { Silence } from "../../src/chains/bitcoin/silence.ts";
import type { OpenTransfer } from "../../src/log/store.ts";
import { BitcoinBench } from "../../testkit/bitcoin-bench.ts";
import { until } from "../../testkit/until.ts";

let bench: BitcoinBench;

beforeEach(async () => {
  bench = await BitcoinBench.open();
});

afterEach(() => bench.close());

/** What `getblockchaininfo` says, with these instead. */
function chainInfoWith(changes: object): void {
  bench.bitcoind.overrides.set("getblockchaininfo", async (real) => ({ ...((await real()) as object), ...changes }));
}

/** All is well again, and everything has been made up for. */
async function recovers(): Promise<void> {
  bench.bitcoind.overrides.clear();
  await bench.settled();
  expect(bench.watcher.status()).toEqual({
    connected: true,
    headHeight: bench.bitcoind.height,
    lagBlocks: 0,
    problem: null,
  });
}

describe("a node of another network", () => {
  it("is told by its own name, and nothing is reported from it", async () => {
    chainInfoWith({ chain: "main" });
    await bench.watch();
    await bench.problem(/The node is on "main", but bitcoin is configured for regtest/);
    expect(bench.watcher.status().connected).toBe(false);
    expect(bench.sink.reports).toEqual([]);
    await recovers();
  });

  it("is told by its first block", async () => {
    bench.bitcoind.overrides.set("getblockhash", (real, [height]) => (height === 0 ? "00".repeat(32) : real()));
    await bench.watch();
    await bench.problem(/first block is 0{64}, not regtest's 0f9188f1/);
    expect(bench.sink.reports).toEqual([]);
    await recovers();
  });
});

describe("a node that hangs", () => {
  it("though it is connected is noticed within the time of one call, and all is made up for", async () => {
    await bench.watch({ rpcTimeoutMs: 100 });
    await bench.settled();
    bench.bitcoind.rpc.hanging = true;
    bench.bitcoind.zmq.losing = true;
    await bench.problem(/has not answered \w+ within 100 ms/);
    expect(bench.watcher.status().connected).toBe(false);
    const txId = await bench.pay();
    await bench.bitcoind.mine(1);
    bench.bitcoind.rpc.hanging = false;
    await bench.tells("included", txId);
    await recovers();
  });

  it("does not keep the watcher from being stopped, and nothing is reported after that", async () => {
    await bench.watch({ rpcTimeoutMs: 3_600_000 });
    await bench.settled();
    bench.bitcoind.rpc.hanging = true;
    const hungUp = bench.bitcoind.rpc.calls.size;
    await bench.bitcoind.mine(1);
    await bench.watcher.stop();
    const { length } = bench.sink.reports;
    bench.bitcoind.rpc.hanging = false;
    await bench.bitcoind.mine(1);
    expect(bench.watcher.status()).toMatchObject({ connected: false, problem: "The watcher is stopped." });
    expect(bench.sink.reports).toHaveLength(length);
    expect(bench.bitcoind.rpc.calls.size).toBeLessThanOrEqual(hungUp);
  });
});

describe("a node that is silent", () => {
  const limits = { anythingMs: 10, blockMs: 100 };

  it("counts as cut off after the longer time, if it was never heard to relay a transaction", () => {
    const silence = new Silence(limits, 1_000);
    expect(silence.problem(1_100)).toBeNull();
    expect(silence.problem(1_101)).toMatch(/no new block/);
    silence.heardBlock(1_101);
    expect(silence.problem(1_201)).toBeNull();
  });

  it("counts as cut off soon, if it used to relay transactions", () => {
    const silence = new Silence(limits, 1_000);
    silence.heardTransaction(1_050);
    expect(silence.problem(1_060)).toBeNull();
    expect(silence.problem(1_061)).toMatch(/neither a new block nor a new transaction/);
    silence.heardBlock(1_061);
    expect(silence.problem(1_071)).toBeNull();
  });

  it("may be so for ever on a test network", () => {
    expect(new Silence(BITCOIN_NETWORKS.regtest.silence, 0).problem(Number.MAX_SAFE_INTEGER)).toBeNull();
    expect(BITCOIN_NETWORKS.mainnet.silence).not.toBeNull();
  });

  it("is no longer believed to know what happens now", async () => {
    let nowMs = Date.now();
    await bench.watch({ maxSilenceMs: 60_000, clock: { nowMs: () => nowMs } });
    await until("the first look", () => bench.sink.watchedUntilMs === nowMs);
    const heardMs = nowMs;
    nowMs += 60_001;
    await bench.problem(/is it cut off from the network, or stuck/);
    expect(bench.watcher.status().connected).toBe(false);
    expect(bench.sink.watchedUntilMs).toBe(heardMs);
    await bench.bitcoind.mine(1);
    await until("the new look", () => bench.sink.watchedUntilMs === nowMs);
    expect(bench.watcher.status().problem).toBeNull();
  });
});

describe("a pruned node", () => {
  it("that no longer has the next block stops everything before that block", async () => {
    await bench.watch();
    await bench.settled();
    const { height } = bench.bitcoind;
    await bench.watcher.stop();
    const txId = await bench.pay();
    await bench.bitcoind.mine(5);
    chainInfoWith({ pruned: true, pruneheight: height + 2 });
    await bench.watch();
    await bench.problem(new RegExp(`has pruned block ${height + 1}, which has not been watched yet`));
    expect(bench.sink.reports).toHaveLength(1);
    await recovers();
    expect(bench.sink.statusOf(txId)).toBe("included");
  });

  it("that refuses the block itself does so, too", async () => {
    await bench.watch();
    await bench.settled();
    bench.bitcoind.overrides.set("getblock", () => bench.bitcoind.refuse(-1, "Block not available (pruned data)"));
    await bench.bitcoind.mine(1);
    await bench.problem(/has pruned block 121/);
    await recovers();
  });

  it("that still has everything it is asked for is as good as any", async () => {
    chainInfoWith({ pruned: true, pruneheight: 100 });
    await bench.watch();
    await bench.settled();
    expect(bench.watcher.status().problem).toBeNull();
  });
});

describe("a node that does not know what happens now", () => {
  async function saysNothingOfTime(problem: RegExp | null): Promise<void> {
    await bench.watch();
    if (problem) await bench.problem(problem);
    const txId = await bench.pay();
    await bench.bitcoind.mine(1);
    await bench.tells("included", txId);
    expect(bench.sink.watchedUntilMs).toBeNull();
    await recovers();
  }

  it("because it is still downloading the chain is followed, and nothing is said of how far was watched", async () => {
    chainInfoWith({ initialblockdownload: true, headers: 900 });
    await saysNothingOfTime(/still downloading the chain \(120 of 900 blocks\)/);
  });

  it("because it only knows of newer blocks is followed in the same way", async () => {
    chainInfoWith({ headers: 900 });
    await saysNothingOfTime(null);
  });
});

describe("a node on mainnet", () => {
  it("without peers is told to be cut off", async () => {
    const { mainnet } = BITCOIN_NETWORKS;
    chainInfoWith({ chain: "main" });
    bench.bitcoind.overrides.set("getblockhash", (real, [height]) => (height === 0 ? mainnet.genesisHash : real()));
    await bench.watch({ network: "mainnet" });
    await bench.problem(/has no peers/);
    bench.bitcoind.overrides.set("getnetworkinfo", () => ({ connections: 8 }));
    await until("the problem to be over", () => bench.watcher.status().problem === null);
  });
});

describe("stored transfers", () => {
  it.each([
    ["with an id that is no transaction's", { txId: "not-a-transaction" }],
    ["with an id in capitals", { txId: "AB".repeat(32) }],
    ["with an index that is no number", { index: "log-3" }],
    ["with an index that no transaction has", { index: "4294967296" }],
    ["that spend what is no output", { spends: ["0xabc:7"] }],
  ])("%s are left aside, said once, and all else is followed", async (_, wrong) => {
    await bench.watch();
    const txId = await bench.pay();
    await bench.tells("seen", txId);
    const [stored] = await bench.sink.openTransfers();
    bench.sink.openTransfers = async () => [{ ...(stored as OpenTransfer), ...wrong }, stored as OpenTransfer];
    await bench.watch();
    await bench.bitcoind.drop(txId);
    await bench.tells("dropped", txId);
    await bench.settled();
    expect(bench.watcher.status().problem).toBeNull();
    expect(bench.logged.filter((line) => line.includes("left aside"))).toHaveLength(1);
  });

  it("that the node does not take for transactions are left aside, said once, and nothing is told of them", async () => {
    await bench.watch();
    const [txId, other] = [await bench.pay(), await bench.pay()];
    await bench.tells("seen", txId);
    await bench.tells("seen", other);
    for (const method of ["getmempoolentry", "gettxspendingprevout"]) {
      bench.bitcoind.overrides.set(method, (real, [asked]) =>
        asked === txId ? bench.bitcoind.refuse(-8, "txid must be hexadecimal string") : real(),
      );
    }
    bench.bitcoind.overrides.set("getrawmempool", () => []);
    await until("it to be said", () => bench.logged.some((line) => line.includes("does not take")));
    bench.bitcoind.overrides.delete("getrawmempool");
    await bench.bitcoind.mine(1);
    await bench.tells("included", other);
    await bench.settled();
    expect(bench.watcher.status().problem).toBeNull();
    expect(bench.logged.filter((line) => line.includes("does not take"))).toHaveLength(1);
    expect(bench.sink.told.filter((told) => told.startsWith("dropped"))).toEqual([]);
  });
});

describe("credentials", () => {
  it("that are wrong are a problem that says so, and are in no log line", async () => {
    await bench.watch({ rpcUser: "mallory", rpcPassword: "very-secret-word" });
    await bench.problem(/does not accept the credentials/);
    expect(bench.logged.join()).toMatch(/does not accept the credentials/);
    expect(bench.logged.join()).not.toMatch(/mallory|very-secret-word/);
    expect(bench.logged).toHaveLength(1);
  });

  it("in a cookie file are read anew when the node was started again", async () => {
    const directory = await mkdtemp(join(tmpdir(), "paybell-cookie-"));
    const rpcCookieFile = join(directory, ".cookie");
    bench.bitcoind.useCookie = true;
    await writeFile(rpcCookieFile, bench.bitcoind.cookie);
    await bench.watch({ rpcUser: null, rpcPassword: null, rpcCookieFile });
    await bench.settled();
    await bench.bitcoind.restart();
    await bench.problem(/credentials|cannot be reached/);
    await writeFile(rpcCookieFile, bench.bitcoind.cookie);
    await recovers();
    await rm(directory, { recursive: true });
  });
});

describe("something else at the node's address", () => {
  it.each([
    ["an answer that is not bitcoind's", { status: 200, body: '{"result":"hello","error":null,"id":0}' }],
    ["a web page", { status: 404, body: "<html></html>" }],
  ])("is told to be that: %s", async (_, raw) => {
    bench.bitcoind.rpc.raw = raw;
    await bench.watch();
    await bench.problem(/is there a bitcoind at rpcUrl/);
    bench.bitcoind.rpc.raw = null;
    await recovers();
  });
});
