/** What the Bitcoin watcher reports of the mempool, with and without ZMQ, from a real full node. */
import { Transaction } from "@scure/btc-signer";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AMOUNT, BitcoinBench } from "../../testkit/bitcoin-bench.ts";
import { until } from "../../testkit/until.ts";

let bench: BitcoinBench;

beforeEach(async () => {
  bench = await BitcoinBench.open();
});

afterEach(() => bench.close());

/** The observation of this transaction that was reported last. */
function lastOf(txId: string) {
  return bench.sink.reports.flatMap(({ observations }) => observations).findLast((seen) => seen.txId === txId);
}

function rawOf(txId: string): Buffer {
  const tx = bench.bitcoind.node.mempoolTransaction(txId);
  if (!tx) throw new Error(`${txId} is not in the mempool.`);
  return tx.toRaw();
}

/** A transaction that spends the change of another one, and pays a fresh, watched address. */
async function payFromChangeOf(txId: string): Promise<string> {
  const { wallet, node } = bench.bitcoind;
  const change = node.mempoolTransaction(txId)?.outputs[1]?.value ?? 0;
  const script = Buffer.from(bench.recipientOf(bench.watchedAddress()), "hex");
  const coin = { txId, vout: 1, amountAtomic: BigInt(change) };
  const raw = wallet.sign([coin], [{ script, amountAtomic: AMOUNT }]);
  await node.send(raw);
  return Transaction.fromRaw(raw).id;
}

describe("with ZMQ alone", () => {
  beforeEach(() => bench.watchByZmqOnly());

  it("a transfer is seen, replaced, dropped and included as soon as the node says so", async () => {
    const [paid, replaced, dropped] = [await bench.pay(), await bench.pay(), await bench.pay()];
    for (const txId of [paid, replaced, dropped]) await bench.tells("seen", txId);
    const replacedBy = await bench.bitcoind.doubleSpend(replaced);
    await bench.tells("replaced", replaced);
    expect(lastOf(replaced)).toMatchObject({ replacedBy, spends: lastOf(replaced)?.spends });
    await bench.bitcoind.drop(dropped);
    await bench.tells("dropped", dropped);
    await bench.bitcoind.mine(1);
    await bench.tells("included", paid);
    expect(lastOf(paid)?.observedAtMs).toBeLessThanOrEqual(Date.now());
  });

  it("a message that was lost shows as a gap, and what it said is found", async () => {
    bench.bitcoind.zmq.losing = true;
    const lost = await bench.pay();
    bench.bitcoind.zmq.losing = false;
    const next = await bench.pay();
    await bench.tells("seen", lost);
    await bench.tells("seen", next);
  });

  it("a node that is started again is heard again", async () => {
    await bench.bitcoind.restart();
    const txId = await bench.pay();
    // Until the connection is made again, whatever is announced is lost.
    await until("the transfer to be heard of", async () => {
      await bench.bitcoind.zmq.repeat();
      return bench.sink.statusOf(txId) === "seen";
    });
  });

  it("messages that bitcoind would never send are left aside, and said", async () => {
    const { zmq } = bench.bitcoind;
    const complaints = [
      /message of 1 frames is not bitcoind's/,
      /sequence message of 9 bytes is not known/,
      /a raw transaction cannot be read/,
    ];
    await until("all to be said", () => {
      zmq.garbage(Buffer.from("rawtx"));
      zmq.garbage(Buffer.from("rawtx"), Buffer.from("no transaction"), Buffer.alloc(4));
      zmq.garbage(Buffer.from("sequence"), Buffer.from("too short"), Buffer.alloc(4));
      return complaints.every((complaint) => complaint.test(bench.logged.join()));
    });
    await bench.tells("seen", await bench.pay());
  });

  it("a transfer to an address that is watched only afterwards is found at once, and no other is read again", async () => {
    const addresses = Array.from({ length: 50 }, () => bench.bitcoind.newAddress());
    const others = await bench.bitcoind.pay([{ address: bench.bitcoind.newAddress(), amountAtomic: AMOUNT }]);
    const txId = await bench.bitcoind.pay(addresses.map((address) => ({ address, amountAtomic: AMOUNT })));
    await bench.tells("seen", await bench.pay());
    const { calls } = bench.bitcoind.rpc;
    calls.clear();
    for (const recipient of addresses.map((address) => bench.recipientOf(address))) {
      bench.sink.watched.add(recipient);
      bench.watcher.onWatched(recipient);
    }
    await bench.tells("seen", txId);
    expect(bench.sink.told.filter((told) => told === `seen ${txId}`)).toHaveLength(50);
    expect(bench.sink.statusOf(others)).toBeUndefined();
    expect(calls.get("getrawtransaction")).toBe(1);
  });
});

