/** One scenario's server core, node and watcher, and how its payments are asked about. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Watcher, WatchSink } from "../../src/chains/watcher.ts";
import type { CreateRequest } from "../../src/ingest/ingest.ts";
import { ServerCore } from "../server-core.ts";
import { until } from "../until.ts";
import type { ChainUnderTest, WatcherCapabilities, WatcherHarness } from "./harness.ts";
import { PaymentUnderTest, PRICE } from "./payment-under-test.ts";

/** Two confirmations for `paid`, whatever the chain's default, and the chain's own number for `final`. */
export const CONFIRMATIONS = 2;

export class Bench {
  readonly can: WatcherCapabilities;
  readonly chain: ChainUnderTest;
  readonly core: ServerCore;
  /** Put between the watcher and the core when it is started next. */
  wrapSink: (sink: WatchSink) => WatchSink = (sink) => sink;
  readonly #dataDir: string;
  #watcher: Watcher | null = null;

  /** Everything runs, the watcher too. */
  static async open(harness: WatcherHarness): Promise<Bench> {
    const dataDir = await mkdtemp(join(tmpdir(), "paybell-watcher-"));
    const chain = await harness.start();
    const core = await ServerCore.open(dataDir, chain.facts, chain.clock);
    const bench = new Bench(harness.capabilities, chain, core, dataDir);
    await bench.startWatcher();
    return bench;
  }

  private constructor(can: WatcherCapabilities, chain: ChainUnderTest, core: ServerCore, dataDir: string) {
    this.can = can;
    this.chain = chain;
    this.core = core;
    this.#dataDir = dataDir;
  }

  get watcher(): Watcher {
    if (!this.#watcher) throw new Error("No watcher runs.");
    return this.#watcher;
  }

  /** A new one, from the stored cursor. Resolves when it has caught up, unless that is not to be waited for. */
  async startWatcher(how: "until caught up" | "without waiting" = "until caught up"): Promise<void> {
    const watcher = this.chain.createWatcher();
    this.#watcher = watcher;
    this.core.tell(watcher);
    await watcher.start(this.wrapSink(this.core.sink));
    if (how === "until caught up") await this.caughtUp();
  }

  /** What the node has, the watcher has reported, and all is well. */
  async caughtUp(): Promise<void> {
    await until(
      () => `the watcher to catch up; its status is ${JSON.stringify(this.watcher.status())}`,
      () => {
        const { connected, lagBlocks, problem } = this.watcher.status();
        return connected && lagBlocks === 0 && problem === null;
      },
    );
  }

  async stopWatcher(): Promise<void> {
    await this.#watcher?.stop();
    this.#watcher = null;
  }

  /** Leaves the watcher as it is, as a killed process leaves nothing behind. */
  forgetWatcher(): Watcher {
    const { watcher } = this;
    this.#watcher = null;
    return watcher;
  }

  /** A payment of `PRICE` on a fresh address. */
  async payment(request: Partial<CreateRequest> = {}): Promise<PaymentUnderTest> {
    const address = await this.chain.newAddress();
    const state = await this.core.create({
      asset: this.chain.facts.assets[0]?.symbol ?? "",
      amountAtomic: PRICE,
      address,
      confirmations: CONFIRMATIONS,
      ...request,
    });
    const payment = new PaymentUnderTest(this, state.payment.id, address);
    await payment.tells("payment.created");
    return payment;
  }

  /** Reports come in order: once this payment is told, everything that the chain did before has been told. */
  async somebodyElsePays(): Promise<void> {
    const payment = await this.payment();
    await payment.receives(PRICE, ["payment.confirming"]);
  }

  async close(): Promise<void> {
    await this.stopWatcher();
    await this.chain.close();
    await this.core.close();
    await rm(this.#dataDir, { recursive: true });
  }
}
