/**
 * A real full node (bcoin, regtest, in memory) whose chain and mempool do what a test says. Blocks are validated, and
 * so are signatures; only the work is trivial.
 *
 * What happens is told to `onNews` as bitcoind would announce it. All hashes that go in and out are in the order in
 * which they are shown; bcoin's own are reversed.
 */
import bcoin, { type Block, type ChainEntry, type FullNode, type TX } from "bcoin";

export type News =
  | { is: "block"; connected: boolean; hash: string; transactions: readonly Buffer[] }
  | { is: "added"; txId: string; raw: Buffer }
  | { is: "removed"; txId: string };

export function reversed(hex: string): string {
  return Buffer.from(hex, "hex").reverse().toString("hex");
}

export class RegtestNode {
  readonly node: FullNode;
  readonly #onNews: (news: News) => void;
  readonly #nowMs: () => number;
  readonly #coinbaseScript: Buffer;
  readonly #enteredAtMs = new Map<string, number>();
  /** Whatever happens is told when the operation is complete, as bitcoind tells it from outside of its lock. */
  #news: News[] = [];

  /** One at a time in a process: bcoin keeps the network's clock in one global place. */
  static async start(options: {
    nowMs: () => number;
    coinbaseScript: Buffer;
    onNews: (news: News) => void;
  }): Promise<RegtestNode> {
    bcoin.set("regtest");
    const network = bcoin.Network.get("regtest");
    network.time.now = () => Math.floor(options.nowMs() / 1000);
    // Segwit is active after some 36 blocks instead of 432.
    Object.assign(network.deployments.segwit, { window: 12, threshold: 9 });
    const node = new bcoin.FullNode({ network: "regtest", memory: true, indexTX: true, workers: false, listen: false });
    // bcoin's own HTTP server would need a port, and has another interface than bitcoind's.
    node.http.open = async () => undefined;
    node.http.close = async () => undefined;
    await node.open();
    return new RegtestNode(node, options);
  }

