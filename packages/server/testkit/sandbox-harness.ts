/** The simulated chain for `testWatcher`. */
import { FollowingWatcher } from "../src/chains/following/following-watcher.ts";
import { addressFromSeed } from "../src/chains/sandbox/address.ts";
import { SandboxChain } from "../src/chains/sandbox/chain.ts";
import { sandboxFacts } from "../src/chains/sandbox/facts.ts";
import { SandboxWatcher } from "../src/chains/sandbox/sandbox-watcher.ts";
import type { Watcher } from "../src/chains/watcher.ts";
import type { Clock } from "../src/kit/clock.ts";
import { ManualClock } from "./manual-clock.ts";
import { MemoryLedger } from "./memory-ledger.ts";
import { quietLogger } from "./quiet-logger.ts";
import { SandboxLink } from "./sandbox-link.ts";
import { SandboxSource } from "./sandbox-source.ts";
import type { ChainUnderTest, PaidOutput, WatcherCapabilities, WatcherHarness } from "./watcher.ts";

const MAX_SILENCE_MS = 60_000;

const outputsOf = (outputs: readonly PaidOutput[]) =>
  outputs.map(({ address, amountAtomic, asset }) => ({
    recipient: sandboxFacts.recipientOf(address),
    asset: asset ?? "SBX",
    amountAtomic,
  }));

class SandboxUnderTest implements ChainUnderTest {
  readonly facts = sandboxFacts;
  readonly clock: ManualClock;
  readonly #ledger: MemoryLedger;
  readonly #link: SandboxLink;
  #chain: SandboxChain;
  #addresses = 0;

  readonly #watcherOn: (node: SandboxLink, clock: Clock) => Watcher;

  static async start(watcherOn: WatcherOn): Promise<SandboxUnderTest> {
    const clock = new ManualClock(1_700_000_000_000);
    const ledger = new MemoryLedger();
    const chain = await SandboxChain.open({ ledger, clock, blockIntervalMs: 0 });
    return new SandboxUnderTest(clock, ledger, chain, watcherOn);
  }

  private constructor(clock: ManualClock, ledger: MemoryLedger, chain: SandboxChain, watcherOn: WatcherOn) {
    this.clock = clock;
    this.#ledger = ledger;
    this.#chain = chain;
    this.#link = new SandboxLink(chain);
    this.#watcherOn = watcherOn;
  }

  async advance(ms: number): Promise<void> {
    this.clock.advance(ms);
  }

  createWatcher(): Watcher {
    return this.#watcherOn(this.#link, this.clock);
  }

  async newAddress(): Promise<string> {
    this.#addresses += 1;
    return addressFromSeed(`${this.#addresses}`);
  }

  pay(outputs: readonly PaidOutput[]): Promise<string> {
    return this.#chain.payMany(outputsOf(outputs));
  }

  payFailing(outputs: readonly PaidOutput[]): Promise<string> {
    return this.#chain.payMany(outputsOf(outputs), { fails: true });
  }

  async mine(blocks: number): Promise<void> {
    await this.#chain.mine(blocks);
  }

  async reorg(...args: Parameters<ChainUnderTest["reorg"]>): Promise<void> {
    await this.#chain.reorg(...args);
  }

  doubleSpend(txId: string, outputs?: readonly PaidOutput[]): Promise<string> {
    return this.#chain.doubleSpend(txId, outputs && outputsOf(outputs));
  }

  async restartNode(): Promise<void> {
    this.#link.break();
    await this.#chain.close();
    this.#chain = await SandboxChain.open({ ledger: this.#ledger, clock: this.clock, blockIntervalMs: 0 });
    this.#link.attach(this.#chain);
  }

  async disconnect(): Promise<void> {
    this.#link.break();
  }

  async reconnect(): Promise<void> {
    this.#link.restore();
  }

  async repeatNotifications(): Promise<void> {
    this.#link.repeatNews();
  }

  async fallSilent(): Promise<void> {
    this.#link.fallSilent();
  }

  async close(): Promise<void> {
    await this.#chain.close();
  }
}

type WatcherOn = (node: SandboxLink, clock: Clock) => Watcher;

const CAPABILITIES: WatcherCapabilities = {
  mempool: true,
  doubleSpend: true,
  failedTransactions: true,
  otherAsset: "SBX2",
  reorgFates: ["mempool", "included", "dropped", "replaced"],
  noticesSilenceWithinMs: MAX_SILENCE_MS + 1,
};

export const sandboxHarness: WatcherHarness = {
  capabilities: CAPABILITIES,
  start: () =>
    SandboxUnderTest.start(
      (node, clock) =>
        new SandboxWatcher({ node, clock, pollIntervalMs: 20, maxRetryMs: 50, maxSilenceMs: MAX_SILENCE_MS }),
    ),
};

/** The same chain behind the follower that chains of linked blocks share. */
export function followingHarness({ mempool }: { mempool: boolean }): WatcherHarness {
  const withoutMempool: Partial<WatcherCapabilities> = {
    mempool: false,
    doubleSpend: false,
    reorgFates: ["mempool", "included"],
  };
  return {
    capabilities: { ...CAPABILITIES, ...(mempool ? {} : withoutMempool) },
    start: () =>
      SandboxUnderTest.start(
        (node, clock) =>
          new FollowingWatcher({
            facts: sandboxFacts,
            source: new SandboxSource(node, { mempool }),
            countedHeight: ({ height }) => height,
            pollIntervalMs: 20,
            maxSilenceMs: MAX_SILENCE_MS,
            clock,
            logger: quietLogger,
          }),
      ),
  };
}
