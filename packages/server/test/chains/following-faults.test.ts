/** What one question without an answer, one odd key or one node that is behind must not do to everything else. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  BlockGone,
  BlocksMissing,
  EndpointFailure,
  type FollowedHead,
  type FoundTransaction,
  type Interest,
  type PendingNews,
} from "../../src/chains/following/block-source.ts";
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
import { SandboxSource } from "../../testkit/sandbox-source.ts";
import { until } from "../../testkit/until.ts";

const OURS = addressFromSeed("ours");
let clock: ManualClock;
let chain: SandboxChain;
let sink: RecordingSink;
let watcher: FollowingWatcher;
/** What the node says in place of what is so. */
let lies: {
  head?: (head: FollowedHead) => FollowedHead;
  pending?: (news: PendingNews) => PendingNews;
  transaction?: (txId: string, found: FoundTransaction | null) => FoundTransaction | null;
};

class LyingSource extends SandboxSource {
  override async head(): Promise<FollowedHead> {
    const head = await super.head();
    return lies.head?.(head) ?? head;
  }

  override async transaction(txId: string, interest: Interest): Promise<FoundTransaction | null> {
    const found = await super.transaction(txId, interest);
    return lies.transaction ? lies.transaction(txId, found) : found;
  }
}

beforeEach(async () => {
  clock = new ManualClock(1_700_000_000_000);
  lies = {};
  chain = await SandboxChain.open({ ledger: new MemoryLedger(), clock, blockIntervalMs: 0 });
  await chain.mine(10);
  sink = new RecordingSink();
  sink.watched.add(OURS);
});

afterEach(async () => {
  await watcher.stop();
  await chain.close();
});

async function watch({
  mempool = false,
  ...options
}: { mempool?: boolean } & Partial<FollowingWatcherOptions> = {}): Promise<void> {
  const source = new LyingSource(new SandboxLink(chain), { mempool });
  const { pending } = source;
  if (pending) {
    Object.assign(source, {
      pending: async (interest: Interest) => {
        const news = await pending(interest);
        return lies.pending?.(news) ?? news;
      },
    });
  }
  watcher = new FollowingWatcher({
    facts: sandboxFacts,
    source,
    countedHeight: ({ height }) => height,
    pollIntervalMs: 5,
    maxSilenceMs: null,
    clock,
    logger: quietLogger,
    ...options,
  });
  await watcher.start(sink);
}

const pay = () => chain.pay({ recipient: OURS, asset: "SBX", amountAtomic: 5n });
const told = (...expected: string[]) =>
  until(
    () => `${expected.join(", ")}; told was ${sink.told.join(", ")}`,
    () => sink.told.length >= expected.length,
  ).then(() => expect(sink.told).toEqual(expected));
const counted = () => sink.reports.findLast(({ head }) => head !== null)?.head?.height;
/** So many turns have passed. */
const turns = (count: number) => {
  let asked = 0;
  const { head } = lies;
  lies.head = (same) => {
    asked += 1;
    return head?.(same) ?? same;
  };
  return until("some turns", () => asked > count);
};

describe("what waits for a block", () => {
  it("is told as replaced also when the node then fails to answer for another transaction", async () => {
    await watch({ mempool: true });
    const [lost, other] = [await pay(), await pay()];
    await told(`seen ${lost}`, `seen ${other}`);
    let fails = true;
    lies.pending = (news) => ({ ...news, transfers: news.transfers.filter(({ txId }) => txId !== other) });
    lies.transaction = (_, found) => {
      if (fails) throw new EndpointFailure("too many questions");
      return found;
    };
    await chain.doubleSpend(lost, [{ recipient: addressFromSeed("theirs"), asset: "SBX", amountAtomic: 5n }]);
    await until("the failure", () => watcher.status().problem?.includes("too many questions"));
    fails = false;
    await told(`seen ${lost}`, `seen ${other}`, `replaced ${lost}`);
  });

  it("takes the place of nothing that is in a block: the node that told of it is behind", async () => {
    await watch({ mempool: true });
    const txId = await pay();
    await chain.mine(1);
    await until("the block", () => sink.statusOf(txId) === "included");
    const [spend = ""] = (await chain.transactions([txId])).map((found) => found?.spends ?? "");
    lies.pending = (news) => ({ ...news, spenders: [{ spend, txId: "e".repeat(64) }] });
    await turns(3);
    expect(sink.statusOf(txId)).toBe("included");
  });
});

