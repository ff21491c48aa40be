/** The blocks of one TRON node, for `FollowingWatcher`. Finality: docs/chains/tron.md. */
import {
  BlockGone,
  type BlockSource,
  BlocksMissing,
  EndpointFailure,
  type FollowedHead,
  type FoundTransaction,
  type Interest,
  NodeProblem,
  type SightedTransfer,
  type SourceBlock,
} from "../following/block-source.ts";
import type { ChainAsset } from "../watcher.ts";
import { type BlockAnswer, type HeaderView, headerOf, heightOf, type InfoAnswer } from "./answers.ts";
import { executes, transfersIn } from "./block-transfers.ts";
import { TronApi, type TronEndpoint } from "./tron-api.ts";

export interface TronSourceOptions {
  endpoint: TronEndpoint;
  /** Id of the first block; `null`: any network. */
  genesis: string | null;
  /** By contract, lower-case hex. */
  tokens: ReadonlyMap<string, ChainAsset>;
  /** A question that takes longer has failed; default 15 s. */
  timeoutMs?: number;
}

const DEFAULT_TIMEOUT_MS = 15_000;
/** Blocks that are not solidified, beyond which that is told; with all representatives there are 18. */
const SOLIDIFICATION_LAG = 100;
/** Blocks in one answer: a few megabytes on the public network. */
const MAX_RANGE = 20;
/** Questions under way at once: providers count them by the second. */
const CONCURRENCY = 4;

export class TronSource implements BlockSource {
  readonly name: string;
  readonly #options: TronSourceOptions;
  readonly #api: TronApi;
  readonly #closing = new AbortController();

