/** The simulated chain for `testWatcher`. */
import { addressFromSeed } from "../src/chains/sandbox/address.ts";
import { SandboxChain } from "../src/chains/sandbox/chain.ts";
import { sandboxFacts } from "../src/chains/sandbox/facts.ts";
import { SandboxWatcher } from "../src/chains/sandbox/sandbox-watcher.ts";
import { ManualClock } from "./manual-clock.ts";
import { MemoryLedger } from "./memory-ledger.ts";
import { SandboxLink } from "./sandbox-link.ts";
import type { ChainUnderTest, PaidOutput, WatcherHarness } from "./watcher.ts";

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

  static async start(): Promise<SandboxUnderTest> {
    const clock = new ManualClock(1_700_000_000_000);
    const ledger = new MemoryLedger();
    return new SandboxUnderTest(clock, ledger, await SandboxChain.open({ ledger, clock, blockIntervalMs: 0 }));
  }

  private constructor(clock: ManualClock, ledger: MemoryLedger, chain: SandboxChain) {
    this.clock = clock;
    this.#ledger = ledger;
    this.#chain = chain;
    this.#link = new SandboxLink(chain);
  }

  async advance(ms: number): Promise<void> {
    this.clock.advance(ms);
  }

  createWatcher(): SandboxWatcher {
    return new SandboxWatcher({
      node: this.#link,
      clock: this.clock,
      pollIntervalMs: 20,
      maxRetryMs: 50,
      maxSilenceMs: MAX_SILENCE_MS,
    });
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

export const sandboxHarness: WatcherHarness = {
  capabilities: {
    mempool: true,
    doubleSpend: true,
    failedTransactions: true,
    otherAsset: "SBX2",
    reorgFates: ["mempool", "included", "dropped", "replaced"],
    noticesSilenceWithinMs: MAX_SILENCE_MS + 1,
  },
  start: () => SandboxUnderTest.start(),
};