describe("a transaction that a payment names", () => {
  const naming = (txId: string) => matchKeyOf(OURS, { txId, payer: "whoever" });

  it("and that cannot be looked up keeps nothing else waiting", async () => {
    sink.watched.clear();
    await watch({ mempool: true });
    const txId = await pay();
    await chain.mine(1);
    await until("the block", () => counted() === 11);
    sink.watched.add(OURS);
    lies.transaction = (asked, found) => {
      if (asked !== txId) throw new BlockGone("its block is not there any more");
      return found;
    };
    watcher.onWatched(naming("f".repeat(64)));
    watcher.onWatched(naming(txId));
    const waiting = await pay();
    await told(`included ${txId}`, `seen ${waiting}`);
    expect(watcher.status().problem).toBeNull();
  });

  it("and that the node has forgotten does not stop time for those who wait for something else", async () => {
    await watch();
    let asked = 0;
    lies.transaction = () => {
      asked += 1;
      throw new BlocksMissing("too old", null);
    };
    watcher.onWatched(naming("f".repeat(64)));
    await until("the question", () => asked > 0);
    clock.advance(60_000);
    await until("the time to go on", () => sink.watchedUntilMs === clock.nowMs() - 15_000);
    expect(watcher.status().problem).toBeNull();
  });

  it("is asked for again where the node does not know it yet", { timeout: 20_000 }, async () => {
    sink.watched.clear();
    await watch();
    const txId = await pay();
    await chain.mine(1);
    await until("the block", () => counted() === 11);
    sink.watched.add(OURS);
    let asked = 0;
    lies.transaction = (_, found) => {
      asked += 1;
      return asked === 1 ? null : found;
    };
    watcher.onWatched(naming(txId));
    await told(`included ${txId}`);
  });
});

describe("how far everything is watched", () => {
  it("is no later than the newest block's own time while the node synchronises, and that is said", async () => {
    await watch({ maxSilenceMs: 60_000 });
    await until("the first look", () => sink.watchedUntilMs !== null);
    const downSinceMs = clock.nowMs();
    // Node and watcher were both away for a day; what the node has now are the blocks of that day's beginning.
    await watcher.stop();
    await chain.mine(1);
    clock.advance(86_400_000);
    await watch({ maxSilenceMs: 60_000 });
    await until("the blocks", () => counted() === 11);
    await turns(3);
    expect(sink.watchedUntilMs).toBe(downSinceMs);
    expect(watcher.status().problem).toMatch(/newest block is 86400 seconds old.*synchronising/);
    await chain.mine(1);
    await until("the node to be up to date", () => watcher.status().problem === null);
    await until("the time to go on", () => sink.watchedUntilMs === clock.nowMs());
  });

  it("does not go on while the node is behind what was followed", async () => {
    await watch();
    await until("the first look", () => sink.watchedUntilMs !== null);
    const before = sink.watchedUntilMs;
    const older = await chain.blockAt(9);
    lies.head = () => ({ height: 9, hash: older?.hash ?? "", finalized: null });
    await turns(2);
    clock.advance(60_000);
    await turns(3);
    expect(sink.watchedUntilMs).toBe(before);
  });
});

it("nothing is confirmed by an irreversible block that the node's own chain does not reach", async () => {
  await watch({ countedHeight: ({ finalized }) => finalized?.height ?? 0 });
  lies.head = (head) => ({ ...head, finalized: { height: head.height + 50, hash: "e".repeat(64) } });
  await pay();
  await chain.mine(1);
  await until("the contradiction", () => /irreversible/.test(watcher.status().problem ?? ""));
  expect(counted()).toBe(0);
});