  constructor(options: TronSourceOptions) {
    const { endpoint, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
    this.#options = options;
    this.#api = new TronApi(endpoint, timeoutMs, this.#closing.signal);
    this.name = this.#api.name;
  }

  async check(): Promise<string | null> {
    const { genesis } = this.#options;
    if (genesis !== null) await this.#checkGenesis(genesis);
    const { ref: solidified } = await this.#api.solidified();
    const { ref: head } = await this.#api.head();
    const block = await this.#api.block(solidified.height);
    if (!block) throw this.#absent(solidified.height, solidified.height);
    await this.#checkHistory(block);
    const lag = head.height - solidified.height;
    if (lag <= SOLIDIFICATION_LAG) return null;
    return `${this.name} has ${lag} blocks that are not solidified: either its /walletsolidity interface stands still (check solidityUrl), or too few super representatives build blocks. Payments are seen, but none is confirmed until that is over.`;
  }

  async head(): Promise<FollowedHead> {
    // In this order: a head that is asked for afterwards is never behind what is solidified.
    const { ref: solidified } = await this.#api.solidified();
    const { ref: head } = await this.#api.head();
    return { height: head.height, hash: head.hash, finalized: { height: solidified.height, hash: solidified.hash } };
  }

  async blocksAfter(after: number, head: FollowedHead, limit: number, interest: Interest): Promise<SourceBlock[]> {
    const first = after + 1;
    const count = Math.min(limit, MAX_RANGE, head.height - after);
    if (count <= 0) return [];
    const blocks = await this.#linkedBlocks(first, count);
    if (blocks.length === 0) throw this.#absent(first, head.finalized?.height ?? 0);
    const last = blocks.at(-1);
    if (last && heightOf(last) === head.height && last.blockID !== head.hash) {
      throw new BlockGone(`block ${head.height} is another one now`);
    }
    await interest.refresh();
    return inOrder(blocks, (block) => this.#read(block, interest));
  }

  async hashesAt(heights: readonly number[]): Promise<(string | null)[]> {
    const hashes = new Map<number, string>();
    for (const { first, count } of runsOf(heights)) {
      if (count > 2) {
        for (const block of await this.#api.blocks({ first, count })) hashes.set(heightOf(block), block.blockID);
      } else {
        for (let height = first; height < first + count; height += 1) {
          const header = await this.#api.headerAt(height);
          if (header) hashes.set(height, header.ref.hash);
        }
      }
    }
    return heights.map((height) => hashes.get(height) ?? null);
  }

  async blockAt(height: number): Promise<HeaderView> {
    const header = await this.#api.headerAt(height);
    if (!header || header.ref.height !== height) throw new BlockGone(`there is no block ${height}`);
    return header;
  }

  async transaction(txId: string, interest: Interest): Promise<FoundTransaction | null> {
    const info = await this.#api.info(txId);
    if (!info) return null;
    const height = info.blockNumber ?? 0;
    const block = await this.#api.block(height);
    const transaction = block?.transactions?.find(({ txID }) => txID === txId);
    if (!block || !transaction) throw new BlockGone(`transaction ${txId} is not in block ${height} any more`);
    return { block: headerOf(block, this.name).ref, transfers: this.#transfersIn([transaction], [info], interest) };
  }

  close(): void {
    this.#closing.abort();
  }

  async #checkGenesis(expected: string): Promise<void> {
    const first = await this.#api.headerAt(0);
    if (first?.ref.hash === expected) return;
    throw new NodeProblem(
      `${this.name} is on another network: its first block is ${first?.ref.hash ?? "not there"}, expected is ${expected}. Check network and genesis of the chain in the configuration, and the URL.`,
    );
  }

  /** Without the infos of transactions no token's transfer could be seen, and all would look well. */
  async #checkHistory(block: BlockAnswer): Promise<void> {
    const count = block.transactions?.length ?? 0;
    if (count === 0 || (await this.#api.infos(heightOf(block))).length === count) return;
    throw new NodeProblem(
      `${this.name} does not keep what became of transactions (block ${heightOf(block)} has ${count}): token transfers could not be seen. Set storage.transHistory.switch = "on" in its configuration, or use another node.`,
    );
  }

  /** From `first` on without a hole, each the parent of the next. */
  async #linkedBlocks(first: number, count: number): Promise<BlockAnswer[]> {
    const single = count === 1 ? await this.#api.block(first) : null;
    const found = count === 1 ? (single ? [single] : []) : await this.#api.blocks({ first, count });
    const hole = found.findIndex((block, place) => heightOf(block) !== first + place);
    const blocks = hole === -1 ? found : found.slice(0, hole);
    for (const [place, block] of blocks.entries()) {
      const before = blocks[place - 1];
      if (before && block.block_header.raw_data.parentHash !== before.blockID) {
        throw new BlockGone(`block ${heightOf(block)} has another parent now`);
      }
    }
    return blocks;
  }

  async #read(block: BlockAnswer, interest: Interest): Promise<SourceBlock> {
    const { ref, parentHash } = headerOf(block, this.name);
    const transactions = block.transactions ?? [];
    const needsInfos = this.#options.tokens.size > 0 && transactions.some(executes);
    const infos = needsInfos ? await this.#api.infos(ref.height) : [];
    return { ref, parentHash, transfers: this.#transfersIn(transactions, infos, interest), spenders: [] };
  }

  #transfersIn(
    transactions: NonNullable<BlockAnswer["transactions"]>,
    infos: readonly InfoAnswer[],
    interest: Interest,
  ): SightedTransfer[] {
    const { tokens } = this.#options;
    const byId = new Map(infos.map((info) => [info.id, info]));
    const parts = { tokens, interest, node: this.name };
    return transactions.flatMap((transaction) => {
      const info = byId.get(transaction.txID) ?? null;
      if (info === null && tokens.size > 0 && executes(transaction)) throw this.#untold(transaction.txID, infos.length);
      return transfersIn(transaction, info, parts);
    });
  }

  /** What became of a transaction is not among what the node says of its block. */
  #untold(txId: string, told: number): Error {
    if (told > 0) return new BlockGone(`the block with transaction ${txId} is another one now`);
    return new EndpointFailure(
      `${this.name} does not say what became of transaction ${txId}: it is behind its own head, or does not keep it (storage.transHistory.switch).`,
    );
  }

  /** A block that must be there is not. */
  #absent(height: number, solidified: number): Error {
    if (height > solidified) return new BlockGone(`there is no block ${height} any more`);
    return new BlocksMissing(
      `${this.name} does not have block ${height} any more, which must be read: it is a lite node, or was pruned. Nothing is skipped: use a node with the full history.`,
      null,
    );
  }
}

/** Consecutive heights together, at most as many as one answer may have. */
function runsOf(heights: readonly number[]): { first: number; count: number }[] {
  const runs: { first: number; count: number }[] = [];
  for (const height of [...heights].sort((one, other) => one - other)) {
    const run = runs.at(-1);
    if (run && run.first + run.count === height && run.count < MAX_RANGE) run.count += 1;
    else runs.push({ first: height, count: 1 });
  }
  return runs;
}

/** The results in the order of the items, some questions at once. */
async function inOrder<T, R>(items: readonly T[], ask: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let at = 0; at < items.length; at += CONCURRENCY) {
    results.push(...(await Promise.all(items.slice(at, at + CONCURRENCY).map(ask))));
  }
  return results;
}
