/** The simulated chain as a chain of linked blocks: for the follower's own tests, with or without a mempool. */
import {
  BlockGone,
  type BlockSource,
  EndpointFailure,
  type FollowedHead,
  type FoundTransaction,
  type Interest,
  type PendingNews,
  type SightedTransfer,
  type SourceBlock,
  type Spender,
} from "../src/chains/following/block-source.ts";
import type { SandboxBlock, SandboxTransaction } from "../src/chains/sandbox/ledger.ts";
import type { SandboxNode } from "../src/chains/sandbox/node.ts";

export interface SandboxSourceOptions {
  mempool: boolean;
  /** How many blocks below the head the chain calls irreversible. */
  finalizedDepth?: number;
}

export class SandboxSource implements BlockSource {
  readonly name = "the simulated chain";
  readonly pending?: (interest: Interest) => Promise<PendingNews>;
  readonly #node: SandboxNode;
  readonly #finalizedDepth: number | null;

  constructor(node: SandboxNode, { mempool, finalizedDepth }: SandboxSourceOptions) {
    this.#node = node;
    this.#finalizedDepth = finalizedDepth ?? null;
    if (mempool) this.pending = (interest) => this.#pending(interest);
  }

  async check(): Promise<string | null> {
    await this.#asked(() => this.#node.view());
    return null;
  }

  async head(): Promise<FollowedHead> {
    const { tip } = await this.#asked(() => this.#node.view());
    if (this.#finalizedDepth === null) return { height: tip.height, hash: tip.hash, finalized: null };
    const height = Math.max(0, tip.height - this.#finalizedDepth);
    const { hash } = await this.#block(height);
    return { height: tip.height, hash: tip.hash, finalized: { height, hash } };
  }

  async blocksAfter(after: number, head: FollowedHead, limit: number, interest: Interest): Promise<SourceBlock[]> {
    const blocks: SourceBlock[] = [];
    for (let height = after + 1; height <= head.height && blocks.length < limit; height += 1) {
      blocks.push(await this.#read(await this.#block(height), interest));
    }
    return blocks;
  }

  async hashesAt(heights: readonly number[]): Promise<(string | null)[]> {
    const blocks = await this.#asked(() => Promise.all(heights.map((height) => this.#node.blockAt(height))));
    return blocks.map((block) => block?.hash ?? null);
  }

  async blockAt(height: number) {
    const block = await this.#block(height);
    return { ref: refOf(block), parentHash: block.parentHash ?? "" };
  }

  async transaction(txId: string, interest: Interest): Promise<FoundTransaction | null> {
    const [found] = await this.#asked(() => this.#node.transactions([txId]));
    if (!found || found.status === "replaced" || found.status === "dropped") return null;
    const block =
      found.blockHash === null ? null : await this.#asked(() => this.#node.block(found.blockHash as string));
    return { block: block && refOf(block), transfers: sighted(found, interest) };
  }

  subscribe(onNews: () => void): () => void {
    return this.#node.listen(onNews);
  }

  close(): void {}

  async #pending(interest: Interest): Promise<PendingNews> {
    const { mempool } = await this.#asked(() => this.#node.view());
    return {
      transfers: mempool.flatMap((transaction) => sighted(transaction, interest)),
      spenders: spendersIn(mempool, interest),
    };
  }

  async #read(block: SandboxBlock, interest: Interest): Promise<SourceBlock> {
    const found = await this.#asked(() => this.#node.transactions(block.txIds));
    const transactions = found.filter((transaction) => transaction !== null);
    await interest.refresh();
    return {
      ref: refOf(block),
      parentHash: block.parentHash ?? "",
      transfers: transactions.flatMap((transaction) => sighted(transaction, interest)),
      spenders: spendersIn(transactions, interest),
    };
  }

  async #block(height: number): Promise<SandboxBlock> {
    const block = await this.#asked(() => this.#node.blockAt(height));
    if (!block) throw new BlockGone(`there is no block ${height}`);
    return block;
  }

  async #asked<T>(question: () => Promise<T>): Promise<T> {
    try {
      return await question();
    } catch (error) {
      throw new EndpointFailure("the simulated chain cannot be reached", { cause: error });
    }
  }
}

const refOf = ({ height, hash, timeMs }: SandboxBlock) => ({ height, hash, timeMs });

function sighted(transaction: SandboxTransaction, interest: Interest): SightedTransfer[] {
  const { txId, outputs, fails, spends, firstSeenAtMs, status } = transaction;
  return outputs.flatMap(({ recipient, asset, amountAtomic }, place) => {
    const key = interest.keyFor(recipient, { txId });
    if (key === null) return [];
    const failed = fails && status === "included";
    return [
      { txId, index: String(place), asset, amountAtomic, recipient: key, failed, spends: [spends], firstSeenAtMs },
    ];
  });
}

function spendersIn(transactions: readonly SandboxTransaction[], interest: Interest): Spender[] {
  return transactions
    .filter(({ spends }) => interest.followsSpend(spends))
    .map(({ spends, txId }) => ({ spend: spends, txId }));
}
