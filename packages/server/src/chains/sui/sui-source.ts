/** Sui as a chain of linked blocks: checkpoints, read one by one from a node. */
import type { GrpcTypes } from "@mysten/sui/grpc";
import { normalizeSuiAddress } from "@mysten/sui/utils";
import { pause } from "../../kit/retry.ts";
import type { BlockRef } from "../../payments/transfer.ts";
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
import { inParallel } from "../following/in-parallel.ts";
import { isDigest } from "./address.ts";
import { BalanceIndex, TELLING_FIELDS, type Telling, tellingOf } from "./balance-index.ts";
import { HEADER_FIELDS, heightOf, parentOf, present, refOf } from "./checkpoint.ts";
import { followCheckpoints } from "./checkpoint-stream.ts";
import type { CoinRegistry } from "./coins.ts";
import { intentHashesIn } from "./intent-hash.ts";
import { nameOfChainId } from "./network.ts";
import { PAYMENT_FIELDS, paymentsIn, type SuiPayment } from "./payments-in.ts";
import type { SuiNode } from "./sui-node.ts";

export interface SuiSourceOptions {
  node: SuiNode;
  coins: CoinRegistry;
  /** Digest of the genesis checkpoint of the network that is meant. */
  chainId: string;
  /** Whose events say an intent hash; `null`: anybody's. */
  settlementPackages: readonly string[] | null;
}

/** Checkpoints that are asked for at a time, and transactions of each. */
const PARALLEL = 8;
const PARALLEL_EVENTS = 4;
const EVENT_FIELDS = ["events.events.package_id", "events.events.json"];
const BLOCK_FIELDS = [
  ...new Set([...HEADER_FIELDS, ...TELLING_FIELDS, ...PAYMENT_FIELDS.map((field) => `transactions.${field}`)]),
];
/** How long the node's index is waited for, which is behind its head by moments. */
const INDEX_PAUSE_MS = 100;
const INDEX_LOOKS = 30;
/** Checkpoints below the head in which a proof is looked for that the index has come so far. */
const PROOF_CHECKPOINTS = 20;

/** A checkpoint as it was read. */
interface ReadCheckpoint {
  block: SourceBlock;
  telling: Telling;
}

export class SuiSource implements BlockSource {
  readonly name: string;
  readonly #node: SuiNode;
  readonly #coins: CoinRegistry;
  readonly #chainId: string;
  readonly #packages: ReadonlySet<string> | null;
  readonly #index = new BalanceIndex();
  readonly #closing = new AbortController();

  constructor({ node, coins, chainId, settlementPackages }: SuiSourceOptions) {
    this.name = node.name;
    this.#node = node;
    this.#coins = coins;
    this.#chainId = chainId;
    this.#packages = settlementPackages && new Set(settlementPackages.map((address) => normalizeSuiAddress(address)));
  }