describe("an address that is watched once more", () => {
  it("has its transfer told once more, for whoever was not there the first time", async () => {
    await bench.watch();
    await bench.settled();
    const address = bench.watchedAddress();
    const txId = await bench.bitcoind.pay([{ address, amountAtomic: AMOUNT }]);
    await bench.tells("seen", txId);
    bench.watcher.onWatched(bench.recipientOf(address));
    await until("the second time", () => bench.sink.told.length === 2);
    expect(bench.sink.told).toEqual([`seen ${txId}`, `seen ${txId}`]);
  });
});

describe.each([true, false])("with ZMQ: %s, and polling", (zmq) => {
  const watch = () => bench.watch(zmq ? {} : { zmq: null });

  beforeEach(async () => {
    await watch();
    await bench.settled();
  });

  it("a transfer is reported once, however often the mempool is looked at", async () => {
    const txId = await bench.pay();
    await bench.tells("seen", txId);
    await bench.settled();
    await bench.settled();
    expect(bench.sink.told).toEqual([`seen ${txId}`]);
    expect(bench.sink.reports.at(-1)).toMatchObject({ head: null, cursor: null });
  });

  it("says what the sender may still replace, and what depends on that", async () => {
    const [plain, open] = [await bench.pay(), await bench.pay({ rbf: true })];
    for (const txId of [plain, open]) await bench.tells("seen", txId);
    expect([lastOf(plain)?.replaceable, lastOf(open)?.replaceable]).toEqual([false, true]);
    // Newer nodes no longer say so; then an unconfirmed parent is enough to doubt.
    bench.bitcoind.overrides.set("getmempoolentry", async (real) => {
      const { "bip125-replaceable": _, ...entry } = (await real()) as Record<string, unknown>;
      return entry;
    });
    const child = await payFromChangeOf(plain);
    await bench.tells("seen", child);
    expect(lastOf(child)?.replaceable).toBe(true);
  });

  it("a transfer that comes back after it was dropped is seen again", async () => {
    const txId = await bench.pay();
    await bench.tells("seen", txId);
    const raw = rawOf(txId);
    await bench.bitcoind.drop(txId);
    await bench.tells("dropped", txId);
    await bench.bitcoind.node.send(raw);
    await bench.tells("seen", txId);
    await bench.bitcoind.mine(1);
    await bench.tells("included", txId);
    expect(bench.sink.told).toEqual(["seen", "dropped", "seen", "included"].map((status) => `${status} ${txId}`));
  });

  it("what depends on a replaced transaction is dropped", async () => {
    const parent = await bench.pay();
    await bench.tells("seen", parent);
    const child = await payFromChangeOf(parent);
    await bench.tells("seen", child);
    await bench.bitcoind.doubleSpend(parent);
    await bench.tells("replaced", parent);
    await bench.tells("dropped", child);
  });

  it("a replacement that pays as well is told with what it replaces, in that order", async () => {
    const first = await bench.pay();
    await bench.tells("seen", first);
    const second = await bench.bitcoind.doubleSpend(first, [{ address: bench.watchedAddress(), amountAtomic: AMOUNT }]);
    await bench.tells("seen", second);
    expect(bench.sink.told).toEqual([`seen ${first}`, `replaced ${first}`, `seen ${second}`]);
  });

  it("a mined transaction is never taken for a dropped one, though it leaves the mempool unannounced", async () => {
    const txId = await bench.pay();
    await bench.tells("seen", txId);
    // The watcher is led to believe that it is gone, and a block with it comes just before it asks.
    let mined = false;
    bench.bitcoind.overrides.set("getrawmempool", () => []);
    bench.bitcoind.overrides.set("getmempoolentry", async (real) => {
      if (!mined) await bench.bitcoind.node.mine(1);
      mined = true;
      return real();
    });
    await bench.tells("included", txId);
    await bench.settled();
    expect(bench.sink.told).toEqual([`seen ${txId}`, `included ${txId}`]);
  });

  it("nothing is concluded while the node still reads its mempool from disk", async () => {
    const txId = await bench.pay();
    await bench.tells("seen", txId);
    let asked = 0;
    bench.bitcoind.overrides.set("getmempoolinfo", () => {
      asked += 1;
      return { loaded: false };
    });
    await bench.bitcoind.drop(txId);
    const before = asked;
    await until("the watcher to have asked some times", () => asked > before + 5);
    const { watchedUntilMs } = bench.sink;
    const later = asked;
    await until("the watcher to have asked again", () => asked > later + 2);
    expect(bench.sink.statusOf(txId)).toBe("seen");
    expect(bench.sink.watchedUntilMs).toBe(watchedUntilMs);
    bench.bitcoind.overrides.clear();
    await bench.tells("dropped", txId);
  });

  it("a double spend is recognised from the stored transfers after a restart", async () => {
    const txId = await bench.pay();
    await bench.tells("seen", txId);
    await bench.watcher.stop();
    const replacedBy = await bench.bitcoind.doubleSpend(txId);
    await watch();
    await bench.tells("replaced", txId);
    expect(lastOf(txId)?.replacedBy).toBe(replacedBy);
  });

  it("a node that cannot say who spends an output is enough to notice that a transfer is gone", async () => {
    bench.bitcoind.overrides.set("gettxspendingprevout", () => bench.bitcoind.refuse(-32601, "Method not found"));
    const txId = await bench.pay();
    await bench.tells("seen", txId);
    await bench.bitcoind.drop(txId);
    await bench.tells("dropped", txId);
  });

  it("what entered while nobody watched has the node's time, not ours", async () => {
    await bench.watcher.stop();
    const txId = await bench.pay();
    bench.bitcoind.overrides.set("getmempoolentry", async (real) => ({
      ...((await real()) as object),
      time: 1_600_000_000,
    }));
    await watch();
    await bench.tells("seen", txId);
    expect(lastOf(txId)?.observedAtMs).toBe(1_600_000_005_000);
  });
});

describe("a reorganisation and the mempool", () => {
  it("a double spend that is in the mempool when the block is dropped is told with it", async () => {
    await bench.watchByZmqOnly();
    const txId = await bench.pay();
    await bench.tells("seen", txId);
    await bench.bitcoind.mine(1);
    await bench.tells("included", txId);
    const conflict = bench.bitcoind.conflictWith(txId);
    await bench.bitcoind.atOnce(async (node) => {
      await node.reorganise({ depth: 1, back: false });
      await node.send(conflict);
    });
    await bench.tells("replaced", txId);
    expect(bench.sink.told).toEqual([`seen ${txId}`, `included ${txId}`, `replaced ${txId}`]);
  });

  it("a transfer that goes back and forth ends where the node has it", async () => {
    await bench.watch();
    await bench.settled();
    const txId = await bench.pay();
    for (let round = 0; round < 5; round += 1) {
      await bench.bitcoind.mine(1);
      await bench.bitcoind.reorg(1, "mempool");
    }
    await bench.settled();
    expect(bench.sink.statusOf(txId)).toBe("seen");
    await bench.bitcoind.mine(1);
    await bench.settled();
    expect(bench.sink.statusOf(txId)).toBe("included");
  });
});
