/** Sui for `testWatcher`: the genuine client on a simulated node. */
import { createHash } from "node:crypto";
import { SuiFacts } from "../src/chains/sui/facts.ts";
import { type OpenSuiOptions, openSui } from "../src/chains/sui/open-sui.ts";
import type { Watcher } from "../src/chains/watcher.ts";
import { quietLogger } from "./quiet-logger.ts";
import { RunningClock } from "./running-clock.ts";
import { SUI_TYPE } from "./sui/ledger.ts";
import { SimulatedSuiNode } from "./sui/simulated-node.ts";
import type { ChainUnderTest, PaidOutput, WatcherHarness } from "./watcher.ts";

export const SUI_MAX_SILENCE_MS = 60_000;
const GAS = 1_000_000n;
const SENDER = suiAddress("the sender");

export const USDC = { coinType: `${suiAddress("the issuer")}::usdc::USDC`, symbol: "USDC", decimals: 6 };
/** A coin of somebody else with the same name. */
export const LOOKALIKE_TYPE = `${suiAddress("somebody else")}::usdc::USDC`;

/** Six checkpoints until `final`, so that the steps of a payment are told apart. */
export const SUI_POLICY = { coins: [USDC], confirmations: 1, finalConfirmations: 6 };

/** An address that nobody has a key of. */
export function suiAddress(name: string): string {
  return `0x${createHash("sha256").update(name).digest("hex")}`;
}

export class SuiUnderTest implements ChainUnderTest {
  readonly facts = new SuiFacts(SUI_POLICY);
  readonly clock: RunningClock;
  readonly node: SimulatedSuiNode;
  #addresses = 0;

  static async start(): Promise<SuiUnderTest> {
    const clock = new RunningClock(1_700_000_000_000);
    return new SuiUnderTest(clock, await SimulatedSuiNode.start({ nowMs: () => clock.nowMs() }));
  }

  private constructor(clock: RunningClock, node: SimulatedSuiNode) {
    this.clock = clock;
    this.node = node;
  }

  async advance(ms: number): Promise<void> {
    this.clock.advance(ms);
  }

  createWatcher(options: Partial<OpenSuiOptions> = {}): Watcher {
    return openSui({
      network: "localnet",
      chainId: this.node.ledger.chainId,
      endpoints: [{ url: this.node.url }],
      settlementPackages: null,
      ...SUI_POLICY,
      pollIntervalMs: 50,
      maxSilenceMs: SUI_MAX_SILENCE_MS,
      timeoutMs: 5_000,
      clock: this.clock,
      logger: quietLogger,
      ...options,
    });
  }

  async newAddress(): Promise<string> {
    this.#addresses += 1;
    return suiAddress(`address ${this.#addresses}`);
  }

  async pay(outputs: readonly PaidOutput[]): Promise<string> {
    const received = outputs.map(({ address, amountAtomic, asset = "SUI" }) => ({
      address,
      coinType: asset === "SUI" ? SUI_TYPE : USDC.coinType,
      amount: amountAtomic,
    }));
    const spent = received.map(({ coinType, amount }) => ({ address: SENDER, coinType, amount: -amount }));
    const gas = { address: SENDER, coinType: SUI_TYPE, amount: -GAS };
    return this.node.ledger.execute({ changes: [...received, ...spent, gas] });
  }

  /** Nothing but the sender's gas changes. */
  async payFailing(): Promise<string> {
    const changes = [{ address: SENDER, coinType: SUI_TYPE, amount: -GAS }];
    return this.node.ledger.execute({ changes, success: false });
  }

  async mine(blocks: number): Promise<void> {
    this.node.certify(blocks);
  }

  reorg(): Promise<void> {
    throw new Error("A certified checkpoint is never taken back.");
  }

  doubleSpend(): Promise<string> {
    throw new Error("Nothing is seen before it is in a checkpoint.");
  }

  async restartNode(): Promise<void> {
    await this.node.stop();
    await this.node.server.listen();
  }

  disconnect(): Promise<void> {
    return this.node.stop();
  }

  reconnect(): Promise<void> {
    return this.node.server.listen();
  }

  async repeatNotifications(): Promise<void> {
    this.node.push();
  }

  /** Nothing to do: nothing comes of the simulated node by itself, and it goes on answering. */
  async fallSilent(): Promise<void> {}

  close(): Promise<void> {
    return this.node.stop();
  }
}

export const suiHarness: WatcherHarness = {
  capabilities: {
    mempool: false,
    doubleSpend: false,
    failedTransactions: true,
    otherAsset: USDC.symbol,
    reorgFates: [],
    noticesSilenceWithinMs: SUI_MAX_SILENCE_MS + 1,
  },
  start: () => SuiUnderTest.start(),
};
