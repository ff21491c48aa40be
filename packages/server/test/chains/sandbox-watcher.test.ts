import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { addressFromSeed } from "../../src/chains/sandbox/address.ts";
import { SandboxChain } from "../../src/chains/sandbox/chain.ts";
import { SandboxWatcher } from "../../src/chains/sandbox/sandbox-watcher.ts";
import type { OpenTransfer } from "../../src/log/store.ts";
import { ManualClock } from "../../testkit/manual-clock.ts";
import { MemoryLedger } from "../../testkit/memory-ledger.ts";
import { RecordingSink } from "../../testkit/recording-sink.ts";
import { SandboxLink } from "../../testkit/sandbox-link.ts";
import { until } from "../../testkit/until.ts";

const shop = addressFromSeed("shop");
const to = (recipient: string) => ({ recipient, asset: "SBX", amountAtomic: 5_000_000n });
let clock: ManualClock;
let chain: SandboxChain;
let link: SandboxLink;
let sink: RecordingSink;
let watcher: SandboxWatcher;

const newWatcher = () =>
  new SandboxWatcher({ node: link, clock, pollIntervalMs: 5, maxRetryMs: 50, maxSilenceMs: 60_000 });

/** A fresh watcher on the stored cursor, as after a restart. */
async function restart(): Promise<void> {
  await watcher.stop();
  watcher = newWatcher();
  await watcher.start(sink);
  await watcher.settled();
}

beforeEach(async () => {
  clock = new ManualClock(1_700_000_000_000);
  chain = await SandboxChain.open({ ledger: new MemoryLedger(), clock, blockIntervalMs: 0 });
  link = new SandboxLink(chain);
  sink = new RecordingSink();
  sink.watched.add(shop);
  watcher = newWatcher();
  await watcher.start(sink);
});

afterEach(() => watcher.stop());

describe("the sandbox watcher", () => {
  it("reports a transfer in the mempool, then its block, and nothing of strangers", async () => {
    const txId = await chain.pay(to(shop));
    await chain.pay(to(addressFromSeed("somebody else")));
    await watcher.settled();
    expect(sink.told).toEqual([`seen ${txId}`]);
    await chain.mine(1);
    await watcher.settled();
    expect(sink.told).toEqual([`seen ${txId}`, `included ${txId}`]);
    const included = sink.reports.at(-1)?.observations[0];
    const { tip } = await chain.view();
    expect(included).toMatchObject({ confirmations: 1, block: { height: 1, hash: tip.hash }, index: "0" });
    expect(sink.reports.at(-1)).toMatchObject({ head: { height: 1 }, cursor: { height: 1, hash: tip.hash } });
  });

  it("counts confirmations from the head of its report", async () => {
    await watcher.stop();
    await chain.pay(to(shop));
    await chain.mine(3);
    await restart();
    expect(sink.reports.at(-1)).toMatchObject({ head: { height: 3 }, observations: [{ confirmations: 3 }] });
  });

  it("reports each watched output of one transaction by its number", async () => {
    await chain.payMany([to(shop), to(addressFromSeed("change")), to(shop)]);
    await watcher.settled();
    expect(sink.reports.at(-1)?.observations.map(({ index }) => index)).toEqual(["0", "2"]);
  });

  it("finds a transfer that was in the mempool before its address was watched", async () => {
    const late = addressFromSeed("late");
    const txId = await chain.payMany([to(shop), to(late)]);
    await watcher.settled();
    expect(sink.statusOf(txId, "1")).toBeUndefined();
    sink.watched.add(late);
    watcher.onWatched();
    await watcher.settled();
    expect(sink.statusOf(txId, "1")).toBe("seen");
    expect(sink.told).toHaveLength(2);
  });

  it("reports a failed transaction as failed, once it is in a block", async () => {
    const txId = await chain.pay(to(shop), { fails: true });
    await chain.mine(1);
    await watcher.settled();
    expect(sink.statusOf(txId)).toBe("failed");
  });

  it("leaves aside stored transfers of outputs that there are not, and goes on", async () => {
    const lost = await chain.pay(to(shop));
    await watcher.settled();
    const [stored] = await sink.openTransfers();
    const wrong = ["7", "x", "-1"].map((index) => ({ ...stored, index }) as OpenTransfer);
    await watcher.stop();
    await chain.doubleSpend(lost);
    sink.openTransfers = async () => [...wrong, stored as OpenTransfer];
    await restart();
    expect(sink.told).toEqual([`seen ${lost}`, `replaced ${lost}`]);
    const txId = await chain.pay(to(shop));
    await watcher.settled();
    expect(sink.statusOf(txId)).toBe("seen");
    expect(watcher.status().problem).toBeNull();
  });

  it("says how far the chain was watched, also while nothing happens", async () => {
    await watcher.settled();
    const before = sink.reports.length;
    clock.advance(3_600_000);
    await until("the new time", () => sink.watchedUntilMs === clock.nowMs());
    expect(sink.reports).toHaveLength(before);
  });

  it("while it catches up claims to have watched only as far as the blocks it reported", async () => {
    await watcher.stop();
    await chain.mine(150);
    const minedAtMs = clock.nowMs();
    clock.advance(3_600_000);
    const claims: (number | null)[] = [];
    sink.beforeApply = ({ watchedUntilMs }) => void claims.push(watchedUntilMs);
    await restart();
    expect(claims.slice(0, 2)).toEqual([minedAtMs, clock.nowMs()]);
  });
});

