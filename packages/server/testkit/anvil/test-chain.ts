/**
 * A chain of anvil's under the control of a test: payments from a fresh account each, blocks on request with the time of
 * the test's clock, reorganisations with a chosen fate for the transactions. Each step appears as one to whoever watches
 * through the facade.
 */
import { setTimeout as pause } from "node:timers/promises";
import { type Hex, pad, toHex } from "viem";
import { generatePrivateKey, type PrivateKeyAccount, privateKeyToAccount } from "viem/accounts";
import type { Clock } from "../../src/kit/clock.ts";
import { multisendCode, type TokenCode, tokenCode } from "./contracts.ts";
import { AnvilFacade } from "./facade.ts";
import { type AnvilOptions, AnvilProcess } from "./process.ts";

export interface Call {
  /** `null`: it creates a contract. */
  to: Hex | null;
  value?: bigint;
  data?: Hex;
  gas?: bigint;
}

/** What becomes of the transactions in dropped blocks. */
export type Fate = "mempool" | "included" | "dropped" | "replaced";

/** A transaction that was sent, so that it can be sent again, or another one in its place. */
interface Sent {
  raw: Hex;
  account: PrivateKeyAccount;
  nonce: number;
  feeFactor: bigint;
  /** Tokens that the account needs to have for it. */
  tokens: readonly Hex[];
}

interface RawBlock {
  hash: Hex;
  timestamp: Hex;
  transactions: Hex[];
}

const RICH = toHex(10n ** 24n);
const FEE = 100_000_000_000n;
/** The first block is so much older than the clock. */
const GENESIS_AGE_SECONDS = 86_400;

export class TestChain {
  readonly anvil: AnvilProcess;
  readonly facade: AnvilFacade;
  readonly chainId: number;
  readonly #clock: Clock;
  readonly #sent = new Map<Hex, Sent>();

  static async start(clock: Clock, options: AnvilOptions = {}): Promise<TestChain> {
    const genesisSeconds = Math.floor(clock.nowMs() / 1_000) - GENESIS_AGE_SECONDS;
    const anvil = await AnvilProcess.start({ genesisSeconds, ...options });
    return new TestChain(anvil, await AnvilFacade.start(anvil), clock, options.chainId ?? 31_337);
  }

  private constructor(anvil: AnvilProcess, facade: AnvilFacade, clock: Clock, chainId: number) {
    this.anvil = anvil;
    this.facade = facade;
    this.chainId = chainId;
    this.#clock = clock;
  }

  newAddress(): Hex {
    return privateKeyToAccount(generatePrivateKey()).address;
  }

  /** In a block of its own. @returns its address */
  async deploy(code: Hex): Promise<Hex> {
    const txId = await this.send([{ to: null, data: code, gas: 3_000_000n }]);
    await this.mine(1);
    const receipt = await this.anvil.rpc<{ contractAddress: Hex; status: Hex }>("eth_getTransactionReceipt", txId);
    if (receipt.status !== "0x1") throw new Error("The contract could not be put on the chain.");
    return receipt.contractAddress;
  }

  deployToken(code: Partial<TokenCode> = {}): Promise<Hex> {
    return this.deploy(tokenCode({ symbol: "USDT", decimals: 6, feePercent: 0, ...code }));
  }

  deployMultisend(): Promise<Hex> {
    return this.deploy(multisendCode());
  }

