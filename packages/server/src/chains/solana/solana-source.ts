/**
 * One Solana node as a `BlockSource`: every confirmed block, looked at once for all wallets; how far the chain itself has
 * finalized them; a WebSocket as a wake-up only. Heights are slots, and skipped slots are holes.
 * Source: docs/decisions/0012-solana-by-block.md.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { BlockRef } from "../../payments/transfer.ts";
import {
  BlockGone,
  type BlockSource,
  EndpointFailure,
  type FollowedHead,
  type FoundTransaction,
  type Interest,
  type SourceBlock,
} from "../following/block-source.ts";
import { followHeads } from "../following/head-feed.ts";
import { inParallel } from "../following/in-parallel.ts";
import { JsonHttp } from "../following/json-http.ts";
import { checkNode, type NodeNeeds } from "./node-check.ts";
import { SolanaRpc } from "./rpc.ts";
import { type Sights, transfersIn } from "./sighting.ts";
import { type BlockHeader, SolanaNode } from "./solana-node.ts";
import type { RawTransaction } from "./transaction.ts";

export interface SolanaEndpoint {
  url: string;
  /** Pushes new slots; `null`: the node is polled. */
  wsUrl: string | null;
  headers: Readonly<Record<string, string>>;
}

export interface SolanaSourceOptions extends SolanaEndpoint, Sights {
  genesisHash: string | null;
  /** From a question to the last byte of its answer; default 30 s: a block has several megabytes. */
  timeoutMs?: number;
}

const TIMEOUT_MS = 30_000;
/** Blocks that are fetched at once. */
const BLOCKS_AT_ONCE = 4;
const HEADERS_AT_ONCE = 8;
/** Slots in one question for those that have a block; a node takes many more. */
const SLOTS_PER_QUESTION = 1_000;
/** Behind one address there may be several nodes, of which one has confirmed a slot and another has no block there yet. */
const ATTEMPTS_AT_TIP = 10;
const TIP_PAUSE_MS = 100;

export class SolanaSource implements BlockSource {
  readonly name: string;
  readonly subscribe?: (onNews: () => void, onTrouble: (message: string) => void) => () => void;
  readonly #sights: Sights;
  readonly #needs: NodeNeeds;
  readonly #node: SolanaNode;
  readonly #closing = new AbortController();

  constructor(options: SolanaSourceOptions) {
    const { url, wsUrl, headers, genesisHash, tokens, timeoutMs = TIMEOUT_MS } = options;
    const http = new JsonHttp({ url, headers, timeoutMs, label: "The Solana node" }, this.#closing.signal);
    this.#sights = options;
    this.#needs = { genesisHash, tokens: [...tokens.values()] };
    this.#node = new SolanaNode(new SolanaRpc(http));
    this.name = http.name;
    if (wsUrl !== null) {
      const subscriptions = [{ method: "slotSubscribe", params: [] }];
      const feed = { url: wsUrl, headers, subscriptions, notification: "slotNotification" };
      this.subscribe = (onNews, onTrouble) => followHeads({ ...feed, onNews, onTrouble });
    }
  }

  check(): Promise<string | null> {
    return checkNode(this.#node, this.#needs);
  }

  async head(): Promise<FollowedHead> {
    const [confirmed, finalized] = await Promise.all([this.#newest("confirmed"), this.#newest("finalized")]);
    return { ...idOf(confirmed), finalized: idOf(finalized) };
  }

  async blocksAfter(
    after: number,
    head: FollowedHead,
    limit: number,
    interest: Interest,
  ): Promise<readonly SourceBlock[]> {
    const slots = await this.#slotsAfter(after, head.height, limit);
    const found = await inParallel(BLOCKS_AT_ONCE, slots, (slot) => this.#scan(slot, interest));
    const blocks: SourceBlock[] = [];
    let parentSlot = after;
    for (const [place, block] of found.entries()) {
      const slot = slots[place] as number;
      if (!block) throw await this.#node.whyNoBlock(slot);
      // One that stands on a block after `after` has another one between them: this node does not have it.
      if (block.header.parentSlot > parentSlot) throw await this.#node.whyNoBlock(parentSlot + 1);
      const { ref, parentHash } = block.header;
      blocks.push({ ref, parentHash, transfers: block.content, spenders: [] });
      parentSlot = slot;
    }
    return blocks;
  }

  async hashesAt(heights: readonly number[]): Promise<readonly (string | null)[]> {
    const headers = await inParallel(HEADERS_AT_ONCE, heights, (slot) => this.#node.header(slot));
    return headers.map((header) => header?.ref.hash ?? null);
  }

  async blockAt(height: number): Promise<{ ref: BlockRef; parentHash: string }> {
    const header = await this.#node.header(height);
    if (!header) throw new BlockGone(`${this.name} has no block in slot ${height}.`);
    return { ref: header.ref, parentHash: header.parentHash };
  }

  async transaction(txId: string, interest: Interest): Promise<FoundTransaction | null> {
    const found = await this.#node.transaction(txId, ({ slot, transaction }) => ({
      slot,
      transfers: transfersIn(transaction, this.#sights, interest),
    }));
    if (!found) return null;
    const { ref } = await this.blockAt(found.slot);
    return { block: ref, transfers: found.transfers };
  }

  close(): void {
    this.#closing.abort();
  }

  /** Its slot is known before its block can be had, by some tenths of a second. */
  async #newest(commitment: "confirmed" | "finalized"): Promise<BlockHeader> {
    for (let attempt = 1; attempt <= ATTEMPTS_AT_TIP; attempt += 1) {
      const header = await this.#node.header(await this.#node.slot(commitment));
      if (header) return header;
      await sleep(TIP_PAUSE_MS);
    }
    throw new EndpointFailure(
      `${this.name} names ${commitment} slots, but does not give their blocks: are its parts in step?`,
    );
  }

  /** The first of them, at most `limit`. */
  async #slotsAfter(after: number, last: number, limit: number): Promise<readonly number[]> {
    for (let first = after + 1; first <= last; first += SLOTS_PER_QUESTION) {
      const slots = await this.#node.slotsWithBlocks(first, Math.min(first + SLOTS_PER_QUESTION - 1, last));
      if (slots.length > 0) return slots.slice(0, limit);
    }
    return [];
  }

  #scan(slot: number, interest: Interest) {
    const transfers = (transactions: readonly RawTransaction[]) =>
      transactions.flatMap((transaction) => transfersIn(transaction, this.#sights, interest));
    return this.#node.block(slot, transfers, interest.refresh);
  }
}

function idOf({ ref: { height, hash } }: BlockHeader): { height: number; hash: string } {
  return { height, hash };
}
