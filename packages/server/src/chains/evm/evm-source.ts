/** One Ethereum node as a `BlockSource`: JSON-RPC over HTTP for everything, a WebSocket as a wake-up only. */
import type { Clock } from "../../kit/clock.ts";
import type { BlockRef } from "../../payments/transfer.ts";
import {
  BlockGone,
  type BlockId,
  type BlockSource,
  BlocksMissing,
  EndpointFailure,
  type FollowedHead,
  type FoundTransaction,
  type Interest,
  type PendingNews,
  type SourceBlock,
} from "../following/block-source.ts";
import { followHeads } from "../following/head-feed.ts";
import { JsonHttp } from "../following/json-http.ts";
import type { EvmBlock } from "./answers.ts";
import { atMostEvery } from "./at-most-every.ts";
import { BlockScanner } from "./block-scanner.ts";
import { EvmNode } from "./evm-node.ts";
import { JsonRpc } from "./json-rpc.ts";
import { checkNode } from "./node-check.ts";
import { PendingTransactions } from "./pending.ts";
import { waitingTransfers } from "./sighting.ts";
import type { TokenRegistry } from "./tokens.ts";

export interface EvmSourceOptions {
  url: string;
  /** Pushes new blocks; `null`: the node is polled. */
  wsUrl: string | null;
  headers: Readonly<Record<string, string>>;
  chainId: number;
  tokens: TokenRegistry;
  /** Whose word counts as irreversible; `null`: the number of confirmations alone. */
  tag: "safe" | "finalized" | null;
  mempool: boolean;
  /** Calls in one request. */
  batchSize: number;
  timeoutMs?: number;
  clock: Clock;
}

const TIMEOUT_MS = 20_000;
/** Busy networks announce dozens of transactions a second; the pending block is not worth a look for each. */
const NEWS_PAUSE_MS = 250;

export class EvmSource implements BlockSource {
  readonly name: string;
  readonly pending?: (interest: Interest) => Promise<PendingNews>;
  readonly subscribe?: (onNews: () => void, onTrouble: (message: string) => void) => () => void;
  readonly #options: EvmSourceOptions;
  readonly #node: EvmNode;
  readonly #scanner: BlockScanner;
  /** As it was asked last. */
  #head: BlockId | null = null;
  /** The last block that a single transaction was looked up in: often several of one block are. */
  #lookedUp: EvmBlock | null = null;
  readonly #closing = new AbortController();

  constructor(options: EvmSourceOptions) {
    const { url, wsUrl, headers, tokens, mempool, batchSize, clock, timeoutMs = TIMEOUT_MS } = options;
    const http = new JsonHttp({ url, headers, timeoutMs, label: "The node" }, this.#closing.signal);
    this.#options = options;
    this.#node = new EvmNode(new JsonRpc(http, batchSize));
    this.#scanner = new BlockScanner(this.#node, tokens);
    this.name = http.name;
    if (mempool) {
      const transactions = new PendingTransactions(this.#node, tokens, clock);
      this.pending = (interest) => transactions.news(this.#head?.hash ?? null, interest);
    }
    if (wsUrl !== null) {
      const topics = mempool ? ["newHeads", "newPendingTransactions"] : ["newHeads"];
      const subscriptions = topics.map((topic) => ({ method: "eth_subscribe", params: [topic] }));
      const feed = { url: wsUrl, headers, subscriptions, notification: "eth_subscription" };
      this.subscribe = (onNews, onTrouble) => {
        const { news, end } = atMostEvery(NEWS_PAUSE_MS, onNews);
        const unsubscribe = followHeads({ ...feed, onNews: news, onTrouble });
        return () => {
          unsubscribe();
          end();
        };
      };
    }
  }

  check(): Promise<string | null> {
    const { chainId, tag, tokens, mempool } = this.#options;
    return checkNode(this.#node, { chainId, tag, tokens: tokens.all, mempool });
  }

  async head(): Promise<FollowedHead> {
    const { tag } = this.#options;
    const [latest, final = null] = await this.#node.tagged(tag === null ? ["latest"] : ["latest", tag]);
    if (!latest) throw new EndpointFailure(`${this.name} has no block yet.`);
    this.#head = idOf(latest.ref);
    return { ...this.#head, finalized: final && idOf(final.ref) };
  }

  async blocksAfter(
    after: number,
    head: FollowedHead,
    limit: number,
    interest: Interest,
  ): Promise<readonly SourceBlock[]> {
    const blocks = await this.#blocks(range(after + 1, Math.min(after + limit, head.height)), head);
    return this.#scanner.scan(blocks, head.height, interest);
  }

  async hashesAt(heights: readonly number[]): Promise<readonly (string | null)[]> {
    const blocks = await this.#node.blocksAt(heights, false);
    return blocks.map((block) => block?.ref.hash ?? null);
  }

  async blockAt(height: number): Promise<{ ref: BlockRef; parentHash: string }> {
    const [block] = await this.#node.blocksAt([height], false);
    if (!block) throw new BlockGone(`${this.name} has no block ${height}.`);
    return { ref: block.ref, parentHash: block.parentHash };
  }

  async transaction(txId: string, interest: Interest): Promise<FoundTransaction | null> {
    const found = await this.#node.transaction(txId);
    if (!found) return null;
    const { transaction, blockHash } = found;
    if (blockHash === null) {
      return { block: null, transfers: waitingTransfers(transaction, this.#options.tokens, interest) };
    }
    const known = this.#lookedUp?.ref.hash === blockHash ? this.#lookedUp : null;
    const block = known ?? (await this.#node.blockByHash(blockHash));
    this.#lookedUp = block;
    const headHeight = Math.max(this.#head?.height ?? 0, block.ref.height);
    const transfers = await this.#scanner.transfersOf(txId, block, headHeight, interest);
    return { block: block.ref, transfers };
  }

  close(): void {
    this.#closing.abort();
  }

  /** Each the parent of the next. */
  async #blocks(heights: readonly number[], head: FollowedHead): Promise<readonly EvmBlock[]> {
    const found = await this.#node.blocksAt(heights, true);
    const blocks: EvmBlock[] = [];
    for (const [place, block] of found.entries()) {
      if (!block) throw await this.#missing(heights[place] ?? 0, head);
      const parent = blocks.at(-1);
      if (parent && block.parentHash !== parent.ref.hash) {
        throw new BlockGone(`${this.name}: block ${block.ref.height} is not on top of the one before.`);
      }
      blocks.push(block);
    }
    return blocks;
  }

  /** A node that has the head and not what lies below has forgotten it. */
  async #missing(height: number, head: FollowedHead): Promise<Error> {
    const [still, top] = await this.hashesAt([height, head.height]);
    if (still === null && top === head.hash && height < head.height) {
      return new BlocksMissing(
        `${this.name} no longer has block ${height}, which has not been looked at yet: add an endpoint with full history.`,
        null,
      );
    }
    return new BlockGone(`${this.name}: block ${height} is gone.`);
  }
}

function idOf({ height, hash }: BlockRef): BlockId {
  return { height, hash };
}

function range(from: number, to: number): readonly number[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, place) => from + place);
}