  async check(): Promise<null> {
    const { chainId } = await this.#node.serviceInfo();
    if (present(chainId, "chain_id") === this.#chainId) return null;
    const [is, expected] = [nameOfChainId(chainId as string), nameOfChainId(this.#chainId)];
    throw new NodeProblem(
      `${this.name} is on ${is}, and ${expected} is expected: give another URL, or correct network.`,
    );
  }

  /** The newest certified checkpoint, which is final by itself. */
  async head(): Promise<FollowedHead> {
    const checkpoint = await this.#node.checkpoint("latest", ["sequence_number", "digest"]);
    if (checkpoint === null) throw new EndpointFailure(`${this.name} has no checkpoint yet.`);
    const { sequenceNumber, digest } = checkpoint;
    return { height: heightOf(sequenceNumber), hash: present(digest, "digest"), finalized: null };
  }

  async blocksAfter(
    after: number,
    head: FollowedHead,
    limit: number,
    interest: Interest,
  ): Promise<readonly SourceBlock[]> {
    const count = Math.max(0, Math.min(limit, head.height - after));
    const heights = Array.from({ length: count }, (_, place) => after + 1 + place);
    for (let looks = 1; ; looks += 1) {
      const read = await inParallel(PARALLEL, heights, (height) => this.#read(height, interest));
      const believable = await this.#believable(read, head);
      if (believable > 0 || count === 0) return read.slice(0, believable).map(({ block }) => block);
      if (looks === INDEX_LOOKS || this.#closing.signal.aborted) throw this.#untold(after + 1);
      await pause(INDEX_PAUSE_MS, this.#closing.signal);
    }
  }

  async hashesAt(heights: readonly number[]): Promise<readonly (string | null)[]> {
    return inParallel(PARALLEL, heights, async (height) => {
      const checkpoint = await this.#node.checkpoint(height, ["digest"]);
      return checkpoint && present(checkpoint.digest, "digest");
    });
  }

  async blockAt(height: number): Promise<{ ref: BlockRef; parentHash: string }> {
    const checkpoint = await this.#node.checkpoint(height, HEADER_FIELDS);
    if (checkpoint === null) throw new BlockGone(`${this.name} has no checkpoint ${height}.`);
    return { ref: refOf(checkpoint, height), parentHash: parentOf(checkpoint) };
  }

  async transaction(txId: string, interest: Interest): Promise<FoundTransaction | null> {
    if (!isDigest(txId)) return null;
    const transaction = await this.#node.transaction(txId, [...PAYMENT_FIELDS, "checkpoint"]);
    if (transaction === null) return null;
    const transfers = await this.#transfersIn(transaction, interest);
    if (transaction.checkpoint === undefined) return { block: null, transfers };
    return { block: (await this.blockAt(heightOf(transaction.checkpoint))).ref, transfers };
  }

  subscribe(onNews: () => void, onTrouble: (message: string) => void): () => void {
    return followCheckpoints(this.#node, onNews, onTrouble);
  }

  close(): void {
    this.#closing.abort();
    this.#node.close();
  }

  /** How many of what was read in a row are complete. */
  async #believable(read: readonly ReadCheckpoint[], head: FollowedHead): Promise<number> {
    const tellings = read.map(({ telling }) => telling);
    const believable = this.#index.believable(tellings);
    const last = tellings.at(-1);
    if (believable > 0 || !last || last.height >= head.height) return believable;
    const count = Math.min(PROOF_CHECKPOINTS, head.height - last.height);
    const heights = Array.from({ length: count }, (_, below) => head.height - below);
    const later = await inParallel(PARALLEL, heights, (height) => this.#node.checkpoint(height, TELLING_FIELDS));
    for (const checkpoint of later) if (checkpoint !== null) this.#index.saw(tellingOf(checkpoint));
    return this.#index.believable(tellings);
  }

  #untold(height: number): EndpointFailure {
    return new EndpointFailure(
      `${this.name} tells of no balance change in checkpoint ${height}, though there are transactions: its index is behind or switched off (enable-indexing), and payments would be missed.`,
    );
  }

  async #read(height: number, interest: Interest): Promise<ReadCheckpoint> {
    const checkpoint = await this.#node.checkpoint(height, BLOCK_FIELDS);
    if (checkpoint === null) throw await this.#whyMissing(height);
    await interest.refresh();
    const transfers = await inParallel(PARALLEL_EVENTS, checkpoint.transactions, (transaction) =>
      this.#transfersIn(transaction, interest),
    );
    const block: SourceBlock = {
      ref: refOf(checkpoint, height),
      parentHash: parentOf(checkpoint),
      transfers: transfers.flat(),
      spenders: [],
    };
    return { block, telling: tellingOf(checkpoint) };
  }

  /** Below the head it has been pruned, or behind this address there are several nodes and one is late. */
  async #whyMissing(height: number): Promise<Error> {
    const { lowestAvailableCheckpoint } = await this.#node.serviceInfo();
    const lowest = lowestAvailableCheckpoint === undefined ? null : heightOf(lowestAvailableCheckpoint);
    if (lowest === null || lowest <= height) {
      return new EndpointFailure(`${this.name} has named its head, but does not have checkpoint ${height} below it.`);
    }
    return new BlocksMissing(
      `${this.name} has checkpoints from ${lowest} on only, and ${height} is the next one to be read: payments could be missed. Add an endpoint that keeps them longer.`,
      lowest,
    );
  }

  async #transfersIn(transaction: GrpcTypes.ExecutedTransaction, interest: Interest): Promise<SightedTransfer[]> {
    const payments = paymentsIn(transaction, this.#coins, interest.knows);
    if (payments.length === 0) return [];
    const txId = present(transaction.digest, "digest");
    const intentHashes = await this.#intentHashesOf(txId);
    return payments.flatMap((payment) => {
      const { recipient, payers, asset, amountAtomic } = payment;
      const key = interest.keyFor(recipient, { txId, payers, intentHashes });
      if (key === null) return [];
      return [{ txId, index: indexOf(payment), asset, amountAtomic, recipient: key, failed: false, spends: [] }];
    });
  }

  /** Asked for only where somebody is paid who is known: the events of all transactions are the largest part of them. */
  async #intentHashesOf(txId: string): Promise<readonly string[]> {
    const transaction = await this.#node.transaction(txId, EVENT_FIELDS);
    if (transaction === null)
      throw new EndpointFailure(`${this.name} does not know ${txId}, which it has named itself.`);
    return intentHashesIn(transaction.events?.events ?? [], this.#packages);
  }
}

/** One address has one change of each coin in a transaction. */
function indexOf({ recipient, coinType }: SuiPayment): string {
  return `${recipient}:${coinType}`;
}
