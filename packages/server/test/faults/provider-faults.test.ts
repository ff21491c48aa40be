/**
 * Three providers in front of one real node (anvil), each with every fault that providers have: payments are followed
 * through, on the real path from the watcher to the log.
 */
import { randomInt } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { EvmSource } from "../../src/chains/evm/evm-source.ts";
import { TokenRegistry } from "../../src/chains/evm/tokens.ts";
import { FailoverSource } from "../../src/chains/following/failover-source.ts";
import { FollowingWatcher } from "../../src/chains/following/following-watcher.ts";
import { systemClock } from "../../src/kit/clock.ts";
import { EvmUnderTest } from "../../testkit/evm-harness.ts";
import { FAULTS, FaultyProvider } from "../../testkit/faulty-provider.ts";
import { quietLogger } from "../../testkit/quiet-logger.ts";
import { seededRandom } from "../../testkit/seeded-random.ts";
import { until } from "../../testkit/until.ts";
import { Bench } from "../../testkit/watching/bench.ts";

const REQUEST_TIMEOUT_MS = 500;
const NATIVE = { symbol: "ETH", decimals: 18 };

let chain: EvmUnderTest;
let bench: Bench;
let providers: [FaultyProvider, FaultyProvider, FaultyProvider];

beforeEach(async () => {
  chain = await EvmUnderTest.start("ETH");
  const start = () => FaultyProvider.start(chain.chain.facade.url);
  providers = await Promise.all([start(), start(), start()]);
  chain.createWatcher = watcher;
  const capabilities = {
    mempool: false,
    doubleSpend: false,
    failedTransactions: false,
    otherAsset: null,
    reorgFates: [],
    noticesSilenceWithinMs: null,
  };
  bench = await Bench.open({ capabilities, start: async () => chain });
});

afterEach(async () => {
  await bench.close();
  await Promise.all(providers.map((provider) => provider.close()));
});

/** As a server makes it, but for shorter pauses. */
function watcher(): FollowingWatcher {
  const tokens = new TokenRegistry(NATIVE, []);
  const common = { wsUrl: null, headers: {}, chainId: 31_337, tokens, tag: null, mempool: false, batchSize: 20 };
  const sources = providers.map(
    ({ url }) => new EvmSource({ ...common, url, timeoutMs: REQUEST_TIMEOUT_MS, clock: chain.clock }),
  );
  return new FollowingWatcher({
    facts: chain.facts,
    source: new FailoverSource({
      sources,
      chain: "evm",
      clock: systemClock,
      logger: quietLogger,
      compareMs: 50,
      maxLagBlocks: 2,
      returnAfterMs: 300,
      checkEveryMs: 1_000,
    }),
    countedHeight: ({ height }) => height,
    pollIntervalMs: 30,
    maxSilenceMs: null,
    clock: chain.clock,
    logger: quietLogger,
  });
}

const endpoints = () => bench.watcher.status().endpoints?.endpoints ?? [];
const questions = () => providers.reduce((sum, provider) => sum + provider.questions, 0);
const answering = () => endpoints().findIndex(({ current }) => current);

/** A payment from nothing to paid, by whoever answers. */
async function somebodyPays(): Promise<void> {
  const payment = await bench.payment();
  await payment.pay();
  await chain.mine(1);
  await payment.tellsUntil("payment.confirming");
  await chain.mine(1);
  await payment.tellsUntil("payment.paid");
}

