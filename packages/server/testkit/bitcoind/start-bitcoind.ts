/**
 * bitcoind for tests: its JSON-RPC and ZMQ in front of a real full node (bcoin, regtest), in this process. What a test
 * can make it do are its public methods; each appears to the outside as one step, so that nobody looks in between.
 */
import { randomBytes } from "node:crypto";
import bcoin from "bcoin";
import { type News, RegtestNode, reversed } from "./regtest-node.ts";
import { RPC_METHODS } from "./rpc-methods.ts";
import { RpcRefusal, RpcServer } from "./rpc-server.ts";
import { type Coin, type Output, scriptOf, sum, Wallet } from "./wallet.ts";
import { ZmqPublisher } from "./zmq-publisher.ts";

/** Blocks after which a coinbase may be spent. */
const COINBASE_MATURITY = 100;
/** Coins that can be spent at the start, each of 50 BTC. */
const COINS = 20;
/** The first blocks are so much older than the clock, so that their times, which must rise, do not run ahead of it. */
const FIRST_BLOCKS_AGE_MS = 86_400_000;

export interface PayTo {
  address: string;
  amountAtomic: bigint;
}

/** What becomes of the transactions in dropped blocks. */
export type Fate = "mempool" | "included" | "dropped" | "replaced";

export interface BitcoindOptions {
  /** The node's clock, milliseconds since 1970; default: the machine's. */
  nowMs?: () => number;
}

/** Replaces what a method answers: gets the real answer. */
export type Override = (real: () => Promise<unknown>, params: readonly unknown[]) => unknown;

export class Bitcoind {
  readonly rpc: RpcServer;
  readonly zmq = new ZmqPublisher();
  readonly wallet = new Wallet();
  readonly auth = { user: "paybell", password: "secret" };
  /** By method. */
  readonly overrides = new Map<string, Override>();
  #cookie = this.#newCookie();
  #node: RegtestNode | null = null;
  #last: Promise<unknown> = Promise.resolve();
  /** What each transaction of the wallet spends. */
  readonly #inputs = new Map<string, readonly Coin[]>();
  readonly #coins = new Map<string, Coin>();