  /** Transactions of one fresh account, in this order. `tokens`: of which it has plenty. @returns the last one's id */
  async send(calls: readonly Call[], tokens: readonly Hex[] = []): Promise<Hex> {
    const account = privateKeyToAccount(generatePrivateKey());
    await this.#enrich(account.address, tokens);
    const sent = await Promise.all(
      calls.map(async (call, nonce): Promise<Sent> => {
        return { raw: await this.#sign(account, nonce, call, 1n), account, nonce, feeFactor: 1n, tokens };
      }),
    );
    const txIds = await this.facade.atOnce(() => this.#broadcast(sent));
    return txIds.at(-1) as Hex;
  }

  /** Of the same account and nonce, for a higher fee. @returns the other's id */
  async replace(txId: Hex, call: Call): Promise<Hex> {
    const other = await this.#rival(txId, call);
    const [otherId] = await this.facade.atOnce(() => this.#broadcast([other]));
    return otherId as Hex;
  }

  senderOf(txId: Hex): Hex {
    return this.#find(txId).account.address;
  }

  /** The first takes what waits. */
  mine(blocks: number): Promise<void> {
    return this.facade.atOnce(() => this.#mine(blocks));
  }

  /** Replaces the last blocks by a branch that is one longer. `included` and `replaced`: in its last block. */
  reorg(depth: number, fate: Fate): Promise<void> {
    return this.facade.atOnce(async () => {
      const dropped = (await this.#transactionsOfLast(depth)).map((txId) => this.#find(txId));
      const rivals = await Promise.all(
        dropped.map(({ account, nonce, feeFactor }) =>
          this.#rivalOf(account, nonce, feeFactor, burn(this.newAddress())),
        ),
      );
      await this.anvil.rpc("anvil_reorg", depth, []);
      // What the accounts had is gone with the blocks.
      for (const { account, tokens } of dropped) await this.#enrich(account.address, tokens);
      if (fate === "included") await this.#broadcast(dropped);
      if (fate === "replaced") await this.#broadcast(rivals);
      await this.#mine(1);
      if (fate === "mempool") await this.#broadcast(dropped);
    });
  }

  async height(): Promise<number> {
    return Number(await this.anvil.rpc<Hex>("eth_blockNumber"));
  }

  /** What an account holds of a token, without any transaction. */
  async setTokenBalance(token: Hex, owner: Hex, amountAtomic: bigint): Promise<void> {
    await this.anvil.rpc("anvil_setStorageAt", token, pad(owner), toHex(amountAtomic, { size: 32 }));
  }

  async stop(): Promise<void> {
    await this.facade.disconnect();
    await this.anvil.stop();
  }

  async #mine(blocks: number): Promise<void> {
    const { timestamp } = await this.anvil.rpc<RawBlock>("eth_getBlockByNumber", "latest", false);
    const nowSeconds = Math.floor(this.#clock.nowMs() / 1_000);
    for (let mined = 0; mined < blocks; mined += 1) {
      // Not before the block below.
      await this.anvil.rpc("evm_setNextBlockTimestamp", Math.max(Number(timestamp), nowSeconds));
      await this.anvil.rpc("anvil_mine", "0x1");
    }
  }

  async #enrich(account: Hex, tokens: readonly Hex[]): Promise<void> {
    await this.anvil.rpc("anvil_setBalance", account, RICH);
    for (const token of tokens) await this.setTokenBalance(token, account, 10n ** 30n);
  }

  async #broadcast(sent: readonly Sent[]): Promise<Hex[]> {
    const calls = sent.map(({ raw }) => ({ method: "eth_sendRawTransaction", params: [raw] }));
    const txIds = await this.anvil.rpcBatch<Hex>(calls);
    for (const [place, txId] of txIds.entries()) this.#sent.set(txId, sent[place] as Sent);
    await this.#taken(txIds);
    return txIds;
  }

  /** Resolves when the node would put them into its next block. */
  async #taken(txIds: readonly Hex[]): Promise<void> {
    const last = txIds.at(-1);
    for (let asked = 0; asked < 500 && last !== undefined; asked += 1) {
      const pending = await this.anvil.rpc<RawBlock>("eth_getBlockByNumber", "pending", false);
      if (pending.transactions.includes(last)) return;
      await pause(5);
    }
    if (last !== undefined) throw new Error(`anvil does not take up ${last}.`);
  }

  async #transactionsOfLast(depth: number): Promise<Hex[]> {
    const height = await this.height();
    const heights = Array.from({ length: depth }, (_, place) => height - depth + 1 + place);
    const blocks = await this.anvil.rpcBatch<RawBlock>(
      heights.map((at) => ({ method: "eth_getBlockByNumber", params: [toHex(at), false] })),
    );
    return blocks.flatMap(({ transactions }) => transactions);
  }

  #rival(txId: Hex, call: Call): Promise<Sent> {
    const { account, nonce, feeFactor } = this.#find(txId);
    return this.#rivalOf(account, nonce, feeFactor, call);
  }

  async #rivalOf(account: PrivateKeyAccount, nonce: number, feeFactor: bigint, call: Call): Promise<Sent> {
    const higher = feeFactor * 2n;
    return { raw: await this.#sign(account, nonce, call, higher), account, nonce, feeFactor: higher, tokens: [] };
  }

  #sign(account: PrivateKeyAccount, nonce: number, { to, value = 0n, data, gas = 100_000n }: Call, feeFactor: bigint) {
    return account.signTransaction({
      type: "eip1559",
      chainId: this.chainId,
      nonce,
      gas,
      value,
      maxFeePerGas: FEE * feeFactor,
      maxPriorityFeePerGas: feeFactor,
      ...(to === null ? {} : { to }),
      ...(data === undefined ? {} : { data }),
    });
  }

  #find(txId: Hex): Sent {
    const sent = this.#sent.get(txId);
    if (!sent) throw new Error(`${txId} was not sent from here.`);
    return sent;
  }
}

/** To somebody else. */
export function burn(to: Hex): Call {
  return { to, value: 1n };
}