describe("a payment is followed through while the preferred provider", () => {
  it.each([
    ["stalls", "stalled", "failed"],
    ["stalls in the middle of an answer", "stalled-midway", "failed"],
    ["asks to be left alone", "busy", "rate_limited"],
    ["cuts the line", "down", "failed"],
    ["answers with a page", "babbling", "failed"],
    ["has moved to another network", "other-network", "unfit"],
  ] as const)("%s", async (_, fault, reason) => {
    await somebodyPays();
    expect(answering()).toBe(0);
    await providers[0].become(fault);
    await somebodyPays();
    await until("another provider answers", () => answering() === 1);
    // Another network is found out by the next check.
    await until("the reason is counted", () => (endpoints()[0]?.failures[reason] ?? 0) > 0);
    expect(bench.watcher.status()).toMatchObject({ connected: true, problem: null });
  });

  it("hears of no new blocks any more", async () => {
    await somebodyPays();
    await providers[0].become("stale");
    const payment = await bench.payment();
    await payment.pay();
    await chain.mine(4);
    await payment.tellsUntil("payment.paid");
    expect(answering()).toBe(1);
    expect(endpoints()[0]?.failures.stale).toBe(1);
  });

  it("is on a fork of its own: nothing is taken back, and another one answers", async () => {
    await somebodyPays();
    const payment = await bench.payment();
    await payment.pay();
    await chain.mine(1);
    await payment.tellsUntil("payment.confirming");
    await providers[0].become("forked");
    await until("another provider answers", () => answering() !== 0);
    await chain.mine(1);
    await payment.tellsUntil("payment.paid");
    expect(endpoints()[0]?.failures.unfit).toBeGreaterThan(0);
    expect(await payment.types()).not.toContain("payment.reorged");
  });

  it("no longer has the blocks of an outage", async () => {
    const payment = await bench.payment();
    await bench.stopWatcher();
    await payment.pay();
    await chain.mine(30);
    await providers[0].become("pruned");
    await bench.startWatcher();
    await payment.tellsUntil("payment.paid");
    expect(endpoints()[0]?.failures.blocks_missing).toBeGreaterThan(0);
  });
});

describe("the preferred provider", () => {
  it("answers again when it has been well for a while", async () => {
    await providers[0].become("down");
    await until("another provider answers", () => answering() === 1);
    await providers[0].become(null);
    await until("the first one answers", () => answering() === 0);
    await somebodyPays();
  });

  it("is left alone for as long as it asks", async () => {
    for (const provider of providers) await provider.become("busy");
    await until("every provider was asked", () => endpoints().every(({ failures }) => failures.rate_limited > 1));
    expect(providers.map(({ impolite }) => impolite)).toEqual([0, 0, 0]);
  });
});

describe("where every provider fails", () => {
  it("each one's reason is said, and what was paid meanwhile is followed when one is back", async () => {
    await somebodyPays();
    await providers[0].become("down");
    await providers[1].become("busy");
    await providers[2].become("other-network");
    await until("the trouble shows", () => !bench.watcher.status().connected);
    const { problem } = await until("all reasons are known", () => {
      const status = bench.watcher.status();
      return status.problem?.includes("is on chain 32343") ? status : null;
    });
    for (const words of [/cannot be reached/, /HTTP 429: too many questions/, /on chain 32343/]) {
      expect(problem).toMatch(words);
    }
    const payment = await bench.payment();
    await payment.pay();
    await chain.mine(25);
    await providers[2].become(null);
    await payment.tellsUntil("payment.paid");
    await bench.caughtUp();
  });

  it("because the blocks of an outage are gone: that is said, and nothing is skipped", async () => {
    const payment = await bench.payment();
    await bench.stopWatcher();
    await payment.pay();
    await chain.mine(30);
    for (const provider of providers) await provider.become("pruned");
    await bench.startWatcher("without waiting");
    await until("the trouble shows", () => bench.watcher.status().problem?.includes("does not have the old blocks"));
    expect(bench.watcher.status().connected).toBe(false);
    expect(await payment.types()).toEqual(["payment.created"]);
    await providers[2].become(null);
    await payment.tellsUntil("payment.paid");
  });
});

it("whatever the providers do, every payment is paid exactly once", { timeout: 120_000 }, async () => {
  const seed = Number(process.env.FAULT_SEED ?? randomInt(2 ** 32));
  const random = seededRandom(seed);
  const payments = await Promise.all(Array.from({ length: 10 }, () => bench.payment()));
  for (const payment of payments) {
    const provider = providers[Math.floor(random() * 3)] as FaultyProvider;
    await provider.become(random() < 0.4 ? null : (FAULTS[Math.floor(random() * FAULTS.length)] ?? null));
    await payment.pay();
    const before = questions();
    await chain.mine(1 + Math.floor(random() * 4));
    await until("the providers are asked", () => questions() >= before + 3);
  }
  for (const provider of providers) await provider.become(null);
  await chain.mine(2);
  for (const payment of payments) await payment.tellsUntil("payment.paid");
  await bench.caughtUp();
  for (const payment of payments) {
    const types = await payment.types();
    // A fork that is the longest for a moment is followed, and taken back.
    const netPaid = types.filter((type) => type === "payment.paid" || type === "payment.recovered").length;
    const netReversed = types.filter((type) => type === "payment.reversed").length;
    expect(netPaid - netReversed, `seed ${seed}: ${types.join(", ")}`).toBe(1);
  }
});