  static async start(options: BitcoindOptions = {}): Promise<Bitcoind> {
    const bitcoind = new Bitcoind();
    const nowMs = options.nowMs ?? Date.now;
    let ageMs = FIRST_BLOCKS_AGE_MS;
    bitcoind.#node = await RegtestNode.start({
      nowMs: () => nowMs() - ageMs,
      coinbaseScript: Buffer.from(bitcoind.wallet.script),
      onNews: (news) => bitcoind.#announce(news),
    });
    await bitcoind.mine(COINBASE_MATURITY + COINS);
    ageMs = 0;
    await bitcoind.rpc.listen();
    await bitcoind.zmq.bind();
    return bitcoind;
  }

  private constructor() {
    this.rpc = new RpcServer(
      (method, params) => this.#locked(() => this.#answer(method, params)),
      () => (this.useCookie ? this.#cookie : `${this.auth.user}:${this.auth.password}`),
    );
  }

  /** Accept the cookie instead of user and password. */
  useCookie = false;

  /** Content of the `.cookie` file; another one after each `restart`. */
  get cookie(): string {
    return this.#cookie;
  }

  get rpcUrl(): string {
    return this.rpc.url;
  }

  get zmqUrl(): string {
    return this.zmq.endpoint;
  }

  get height(): number {
    return this.node.tip.height;
  }

  get tipHash(): string {
    return this.node.tip.rhash();
  }

  get node(): RegtestNode {
    if (!this.#node) throw new Error("The node is not running.");
    return this.#node;
  }

  newAddress(): string {
    return this.wallet.newAddress();
  }

  /** The first block takes what waits in the mempool.
   * @param payTo address of the coinbases, if not the wallet's */
  mine(blocks: number, payTo?: string): Promise<void> {
    const script = payTo === undefined ? undefined : Buffer.from(scriptOf(payTo));
    return this.#locked(() => this.node.mine(blocks, script));
  }

  /** One transaction into the mempool. @returns its id */
  pay(outputs: readonly PayTo[], options: { rbf?: boolean } = {}): Promise<string> {
    return this.#locked(async () => {
      const to = outputs.map(outputOf);
      const coins = await this.#choose(sum(outputs), to.length);
      const raw = this.wallet.sign(coins, to, options);
      await this.node.send(raw);
      return this.#remember(raw, coins);
    });
  }

  /** Replaces a transaction in the mempool by one that spends the same and pays these, or only the wallet.
   * @returns the other's id */
  doubleSpend(txId: string, outputs: readonly PayTo[] = []): Promise<string> {
    return this.#locked(async () => {
      const raw = this.conflictWith(txId, outputs);
      await this.node.replace(raw);
      return this.#remember(raw, this.#inputsOf(txId));
    });
  }

  /** The mempool forgets it. */
  drop(txId: string): Promise<void> {
    return this.#locked(async () => this.node.drop(txId));
  }

  /** Replaces the last blocks by a longer branch, at once. `replaced`: each of their transactions by one that pays only
   * the wallet. */
  reorg(depth: number, fate: Fate, newBlocks?: number): Promise<void> {
    return this.#locked(async () => {
      const dropped = await this.node.transactionsInLast(depth);
      const inLastBlock =
        fate === "included"
          ? dropped.map((tx) => tx.toRaw())
          : fate === "replaced"
            ? dropped.map((tx) => this.conflictWith(tx.txid()))
            : [];
      await this.node.reorganise({
        depth,
        inLastBlock,
        back: fate === "mempool",
        ...(newBlocks === undefined ? {} : { newBlocks }),
      });
    });
  }

  /** Several things of the node at once: nobody looks in between. */
  atOnce(work: (node: RegtestNode) => Promise<void>): Promise<void> {
    return this.#locked(() => work(this.node));
  }

  /** A signed transaction that spends the same as this one of the wallet, for a higher fee, and pays these or only the
   * wallet. It is not sent. */
  conflictWith(txId: string, outputs: readonly PayTo[] = []): Buffer {
    return this.wallet.sign(this.#inputsOf(txId), outputs.map(outputOf), { feeFactor: 3n });
  }

  /** For `overrides`: the method answers with this error. */
  refuse(code: number, message: string): never {
    throw new RpcRefusal(code, message);
  }

  /** Connections break, and cannot be made anew. What is announced meanwhile is lost. */
  async disconnect(): Promise<void> {
    await this.rpc.close();
    await this.zmq.close();
  }

  /** On the same ports. */
  async reconnect(): Promise<void> {
    this.#cookie = this.#newCookie();
    await this.rpc.listen();
    await this.zmq.bind();
  }

  async restart(): Promise<void> {
    await this.disconnect();
    await this.reconnect();
  }

  async stop(): Promise<void> {
    await this.disconnect();
    await this.#last;
    await this.node.close();
    this.#node = null;
  }

  #newCookie(): string {
    return `__cookie__:${randomBytes(16).toString("hex")}`;
  }

  /** One after the other, and nothing in between. */
  #locked<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }

  async #answer(method: string, params: readonly unknown[]): Promise<unknown> {
    const real = async () => {
      const answer = RPC_METHODS[method];
      if (!answer) throw new RpcRefusal(-32601, "Method not found");
      return answer(this.node, ...params);
    };
    const override = this.overrides.get(method);
    return override ? override(real, params) : real();
  }

  #announce(news: News): void {
    if (news.is === "block") {
      for (const raw of news.transactions) this.zmq.transaction(raw);
      this.zmq.block(news.hash, news.connected);
      if (news.connected && news.hash === this.tipHash) this.zmq.tip(news.hash);
      this.#noteCoins(news.transactions);
    } else if (news.is === "added") {
      this.zmq.transaction(news.raw);
      this.zmq.mempool(news.txId, "A");
    } else {
      this.zmq.mempool(news.txId, "R");
    }
  }

  /** Those of these transactions' outputs that the wallet can spend. */
  #noteCoins(transactions: readonly Buffer[]): void {
    const own = Buffer.from(this.wallet.script);
    for (const raw of transactions) {
      const tx = bcoin.TX.fromRaw(raw);
      for (const [vout, { value, script }] of tx.outputs.entries()) {
        const txId = tx.txid();
        if (script.toRaw().equals(own)) this.#coins.set(`${txId}:${vout}`, { txId, vout, amountAtomic: BigInt(value) });
      }
    }
  }

  /** Coins that can be spent now; unconfirmed ones only if the others do not suffice. */
  async #choose(amountAtomic: bigint, outputs: number): Promise<Coin[]> {
    const chosen: Coin[] = [];
    const enough = () => sum(chosen) > amountAtomic + this.wallet.feeFor(chosen.length, outputs + 1);
    for (const unconfirmed of [false, true]) {
      for (const coin of this.#coins.values()) {
        if (enough()) return chosen;
        const found = await this.node.node.getCoin(reversed(coin.txId), coin.vout);
        if (!found || (found.height === -1) !== unconfirmed) continue;
        const mature = !found.coinbase || this.height + 1 - found.height >= COINBASE_MATURITY;
        if (mature) chosen.push(coin);
      }
    }
    if (enough()) return chosen;
    throw new Error("The wallet has not enough coins: mine some blocks.");
  }

  #remember(raw: Buffer, coins: readonly Coin[]): string {
    const txId = bcoin.TX.fromRaw(raw).txid();
    this.#inputs.set(txId, coins);
    this.#noteCoins([raw]);
    return txId;
  }

  #inputsOf(txId: string): readonly Coin[] {
    const coins = this.#inputs.get(txId);
    if (!coins) throw new Error(`${txId} was not sent by the wallet.`);
    return coins;
  }
}

function outputOf({ address, amountAtomic }: PayTo): Output {
  return { script: scriptOf(address), amountAtomic };
}
