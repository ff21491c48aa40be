/** Bitcoin for `testWatcher`: a real full node behind bitcoind's interface. */
import { BitcoinWatcher } from "../src/chains/bitcoin/bitcoin-watcher.ts";
import { BitcoinFacts } from "../src/chains/bitcoin/facts.ts";
import { Bitcoind } from "./bitcoind/start-bitcoind.ts";
import { ManualClock } from "./manual-clock.ts";
import { quietLogger } from "./quiet-logger.ts";
import type { ChainUnderTest, PaidOutput, ReorgFate, WatcherHarness } from "./watcher.ts";

const MAX_SILENCE_MS = 60_000;

class BitcoinUnderTest implements ChainUnderTest {
  readonly facts = new BitcoinFacts({ network: "regtest" });
  readonly clock: ManualClock;
  readonly #bitcoind: Bitcoind;
  readonly #zmq: boolean;

  static async start(zmq: boolean): Promise<BitcoinUnderTest> {
    const clock = new ManualClock(1_700_000_000_000);
    return new BitcoinUnderTest(clock, await Bitcoind.start({ nowMs: () => clock.nowMs() }), zmq);
  }

  private constructor(clock: ManualClock, bitcoind: Bitcoind, zmq: boolean) {
    this.clock = clock;
    this.#bitcoind = bitcoind;
    this.#zmq = zmq;
  }

  async advance(ms: number): Promise<void> {
    this.clock.advance(ms);
  }

  createWatcher(): BitcoinWatcher {
    const { rpcUrl, zmqUrl, auth } = this.#bitcoind;
    return new BitcoinWatcher({
      network: "regtest",
      rpcUrl,
      rpcUser: auth.user,
      rpcPassword: auth.password,
      rpcCookieFile: null,
      zmq: this.#zmq ? { rawtx: zmqUrl, sequence: zmqUrl } : null,
      pollIntervalMs: 50,
      rpcTimeoutMs: 5_000,
      maxSilenceMs: MAX_SILENCE_MS,
      clock: this.clock,
      logger: quietLogger,
    });
  }

  async newAddress(): Promise<string> {
    return this.#bitcoind.newAddress();
  }

  pay(outputs: readonly PaidOutput[]): Promise<string> {
    return this.#bitcoind.pay(outputs);
  }

  payFailing(): Promise<string> {
    throw new Error("A Bitcoin transaction in a block has always executed.");
  }

  mine(blocks: number): Promise<void> {
    return this.#bitcoind.mine(blocks);
  }

  reorg(depth: number, fate: ReorgFate): Promise<void> {
    return this.#bitcoind.reorg(depth, fate);
  }

  doubleSpend(txId: string, outputs?: readonly PaidOutput[]): Promise<string> {
    return this.#bitcoind.doubleSpend(txId, outputs);
  }

  restartNode(): Promise<void> {
    return this.#bitcoind.restart();
  }

  disconnect(): Promise<void> {
    return this.#bitcoind.disconnect();
  }

  reconnect(): Promise<void> {
    return this.#bitcoind.reconnect();
  }

  repeatNotifications(): Promise<void> {
    return this.#bitcoind.zmq.repeat();
  }

  /** Nothing to do: nothing comes of a regtest node by itself, and it goes on answering. */
  async fallSilent(): Promise<void> {}

  close(): Promise<void> {
    return this.#bitcoind.stop();
  }
}

/** @param options.zmq `false`: the watcher has nothing but polling */
export function bitcoinHarness(options: { zmq: boolean }): WatcherHarness {
  return {
    capabilities: {
      mempool: true,
      doubleSpend: true,
      failedTransactions: false,
      otherAsset: null,
      reorgFates: ["mempool", "included", "dropped", "replaced"],
      noticesSilenceWithinMs: MAX_SILENCE_MS + 1,
    },
    start: () => BitcoinUnderTest.start(options.zmq),
  };
}
