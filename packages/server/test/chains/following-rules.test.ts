/** What the follower of linked blocks does where a chain, or a node, is not as it should be. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { FollowedHead } from "../../src/chains/following/block-source.ts";
import { FollowingWatcher, type FollowingWatcherOptions } from "../../src/chains/following/following-watcher.ts";
import { matchKeyOf } from "../../src/chains/match.ts";
import { addressFromSeed } from "../../src/chains/sandbox/address.ts";
import { SandboxChain } from "../../src/chains/sandbox/chain.ts";
import { sandboxFacts } from "../../src/chains/sandbox/facts.ts";
import { ManualClock } from "../../testkit/manual-clock.ts";
import { MemoryLedger } from "../../testkit/memory-ledger.ts";
import { quietLogger } from "../../testkit/quiet-logger.ts";
import { RecordingSink } from "../../testkit/recording-sink.ts";
import { SandboxLink } from "../../testkit/sandbox-link.ts";
import { SandboxSource, type SandboxSourceOptions } from "../../testkit/sandbox-source.ts";
import { until } from "../../testkit/until.ts";

const OURS = addressFromSeed("ours");
const clock = new ManualClock(1_700_000_000_000);
let chain: SandboxChain;
let link: SandboxLink;
let sink: RecordingSink;
let watcher: FollowingWatcher | null = null;

beforeEach(async () => {
  chain = await SandboxChain.open({ ledger: new MemoryLedger(), clock, blockIntervalMs: 0 });
  await chain.mine(10);
  link = new SandboxLink(chain);
  sink = new RecordingSink();
  sink.watched.add(OURS);
});

afterEach(async () => {
  await watcher?.stop();
  watcher = null;
  await chain.close();
});

interface Changes extends Partial<FollowingWatcherOptions> {
  of?: Partial<SandboxSourceOptions>;
  head?: (head: FollowedHead) => FollowedHead;
  advisory?: string;
}

async function watch(changes: Changes = {}): Promise<FollowingWatcher> {
  const { of = {}, head = (same) => same, advisory = null, ...options } = changes;
  class Source extends SandboxSource {
    override async check(): Promise<string | null> {
      return advisory;
    }

    override async head(): Promise<FollowedHead> {
      return head(await super.head());
    }
  }
  watcher = new FollowingWatcher({
    facts: sandboxFacts,
    source: new Source(link, { mempool: false, ...of }),
    countedHeight: ({ height }) => height,
    pollIntervalMs: 5,
    maxSilenceMs: null,
    clock,
    logger: quietLogger,
    ...options,
  });
  await watcher.start(sink);
  return watcher;
}

const pay = () => chain.pay({ recipient: OURS, asset: "SBX", amountAtomic: 5n });
const counted = () => sink.reports.at(-1)?.head?.height;
const observations = () => sink.reports.flatMap((report) => report.observations);
const told = (...expected: string[]) =>
  until(
    () => `${expected.join(", ")}; told was ${sink.told.join(", ")}`,
    () => sink.told.length >= expected.length,
  ).then(() => expect(sink.told).toEqual(expected));
const problem = (what: RegExp) =>
  until(
    () => `${what}; the problem is ${watcher?.status().problem}`,
    () => what.test(watcher?.status().problem ?? ""),
  );

describe("confirmations", () => {
  it("count only up to the block that the chain calls irreversible", async () => {
    await watch({ of: { finalizedDepth: 3 }, countedHeight: ({ finalized }) => finalized?.height ?? 0 });
    const txId = await pay();
    await chain.mine(1);
    await told(`included ${txId}`);
    expect(observations()[0]).toMatchObject({ confirmations: 0, block: { height: 11 } });
    expect(counted()).toBe(8);
    await chain.mine(3);
    await until("the block to count", () => counted() === 11);
    expect(sink.told).toHaveLength(1);
  });

  it("go on counting while no new block comes but more of them become irreversible", async () => {
    let finalized = 5;
    const at = async (height: number) => ({ height, hash: (await chain.blockAt(height))?.hash ?? "" });
    const known = await Promise.all([5, 9].map(at));
    await watch({
      head: (head) => ({ ...head, finalized: known.find(({ height }) => height === finalized) ?? null }),
      countedHeight: (head) => head.finalized?.height ?? 0,
    });
    expect(counted()).toBe(5);
    finalized = 9;
    await until("the new height", () => counted() === 9);
    expect((await sink.cursor()) as object).toMatchObject({ countedHeight: 9 });
  });

  it("are not counted from a node that calls another block irreversible", async () => {
    let forked = false;
    await watch({
      head: (head) => ({ ...head, finalized: forked ? { height: 8, hash: "f".repeat(64) } : null }),
    });
    forked = true;
    await chain.mine(1);
    await problem(/calls block f+ at height 8 irreversible/);
    expect(counted()).toBe(10);
    forked = false;
    await until("the next block to be reported", () => counted() === 11);
  });
});

describe("a node that is behind", () => {
  it("is waited for, and nothing is taken back", async () => {
    await watch();
    const txId = await pay();
    await chain.mine(2);
    await told(`included ${txId}`);
    const older = await chain.blockAt(9);
    await watcher?.stop();
    let behind = true;
    await watch({ head: (head) => (behind ? { height: 9, hash: older?.hash ?? "", finalized: null } : head) });
    await until("the node to be asked", () => watcher?.status().headHeight === 9);
    expect(watcher?.status()).toMatchObject({ lagBlocks: 0, problem: null });
    await chain.mine(1);
    behind = false;
    await until("the next block", () => sink.reports.at(-1)?.head?.height === 13);
    expect(sink.reports.flatMap(({ disconnected }) => disconnected)).toEqual([]);
  });

  it("and on another chain is not followed", async () => {
    await watch();
    await watcher?.stop();
    await watch({ head: () => ({ height: 9, hash: "e".repeat(64), finalized: null }) });
    await problem(/ends at height 9 with another block/);
    expect(sink.reports).toHaveLength(1);
  });
});

it("a reorganisation deeper than is remembered is left to the operator", async () => {
  await chain.mine(150);
  await watch();
  await watcher?.stop();
  const other = await SandboxChain.open({ ledger: new MemoryLedger(), clock, blockIntervalMs: 0 });
  await other.pay({ recipient: OURS, asset: "SBX", amountAtomic: 1n });
  await other.mine(200);
  link = new SandboxLink(other);
  await watch();
  await problem(/None of the last 100 blocks .* is on the node's main chain/);
  expect(sink.reports).toHaveLength(1);
  await watcher?.stop();
  await other.close();
});

describe("what a dropped block held", () => {
  it("is told as dropped when no block takes it up again, on a chain that tells nothing of what waits", async () => {
    await watch({ orphanLifetimeBlocks: 5 });
    const txId = await pay();
    await chain.mine(2);
    await told(`included ${txId}`);
    await chain.reorg(2, "dropped");
    await until("the reorganisation", () => sink.statusOf(txId) === "orphaned");
    await chain.mine(2);
    await until("the blocks", () => counted() === 15);
    expect(sink.statusOf(txId)).toBe("orphaned");
    await chain.mine(3);
    await until("the end of it", () => sink.statusOf(txId) === "dropped");
    await told(`included ${txId}`, `dropped ${txId}`);
  });
});

describe("the first start", () => {
  it("begins at the head", async () => {
    const txId = await pay();
    await chain.mine(1);
    await watch();
    await chain.mine(1);
    await until("the next block", () => counted() === 12);
    expect(sink.told).not.toContain(`included ${txId}`);
  });

  it("begins before the moment of the start when the node could not be reached at once", async () => {
    link.break();
    await watch();
    await problem(/cannot be reached/);
    clock.advance(120_000);
    const txId = await pay();
    await chain.mine(3);
    link.restore();
    await told(`included ${txId}`);
  });
});

describe("a payment that is stored while the chain goes on", () => {
  it("gets what the last blocks brought before", async () => {
    await watch();
    const txId = await pay();
    await chain.mine(1);
    await told(`included ${txId}`);
    watcher?.onWatched(OURS);
    await told(`included ${txId}`, `included ${txId}`);
    expect(observations()[1]).toEqual(observations()[0]);
  });

  it("gets the transaction that it names, also from a block that was read before anyone waited for it", async () => {
    sink.watched.clear();
    await watch();
    const txId = await pay();
    await chain.mine(3);
    await until("the blocks", () => counted() === 13);
    sink.watched.add(OURS);
    watcher?.onWatched(matchKeyOf(OURS, { txId, payer: "whoever" }));
    await told(`included ${txId}`);
    expect(observations()[0]).toMatchObject({ confirmations: 3, recipient: OURS });
    watcher?.onWatched(matchKeyOf(OURS, { txId: "0".repeat(64), payer: "whoever" }));
    await chain.mine(1);
    await until("the next block", () => counted() === 14);
    expect(sink.told).toHaveLength(1);
  });
});

it("everything is said to be watched up to the newest block's time, while blocks come", async () => {
  await watch();
  clock.advance(60_000);
  await chain.mine(1);
  await until("the block", () => sink.watchedUntilMs === clock.nowMs());
  clock.advance(60_000);
  // No block has come since: what was sent in the last moments may still be on its way.
  await until("the time to go on", () => sink.watchedUntilMs === clock.nowMs() - 15_000);
});

it("a node that the operator is warned of is believed up to its newest block's own time, and no further", async () => {
  await watch({ advisory: "It is still synchronising." });
  clock.advance(60_000);
  await chain.mine(1);
  const blockMs = clock.nowMs();
  await until("the block", () => sink.watchedUntilMs === blockMs);
  clock.advance(30_000);
  const txId = await pay();
  await chain.mine(1);
  await told(`included ${txId}`);
  await until("the next block", () => sink.watchedUntilMs === clock.nowMs());
  clock.advance(30_000);
  watcher?.onWatched(OURS);
  await told(`included ${txId}`, `included ${txId}`);
  expect(sink.watchedUntilMs).toBe(clock.nowMs() - 30_000);
  expect(watcher?.status().problem).toBe("It is still synchronising.");
});

it("a node without new blocks for too long counts as silent, and no time is said to be watched any more", async () => {
  await watch({ maxSilenceMs: 60_000 });
  await until("the first look", () => sink.watchedUntilMs !== null);
  clock.advance(61_000);
  await problem(/for 61 seconds it has had no new block/);
  const before = sink.watchedUntilMs;
  clock.advance(61_000);
  await problem(/for 122 seconds/);
  expect(sink.watchedUntilMs).toBe(before);
  await chain.mine(1);
  await until("the block", () => watcher?.status().problem === null);
});

it("a cursor of another kind of watcher stops the start, and says why", async () => {
  await sink.apply({ disconnected: [], observations: [], head: null, cursor: { height: 1 }, watchedUntilMs: null });
  await expect(watch()).rejects.toThrow(/not written by this kind of watcher/);
});