describe("a reorganisation, for the sandbox watcher,", () => {
  /** A transfer in the last but one of three blocks, reported. */
  async function included(): Promise<string> {
    await chain.mine(1);
    const txId = await chain.pay(to(shop));
    await chain.mine(2);
    await watcher.settled();
    return txId;
  }

  it.each([
    ["mempool", "seen"],
    ["included", "included"],
    ["dropped", "dropped"],
    ["replaced", "replaced"],
  ] as const)("is one report: dropped blocks, newest first, and the transfer that is now %s", async (fate, status) => {
    const txId = await included();
    const [older, newer] = [await chain.blockAt(2), await chain.blockAt(3)];
    const reportsBefore = sink.reports.length;
    await chain.reorg(2, fate);
    await watcher.settled();
    expect(sink.reports).toHaveLength(reportsBefore + 1);
    expect(sink.reports.at(-1)).toMatchObject({
      disconnected: [
        { height: 3, hash: newer?.hash },
        { height: 2, hash: older?.hash },
      ],
      head: { height: 4 },
      observations: [{ status, txId }],
    });
    const [{ replacedBy } = { replacedBy: null }] = sink.reports.at(-1)?.observations ?? [];
    expect(replacedBy === null).toBe(fate !== "replaced");
  });

  it("that happened while nobody watched is found by walking back from the cursor", async () => {
    const txId = await included();
    await watcher.stop();
    await chain.reorg(2);
    await chain.reorg(1);
    await chain.mine(1);
    await restart();
    expect(sink.reports.at(-1)).toMatchObject({
      disconnected: [{ height: 3 }, { height: 2 }],
      observations: [{ status: "included", txId, block: { height: 6 } }],
    });
  });

  it("of blocks that were never reported is not worth a word", async () => {
    await watcher.settled();
    link.break();
    const txId = await chain.pay(to(shop));
    await chain.mine(2);
    await chain.reorg(2, "included");
    link.restore();
    await watcher.settled();
    expect(sink.reports.flatMap(({ disconnected }) => disconnected)).toEqual([]);
    expect(sink.told).toEqual([`included ${txId}`]);
  });
});