  private constructor(
    node: FullNode,
    options: { nowMs: () => number; coinbaseScript: Buffer; onNews: (news: News) => void },
  ) {
    this.node = node;
    this.#nowMs = options.nowMs;
    this.#coinbaseScript = options.coinbaseScript;
    this.#onNews = options.onNews;
    node.chain.on("connect", (entry: ChainEntry, block: Block) => this.#blockNews(true, entry, block));
    node.chain.on("disconnect", (entry: ChainEntry, block: Block) => this.#blockNews(false, entry, block));
    node.mempool.on("tx", (tx: TX) => {
      this.#enteredAtMs.set(tx.txid(), this.#nowMs());
      this.#news.push({ is: "added", txId: tx.txid(), raw: tx.toRaw() });
    });
    node.mempool.on("remove entry", ({ tx }: { tx: TX }) => this.#news.push({ is: "removed", txId: tx.txid() }));
    // Emitted right after the removal: bitcoind does not announce the removal of what was mined.
    node.mempool.on("confirmed", () => this.#news.pop());
  }

  get tip(): ChainEntry {
    return this.node.chain.tip;
  }

  /** The raw block, or `null` when there is none. */
  async blockHex(hash: string): Promise<string | null> {
    return (await this.node.chain.getBlock(reversed(hash)))?.toRaw().toString("hex") ?? null;
  }

  /** When the transaction entered the mempool, milliseconds. */
  enteredAtMs(txId: string): number {
    return this.#enteredAtMs.get(txId) ?? 0;
  }

  mempoolTransaction(txId: string): TX | null {
    return this.node.mempool.getTX(reversed(txId));
  }

  /** Each block but the first is empty; the first takes what waits in the mempool.
   * @param payTo scriptPubKey of the coinbase, if not the wallet's */
  async mine(blocks: number, payTo: Buffer = this.#coinbaseScript): Promise<void> {
    for (let mined = 0; mined < blocks; mined += 1) await this.#addBlock(this.tip, null, payTo);
    this.#tell();
  }

  /** @throws what bcoin says when it does not accept the transaction */
  async send(raw: Buffer): Promise<void> {
    await this.#accept(bcoin.TX.fromRaw(raw));
    this.#tell();
  }

  /** bcoin knows no replacement: what conflicts is evicted first, and then the transaction enters. */
  async replace(raw: Buffer): Promise<void> {
    const tx = bcoin.TX.fromRaw(raw);
    for (const { prevout } of tx.inputs) {
      const conflicting = this.node.mempool.getSpentTX(prevout.hash, prevout.index);
      if (conflicting) this.#evict(conflicting);
    }
    await this.#accept(tx);
    this.#tell();
  }

  /** The mempool forgets it, and what depends on it. */
  drop(txId: string): void {
    const tx = this.mempoolTransaction(txId);
    if (!tx) throw new Error(`${txId} is not in the mempool.`);
    this.#evict(tx);
    this.#tell();
  }

  /** The transactions in the last `depth` blocks, oldest first, without coinbases. */
  async transactionsInLast(depth: number): Promise<TX[]> {
    let entry = this.tip;
    const found: TX[] = [];
    for (let left = depth; left > 0; left -= 1) {
      const block = await this.node.chain.getBlock(entry.hash);
      found.unshift(...(block?.txs.filter((tx) => !tx.isCoinbase()) ?? []));
      entry = await this.#parentOf(entry);
    }
    return found;
  }

  /**
   * Replaces the last `depth` blocks by `newBlocks` others (one more than dropped, at least), of which the last holds
   * `inLastBlock`. Of what the dropped blocks held and the new ones do not, `back` says what returns to the mempool.
   */
  async reorganise(options: {
    depth: number;
    newBlocks?: number;
    inLastBlock?: readonly Buffer[];
    back: boolean;
  }): Promise<void> {
    const { depth, inLastBlock = [], back } = options;
    const newBlocks = options.newBlocks ?? depth + 1;
    const dropped = await this.transactionsInLast(depth);
    let parent = this.tip;
    for (let left = depth; left > 0; left -= 1) parent = await this.#parentOf(parent);
    for (let block = 1; block <= newBlocks; block += 1) {
      const transactions = block === newBlocks ? inLastBlock.map((raw) => bcoin.TX.fromRaw(raw)) : [];
      parent = await this.#addBlock(parent, transactions, this.#coinbaseScript);
    }
    if (this.tip.hash !== parent.hash) throw new Error("The new branch has not become the main chain.");
    const included = new Set(inLastBlock.map((raw) => bcoin.TX.fromRaw(raw).txid()));
    const conflicting = new Set(
      inLastBlock.flatMap((raw) =>
        bcoin.TX.fromRaw(raw).inputs.map(({ prevout }) => `${prevout.hash}/${prevout.index}`),
      ),
    );
    for (const tx of dropped) {
      const inMempool = this.node.mempool.getTX(tx.hash("hex")) !== null;
      const possible = !tx.inputs.some(({ prevout }) => conflicting.has(`${prevout.hash}/${prevout.index}`));
      // bcoin puts them back only if its mempool was not empty.
      if (back && possible && !inMempool && !included.has(tx.txid())) await this.#accept(tx);
      if (!back && inMempool) this.#evict(tx);
    }
    this.#tell();
  }

  /** The last blocks are gone, as after `invalidateblock`, and the mempool is empty. */
  async rewind(depth: number): Promise<void> {
    // bcoin would tell its peers, which it has none of, and fail.
    this.node.chain.removeAllListeners("reset");
    await this.node.chain.reset(this.tip.height - depth);
    await this.node.mempool.reset();
    this.#news = [];
  }

  close(): Promise<void> {
    return this.node.close();
  }

  async #parentOf(entry: ChainEntry): Promise<ChainEntry> {
    const parent = await this.node.chain.getEntry(entry.prevBlock);
    if (!parent) throw new Error("The genesis block has no parent.");
    return parent;
  }

  /** @param transactions `null`: what waits in the mempool */
  async #addBlock(parent: ChainEntry, transactions: readonly TX[] | null, payTo: Buffer): Promise<ChainEntry> {
    const script = bcoin.Script.fromRaw(payTo);
    const template = await this.node.miner.createBlock(parent, bcoin.Address.fromScript(script));
    if (transactions !== null) {
      template.items = [];
      template.fees = 0;
      for (const tx of transactions) template.pushTX(tx);
      template.refresh();
    }
    for (let nonce = 0; ; nonce += 1) {
      const proof = template.getProof(0, 0, template.time, nonce);
      if (!proof.verify(template.target)) continue;
      const entry = await this.node.chain.add(template.commit(proof));
      if (!entry) throw new Error("The block's parent is unknown.");
      return entry;
    }
  }

  async #accept(tx: TX): Promise<void> {
    const missing = await this.node.mempool.addTX(tx);
    if (missing) throw new Error(`${tx.txid()} spends what does not exist.`);
  }

  #evict(tx: TX): void {
    const entry = this.node.mempool.getEntry(tx.hash("hex"));
    if (entry) this.node.mempool.evictEntry(entry);
  }

  #blockNews(connected: boolean, entry: ChainEntry, block: Block): void {
    const transactions = block.txs.map((tx) => tx.toRaw());
    this.#news.push({ is: "block", connected, hash: entry.rhash(), transactions });
  }

  #tell(): void {
    const news = this.#news;
    this.#news = [];
    for (const item of news) this.#onNews(item);
  }
}
