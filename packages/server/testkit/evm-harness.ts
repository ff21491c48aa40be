/** EVM for `testWatcher`: the real anvil, paid in its own coin or in an ERC-20 token. */
import type { Hex } from "viem";
import { EvmFacts } from "../src/chains/evm/facts.ts";
import { type EvmOptions, openEvm } from "../src/chains/evm/open-evm.ts";
import type { Watcher } from "../src/chains/watcher.ts";
import { tokenTransfer } from "./anvil/calls.ts";
import { REFUSING_CODE } from "./anvil/contracts.ts";
import type { AnvilOptions } from "./anvil/process.ts";
import { burn, type Call, TestChain } from "./anvil/test-chain.ts";
import { ManualClock } from "./manual-clock.ts";
import { quietLogger } from "./quiet-logger.ts";
import type { ChainUnderTest, PaidOutput, ReorgFate, WatcherHarness } from "./watcher.ts";

const MAX_SILENCE_MS = 60_000;
const NATIVE = { symbol: "ETH", decimals: 18 };
const TOKEN = { symbol: "USDT", decimals: 6 };
const FINAL_CONFIRMATIONS = 12;

export type EvmSettings = Partial<Omit<EvmOptions, "clock">>;

/** One anvil with one token on it, and a server's watcher for it. */
export class EvmUnderTest implements ChainUnderTest {
  readonly facts: EvmFacts;
  readonly clock: ManualClock;
  readonly chain: TestChain;
  /** The registered token. */
  readonly token: Hex;
  readonly #payIn: string;
  readonly #settings: EvmSettings;

  static async start(payIn: string, settings: EvmSettings = {}, anvil: AnvilOptions = {}): Promise<EvmUnderTest> {
    const clock = new ManualClock(1_700_000_000_000);
    const chain = await TestChain.start(clock, anvil);
    return new EvmUnderTest({ clock, chain, token: await chain.deployToken(), payIn, settings });
  }

  private constructor(parts: {
    clock: ManualClock;
    chain: TestChain;
    token: Hex;
    payIn: string;
    settings: EvmSettings;
  }) {
    this.clock = parts.clock;
    this.chain = parts.chain;
    this.token = parts.token;
    this.#payIn = parts.payIn;
    this.#settings = parts.settings;
    this.facts = new PaidIn(parts.payIn, this.#options());
  }

  async advance(ms: number): Promise<void> {
    this.clock.advance(ms);
  }

  createWatcher(): Watcher {
    return openEvm(this.#options());
  }

  async newAddress(): Promise<string> {
    return this.chain.newAddress();
  }

  /** Of one account, one transaction for each: by itself a transaction of this kind of chain has one recipient. */
  pay(outputs: readonly PaidOutput[]): Promise<string> {
    return this.chain.send(
      outputs.map((output) => this.#call(output)),
      [this.token],
    );
  }

  /** In the native coin: to a contract that does not take it. In a token: more than the sender has. */
  async payFailing(outputs: readonly PaidOutput[]): Promise<string> {
    const calls = outputs.map((output) => this.#call(output));
    if (this.#payIn !== NATIVE.symbol) return this.chain.send(calls);
    for (const { address } of outputs) await this.chain.anvil.rpc("anvil_setCode", address, REFUSING_CODE);
    return this.chain.send(calls);
  }

  mine(blocks: number): Promise<void> {
    return this.chain.mine(blocks);
  }

  reorg(depth: number, fate: ReorgFate): Promise<void> {
    return this.chain.reorg(depth, fate);
  }

  doubleSpend(txId: string, outputs: readonly PaidOutput[] = []): Promise<string> {
    const [output] = outputs;
    return this.chain.replace(txId as Hex, output ? this.#call(output) : burn(this.chain.newAddress()));
  }

  restartNode(): Promise<void> {
    return this.chain.facade.atOnce(() => this.chain.anvil.restart());
  }

  disconnect(): Promise<void> {
    return this.chain.facade.disconnect();
  }

  reconnect(): Promise<void> {
    return this.chain.facade.connect();
  }

  async repeatNotifications(): Promise<void> {
    this.chain.facade.repeat();
  }

  /** Nothing to do: blocks come on request only, and it goes on answering. */
  async fallSilent(): Promise<void> {}

  close(): Promise<void> {
    return this.chain.stop();
  }

  #call({ address, amountAtomic, asset = this.#payIn }: PaidOutput): Call {
    const to = address as Hex;
    return asset === NATIVE.symbol ? { to, value: amountAtomic } : tokenTransfer(this.token, to, amountAtomic);
  }

  #options(): EvmOptions {
    const { url, wsUrl } = this.chain.facade;
    return {
      chain: "evm",
      chainId: this.chain.chainId,
      native: NATIVE,
      tokens: [{ contract: this.token, ...TOKEN, balanceCheck: true }],
      endpoints: [{ url, wsUrl, headers: {} }],
      finality: "confirmations",
      confirmations: 2,
      finalConfirmations: FINAL_CONFIRMATIONS,
      mempool: true,
      batchSize: 20,
      pollIntervalMs: 50,
      maxSilenceMs: MAX_SILENCE_MS,
      clock: this.clock,
      logger: quietLogger,
      ...this.#settings,
    };
  }
}

/** The coin that the scenarios pay in comes first. */
class PaidIn extends EvmFacts {
  constructor(symbol: string, options: EvmOptions) {
    super(options);
    this.assets.sort((a, b) => Number(b.symbol === symbol) - Number(a.symbol === symbol));
  }

  declare readonly assets: { symbol: string; decimals: number }[];
}

export function evmHarness(
  payIn: "ETH" | "USDT",
  settings: EvmSettings = {},
  anvil: AnvilOptions = {},
): WatcherHarness {
  return {
    capabilities: {
      mempool: settings.mempool ?? true,
      doubleSpend: settings.mempool ?? true,
      failedTransactions: true,
      otherAsset: payIn === "ETH" ? "USDT" : "ETH",
      reorgFates:
        settings.mempool === false
          ? ["mempool", "included", "replaced"]
          : ["mempool", "included", "dropped", "replaced"],
      noticesSilenceWithinMs: MAX_SILENCE_MS + 1,
    },
    start: () => EvmUnderTest.start(payIn, settings, anvil),
  };
}