describe("the sandbox watcher's mempool", () => {
  it("reports what was replaced, by what, before a replacement that pays as well", async () => {
    const first = await chain.pay(to(shop));
    await watcher.settled();
    const second = await chain.doubleSpend(first, [to(shop)]);
    await watcher.settled();
    expect(sink.told).toEqual([`seen ${first}`, `replaced ${first}`, `seen ${second}`]);
    const [replaced, seen] = sink.reports.at(-1)?.observations ?? [];
    expect(replaced?.replacedBy).toBe(second);
    expect(seen?.spends).toEqual(replaced?.spends);
  });

  it("reports what the node has forgotten", async () => {
    const txId = await chain.pay(to(shop));
    await watcher.settled();
    await chain.drop(txId);
    await watcher.settled();
    expect(sink.told).toEqual([`seen ${txId}`, `dropped ${txId}`]);
  });

  it("is compared with the stored transfers after a restart", async () => {
    const [stays, lost, mined] = [await chain.pay(to(shop)), await chain.pay(to(shop)), await chain.pay(to(shop))];
    await watcher.settled();
    await watcher.stop();
    await chain.doubleSpend(lost);
    await chain.drop(stays);
    await chain.mine(1);
    await restart();
    expect([stays, lost, mined].map((txId) => sink.statusOf(txId))).toEqual(["dropped", "replaced", "included"]);
  });

  it("does not repeat what was reported before a restart", async () => {
    await chain.pay(to(shop));
    await watcher.settled();
    await restart();
    expect(sink.told).toHaveLength(1);
  });
});

describe("trouble, for the sandbox watcher,", () => {
  it("with the store is shown, and the same is reported again until it is stored", async () => {
    await watcher.settled();
    let refusals = 3;
    sink.beforeApply = () => {
      if (refusals-- > 0) throw new Error("disk full");
    };
    const txId = await chain.pay(to(shop));
    await chain.mine(1);
    expect(await until("the problem", () => watcher.status().problem)).toContain("disk full");
    await watcher.settled();
    expect(sink.statusOf(txId)).toBe("included");
    expect(watcher.status().problem).toBeNull();
  });

  it("with the connection is shown, and the gap is made up for when it is back", async () => {
    await watcher.settled();
    link.break();
    const txId = await chain.pay(to(shop));
    await chain.mine(100);
    await until("the problem", () => watcher.status().problem !== null);
    expect(watcher.status()).toMatchObject({ connected: false });
    link.restore();
    await watcher.settled();
    expect(watcher.status()).toEqual({ connected: true, headHeight: 100, lagBlocks: 0, problem: null });
    expect(sink.reports.flatMap(({ observations }) => observations)).toMatchObject([
      { txId, status: "included", confirmations: expect.any(Number) },
    ]);
  });

  it("of a node that answers but brings no block is noticed within the bound", async () => {
    await watcher.settled();
    link.fallSilent();
    await chain.mine(1);
    clock.advance(60_000);
    expect(watcher.status().problem).toBeNull();
    clock.advance(1);
    expect(watcher.status()).toMatchObject({ connected: false, problem: expect.stringContaining("no block has come") });
    link.restore();
    await watcher.settled();
    expect(watcher.status().problem).toBeNull();
  });

  it("of a crash before the cursor was stored ends in the same reports again", async () => {
    await watcher.settled();
    const built: unknown[] = [];
    sink.beforeApply = (report) => {
      if (report.head === null) return;
      built.push(report.observations);
      throw new Error("killed");
    };
    const txId = await chain.pay(to(shop));
    await chain.mine(1);
    await until("the report", () => built.length > 0);
    sink.beforeApply = () => undefined;
    await restart();
    expect(sink.reports.at(-1)?.observations).toEqual(built.at(-1));
    expect(sink.statusOf(txId)).toBe("included");
  });

  it("of a stop is told to those who wait for it to settle", async () => {
    await watcher.settled();
    link.break();
    await until("the problem", () => watcher.status().problem !== null);
    const waiting = watcher.settled();
    const refused = expect(waiting).rejects.toThrow("stopped");
    await watcher.stop();
    await refused;
    await expect(watcher.settled()).rejects.toThrow("not running");
  });
});
