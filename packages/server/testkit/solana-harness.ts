/** Solana for `testWatcher`: the real virtual machine behind a node's interface. */
import { type Address, address, generateKeyPairSigner, type Instruction, type KeyPairSigner } from "@solana/kit";
import { SolanaFacts } from "../src/chains/solana/facts.ts";
import { openSolana, type SolanaOptions } from "../src/chains/solana/open-solana.ts";
import type { Watcher } from "../src/chains/watcher.ts";
import { quietLogger } from "./quiet-logger.ts";
import { RunningClock } from "./running-clock.ts";
import { transferSol } from "./solana/instructions.ts";
import { TestSolanaNode } from "./solana/solana-node.ts";
import { TestToken } from "./solana/test-token.ts";
import type { ChainUnderTest, PaidOutput, ReorgFate, WatcherHarness } from "./watcher.ts";

export const SOLANA_MAX_SILENCE_MS = 60_000;
/** Six blocks until `final`, so that the steps of a payment are told apart; on the real chain one is enough. */
export const SOLANA_POLICY = { confirmations: 1, finalConfirmations: 6 };
/** A wallet that exists takes less than the rent of a new one. */
const RENT_LAMPORTS = 1_000_000n;
/** Payments that one transaction has room for. */
const PER_TRANSACTION = 16;

export class SolanaUnderTest implements ChainUnderTest {
  readonly facts: SolanaFacts;
  readonly clock: RunningClock;
  readonly node: TestSolanaNode;
  readonly usdc: TestToken;

  readonly #policy: typeof SOLANA_POLICY;

  static async start(policy = SOLANA_POLICY): Promise<SolanaUnderTest> {
    const clock = new RunningClock(1_700_000_000_000);
    const node = await TestSolanaNode.start(() => clock.nowMs());
    return new SolanaUnderTest(clock, node, await TestToken.create(node.ledger, "USDC"), policy);
  }

  private constructor(clock: RunningClock, node: TestSolanaNode, usdc: TestToken, policy: typeof SOLANA_POLICY) {
    this.#policy = policy;
    this.clock = clock;
    this.node = node;
    this.usdc = usdc;
    this.facts = new SolanaFacts({ tokens: [usdc.token], ...policy });
    node.mine(1);
  }

  async advance(ms: number): Promise<void> {
    this.clock.advance(ms);
  }

  createWatcher(options: Partial<SolanaOptions> = {}): Watcher {
    const { server, ledger } = this.node;
    return openSolana({
      network: "private",
      genesisHash: ledger.genesisHash,
      endpoints: [{ url: server.url, wsUrl: server.wsUrl, headers: {} }],
      tokens: [this.usdc.token],
      tributary: null,
      ...this.#policy,
      pollIntervalMs: 50,
      maxSilenceMs: SOLANA_MAX_SILENCE_MS,
      timeoutMs: 5_000,
      clock: this.clock,
      logger: quietLogger,
      ...options,
    });
  }

  async newAddress(): Promise<Address> {
    return (await this.newWallet()).address;
  }

  async newWallet(): Promise<KeyPairSigner> {
    const wallet = await generateKeyPairSigner();
    this.node.ledger.svm.fund(wallet.address, RENT_LAMPORTS);
    return wallet;
  }

  /** More than one transaction where one has not enough room; all are in the same block. Returns the first one's id. */
  async pay(outputs: readonly PaidOutput[]): Promise<string> {
    const ids: string[] = [];
    for (let from = 0; from < outputs.length; from += PER_TRANSACTION) {
      const instructions: Instruction[] = [];
      for (const output of outputs.slice(from, from + PER_TRANSACTION))
        instructions.push(...(await this.#paying(output)));
      ids.push(await this.node.ledger.send(instructions));
    }
    return ids[0] as string;
  }

  /** The last transfer is of more than the payer has: what came before it is undone. */
  async payFailing(outputs: readonly PaidOutput[]): Promise<string> {
    const instructions: Instruction[] = [];
    for (const output of outputs) instructions.push(...(await this.#paying(output)));
    const [{ address: to }] = outputs as [PaidOutput];
    const { ledger } = this.node;
    return ledger.send([...instructions, transferSol(ledger.svm.payer.address, address(to), 1n << 60n)]);
  }

  async mine(blocks: number): Promise<void> {
    this.node.mine(blocks);
  }

  /** Simulated: the virtual machine does not go back, and a real network takes no finalized block back. */
  async reorg(depth: number, fate: ReorgFate): Promise<void> {
    if (fate === "dropped" || fate === "replaced")
      throw new Error("Nothing on Solana says that a transaction is lost.");
    this.node.reorg(depth, fate);
  }

  doubleSpend(): Promise<string> {
    throw new Error("Nothing is seen before it is in a block.");
  }

  async restartNode(): Promise<void> {
    await this.node.server.close();
    await this.node.server.listen();
  }

  disconnect(): Promise<void> {
    return this.node.server.close();
  }

  reconnect(): Promise<void> {
    return this.node.server.listen();
  }

  async repeatNotifications(): Promise<void> {
    this.node.push();
  }

  /** Nothing to do: nothing comes of the node by itself, and it goes on answering. */
  async fallSilent(): Promise<void> {}

  close(): Promise<void> {
    return this.node.server.close();
  }

  async #paying({ address: to, amountAtomic, asset = "SOL" }: PaidOutput): Promise<Instruction[]> {
    if (asset !== "SOL") return this.usdc.paying(address(to), amountAtomic);
    return [transferSol(this.node.ledger.svm.payer.address, address(to), amountAtomic)];
  }
}

export const solanaHarness: WatcherHarness = {
  capabilities: {
    mempool: false,
    doubleSpend: false,
    failedTransactions: true,
    otherAsset: "USDC",
    reorgFates: ["mempool", "included"],
    noticesSilenceWithinMs: SOLANA_MAX_SILENCE_MS + 1,
  },
  start: () => SolanaUnderTest.start(),
};
