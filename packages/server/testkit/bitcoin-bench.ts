/** A node, a sink that records, and a watcher between them: for looking at the Bitcoin watcher's own reports. */
import { BitcoinWatcher, type BitcoinWatcherOptions } from "../src/chains/bitcoin/bitcoin-watcher.ts";
import { BitcoinFacts } from "../src/chains/bitcoin/facts.ts";
import { systemClock } from "../src/kit/clock.ts";
import { Bitcoind } from "./bitcoind/start-bitcoind.ts";
import { RecordingSink } from "./recording-sink.ts";
import { until } from "./until.ts";

export const AMOUNT = 250_000n;
/** A poll that will not come while a test runs: what is reported then was announced over ZMQ. */
export const NEVER_MS = 3_600_000;

export class BitcoinBench {
  readonly bitcoind: Bitcoind;
  sink: RecordingSink;
  /** `level: fields message` of every line. */
  readonly logged: string[] = [];
  readonly #facts = new BitcoinFacts({ network: "regtest" });
  #watcher: BitcoinWatcher | null = null;

  static async open(): Promise<BitcoinBench> {
    return new BitcoinBench(await Bitcoind.start(), new RecordingSink());
  }

  private constructor(bitcoind: Bitcoind, sink: RecordingSink) {
    this.bitcoind = bitcoind;
    this.sink = sink;
  }

  get watcher(): BitcoinWatcher {
    if (!this.#watcher) throw new Error("No watcher runs.");
    return this.#watcher;
  }

  /** Starts another watcher on the stored cursor, in the place of the one that ran. */
  async watch(options: Partial<BitcoinWatcherOptions> = {}): Promise<void> {
    await this.#watcher?.stop();
    const { rpcUrl, zmqUrl, auth } = this.bitcoind;
    const log = (level: string) => (fields: object, message: string) => {
      this.logged.push(`${level}: ${JSON.stringify(fields)} ${message}`);
    };
    this.#watcher = new BitcoinWatcher({
      network: "regtest",
      rpcUrl,
      rpcUser: auth.user,
      rpcPassword: auth.password,
      rpcCookieFile: null,
      zmq: { rawtx: zmqUrl, sequence: zmqUrl },
      pollIntervalMs: 20,
      rpcTimeoutMs: 5_000,
      clock: systemClock,
      logger: { info: log("info"), warn: log("warn") },
      ...options,
    });
    await this.#watcher.start(this.sink);
  }

  /** Goes on with another sink. */
  async watchInto(sink: RecordingSink): Promise<void> {
    await this.#watcher?.stop();
    this.sink = sink;
    await this.watch();
  }

  /** Starts a watcher that has nothing but ZMQ after its first look, and waits until that look is over and the
   * subscription works. */
  async watchByZmqOnly(): Promise<void> {
    await this.watch({ pollIntervalMs: NEVER_MS });
    await until("the first look to be over", () => this.watcher.status().problem === null);
    const before = this.sink.reports.length;
    await until("ZMQ to work", async () => {
      await this.bitcoind.mine(1);
      return this.sink.reports.length > before;
    });
    await until("the last block", () => this.sink.reports.at(-1)?.head?.height === this.bitcoind.height);
  }

  /** A fresh address that is watched. */
  watchedAddress(): string {
    const address = this.bitcoind.newAddress();
    this.sink.watched.add(this.recipientOf(address));
    return address;
  }

  recipientOf(address: string): string {
    return this.#facts.recipientOf(address);
  }

  /** @returns the id of a transaction that pays a fresh, watched address with its first output */
  pay(options: { rbf?: boolean } = {}): Promise<string> {
    return this.bitcoind.pay([{ address: this.watchedAddress(), amountAtomic: AMOUNT }], options);
  }

  /** Everything that the node has now is reported. */
  async settled(): Promise<void> {
    const nowMs = systemClock.nowMs();
    await until(
      () => `the watcher to settle; its status is ${JSON.stringify(this.watcher.status())}`,
      () => (this.sink.watchedUntilMs ?? 0) >= nowMs,
    );
  }

  async tells(status: string, txId: string): Promise<void> {
    await until(
      () => `"${status} ${txId}"; told was ${JSON.stringify(this.sink.told)}`,
      () => this.sink.statusOf(txId) === status,
    );
  }

  async problem(pattern: RegExp): Promise<void> {
    await until(
      () => `the problem ${pattern}; the status is ${JSON.stringify(this.watcher.status())}`,
      () => pattern.test(this.watcher.status().problem ?? ""),
    );
  }

  async close(): Promise<void> {
    await this.#watcher?.stop();
    await this.bitcoind.stop();
  }
}
