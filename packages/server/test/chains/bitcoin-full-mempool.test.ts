/** A full mempool, and a node that announces much and answers nothing: bounded in time and in memory. */
import { setImmediate } from "node:timers/promises";
import { beforeEach, describe, expect, it } from "vitest";
import { Bitcoind } from "../../src/chains/bitcoin/bitcoind.ts";
import { BitcoinFacts } from "../../src/chains/bitcoin/facts.ts";
import { comparisonPauseMs, MempoolFollower } from "../../src/chains/bitcoin/mempool-follower.ts";
import { Silence } from "../../src/chains/bitcoin/silence.ts";
import { TrackedTransactions } from "../../src/chains/bitcoin/tracked-transactions.ts";
import { systemClock } from "../../src/kit/clock.ts";
import { quietLogger } from "../../testkit/quiet-logger.ts";

const FULL = 200_000;
const idOf = (nth: number) => nth.toString(16).padStart(64, "0");
const ids = (count: number) => Array.from({ length: count }, (_, nth) => idOf(nth));

/** What the node would say; it knows no transaction by its id. */
let mempool: unknown[] = [];
/** How many ids were asked for with `getrawtransaction`. */
let fetched = 0;
let follower: MempoolFollower;

beforeEach(() => {
  mempool = [];
  fetched = 0;
  const node = new Bitcoind({
    call: async (method) => (method === "getrawmempool" ? mempool : { loaded: true }),
    batch: async (calls) => {
      fetched += calls.filter(({ method }) => method === "getrawtransaction").length;
      return calls.map(() => "");
    },
  });
  follower = new MempoolFollower({
    facts: new BitcoinFacts({ network: "regtest" }),
    node,
    sink: { watches: () => false },
    clock: systemClock,
    logger: quietLogger,
    tracked: new TrackedTransactions(),
    silence: new Silence(null, 0),
    cursor: null,
    watchedUntilMs: null,
    apply: async () => undefined,
    refresh: async () => undefined,
  });
});

describe("a full mempool", () => {
  it("is compared little by little: others work in between", async () => {
    mempool = ids(FULL);
    let turns = 0;
    let over = false;
    const others = (async () => {
      for (; !over; turns += 1) await setImmediate();
    })();
    expect(await follower.reconcile()).toEqual({ complete: true, transactions: FULL });
    over = true;
    await others;
    // Once to read it and once to go through it, 2,000 at a time.
    expect(turns).toBeGreaterThanOrEqual((2 * FULL) / 2_000);
  });

  it("with something in it that is no id is refused as a whole", async () => {
    mempool = [...ids(2_001), "no id"];
    await expect(follower.reconcile()).rejects.toThrow(/getrawmempool is not bitcoind's/);
  });

  it("is compared every 20 seconds, and every 100 while ZMQ tells of everything", () => {
    expect(comparisonPauseMs(FULL, false)).toBe(20_000);
    expect(comparisonPauseMs(FULL, true)).toBe(100_000);
  });

  it("is told by ZMQ if that was heard since the last comparison and has lost nothing", async () => {
    expect(follower.isTold).toBe(false);
    follower.added(idOf(1));
    expect(follower.isTold).toBe(true);
    follower.missed();
    expect(follower.isTold).toBe(false);
    await follower.reconcile();
    expect(follower.isTold).toBe(false);
    follower.removed(idOf(1));
    expect(follower.isTold).toBe(true);
  });
});

describe("a node that announces and does not answer", () => {
  it("leaves nothing behind of what has left the mempool again", async () => {
    for (const txId of ids(1_000)) follower.added(txId);
    for (const txId of ids(1_000)) follower.removed(txId);
    expect(await follower.step()).toBe(false);
    expect(fetched).toBe(0);
  });

  it("fills the memory up to a bound only; beyond it the mempool is compared instead", async () => {
    for (const txId of ids(500_000)) follower.added(txId);
    expect(follower.needsReconciling).toBe(false);
    follower.added(idOf(500_000));
    expect(follower.needsReconciling).toBe(true);
    expect(await follower.step()).toBe(false);
    expect(fetched).toBe(0);
    mempool = ids(3);
    await follower.reconcile();
    while (await follower.step());
    expect(fetched).toBe(3);
  });
});
