/** TRON for `testWatcher`: a simulated full node behind java-tron's HTTP interface. */

import { TronFacts } from "../src/chains/tron/facts.ts";
import { openTron } from "../src/chains/tron/open-tron.ts";
import type { Watcher } from "../src/chains/watcher.ts";
import { ManualClock } from "./manual-clock.ts";
import { quietLogger } from "./quiet-logger.ts";
import type { SimulatedChain } from "./tron/simulated-chain.ts";
import { SimulatedTronNode } from "./tron/start-tron.ts";
import { randomAddress } from "./tron/wallet.ts";
import type { ChainUnderTest, PaidOutput, ReorgFate, WatcherHarness } from "./watcher.ts";
import { Bench } from "./watching/bench.ts";

const MAX_SILENCE_MS = 60_000;
/** The scenarios want confirmations that come with each block; the policy with its true numbers is `tron-finality`'s. */
const SOLIDIFICATION_LAG = 1;

export const USDT = "USDT";

export interface TronUnderTestOptions {
  confirmations?: number;
  finalConfirmations?: number;
  solidificationLag?: number;
}

export class TronUnderTest implements ChainUnderTest {
  readonly facts: TronFacts;
  readonly clock: ManualClock;
  readonly node: SimulatedTronNode;
  /** Contract of the token in the configuration. */
  readonly token = randomAddress();
  /** URLs that are asked when the node itself gives no answer. */
  readonly spares: string[] = [];
  readonly #settings;

  static async start(options: TronUnderTestOptions = {}): Promise<TronUnderTest> {
    const clock = new ManualClock(1_700_000_000_000);
    const { solidificationLag = 18 } = options;
    return new TronUnderTest(
      clock,
      await SimulatedTronNode.start({ nowMs: () => clock.nowMs(), solidificationLag }),
      options,
    );
  }

  private constructor(clock: ManualClock, node: SimulatedTronNode, options: TronUnderTestOptions) {
    const { confirmations = 21, finalConfirmations = 27 } = options;
    this.clock = clock;
    this.node = node;
    const tokens = [{ contract: this.token, symbol: USDT, decimals: 6 }];
    this.#settings = { confirmations, finalConfirmations, tokens };
    this.facts = new TronFacts(this.#settings);
  }

  get simulated(): SimulatedChain {
    return this.node.chain;
  }

  async advance(ms: number): Promise<void> {
    this.clock.advance(ms);
  }

  createWatcher(): Watcher {
    return openTron({
      ...this.#settings,
      network: "private",
      genesis: this.node.genesis,
      endpoints: [this.node.url, ...this.spares].map((url) => ({ url })),
      pollIntervalMs: 50,
      maxSilenceMs: MAX_SILENCE_MS,
      timeoutMs: 2_000,
      clock: this.clock,
      logger: quietLogger,
    });
  }

  async newAddress(): Promise<string> {
    return randomAddress();
  }

  /** A transaction each: TRON's have one recipient. Returns the id of the first. */
  async pay(outputs: readonly PaidOutput[]): Promise<string> {
    const [first = ""] = outputs.map(({ address, amountAtomic, asset }) =>
      asset === USDT ? this.node.payToken(this.token, address, amountAtomic) : this.node.pay(address, amountAtomic),
    );
    return first;
  }

  /** TRX whose transfer fails, and a token's call that runs out of energy. Returns the id of the first. */
  async payFailing(outputs: readonly PaidOutput[]): Promise<string> {
    const { node, token } = this;
    const [first = ""] = outputs.flatMap(({ address, amountAtomic }) => {
      const coin = node.wallet.transfer(address, amountAtomic, node.sendOptions());
      const call = node.wallet.transferToken(token, address, amountAtomic, node.sendOptions());
      return [
        node.send(coin, { contractRet: "TRANSFER_FAILED", logs: [] }),
        node.send(call, { contractRet: "OUT_OF_ENERGY", logs: [] }),
      ];
    });
    return first;
  }

  async mine(blocks: number): Promise<void> {
    this.node.chain.mine(blocks);
  }

  async reorg(depth: number, fate: ReorgFate): Promise<void> {
    if (fate === "replaced") throw new Error("On TRON nothing excludes that two transactions are both in blocks.");
    // The scenarios also take back what is paid, and so solidified: a chain that is well never does, and a watcher that
    // is told so has to say it all the same.
    this.node.chain.reorg(depth, fate === "mempool" ? "pending" : fate, { evenSolidified: true });
  }

  doubleSpend(): Promise<string> {
    throw new Error("On TRON a transaction cannot be replaced.");
  }

  async restartNode(): Promise<void> {
    await this.node.http.close();
    await this.node.http.listen();
  }

  disconnect(): Promise<void> {
    return this.node.http.close();
  }

  reconnect(): Promise<void> {
    return this.node.http.listen();
  }

  /** Nothing to do: the node pushes nothing. */
  async repeatNotifications(): Promise<void> {}

  /** Nothing to do: nothing comes of the simulated node by itself, and it goes on answering. */
  async fallSilent(): Promise<void> {}

  close(): Promise<void> {
    return this.node.stop();
  }
}

const capabilities: WatcherHarness["capabilities"] = {
  mempool: false,
  doubleSpend: false,
  failedTransactions: true,
  otherAsset: USDT,
  reorgFates: ["mempool", "included"],
  noticesSilenceWithinMs: MAX_SILENCE_MS + 1,
};

/** With TRON's true numbers: paid with 21 confirmations, final with 27, solidified 18 blocks behind the head. */
export async function tronBench(): Promise<{ bench: Bench; chain: TronUnderTest }> {
  const chain = await TronUnderTest.start();
  const bench = await Bench.open({ capabilities, start: async () => chain });
  return { bench, chain };
}

export const tronHarness: WatcherHarness = {
  capabilities,
  start: () => TronUnderTest.start({ confirmations: 2, finalConfirmations: 6, solidificationLag: SOLIDIFICATION_LAG }),
};
