/**
 * Follows the main chain block by block, each linked to the one before by its parent hash. When the chain has dropped
 * blocks that were reported, one report takes them back and gives those that replace them.
 *
 * First start: there is no cursor, and following begins at the node's current tip, since no payment is older than the
 * server. If the node could not be reached at once, it begins before the moment at which the watcher was started.
 */
import type { BlockRef, Observation } from "../../payments/transfer.ts";
import type { HeaderInfo } from "./bitcoind.ts";
import { readHeader, type ScannedBlock, scanBlock } from "./block-scanner.ts";
import { advance, type BitcoinCursor, CURSOR_HASHES, tipHash } from "./cursor.ts";
import { fatesOf, type MempoolFate, settle } from "./fates.ts";
import { RPC_NOT_FOUND, RpcError } from "./rpc-answer.ts";
import { NodeProblem, observe, type WatchRun } from "./run.ts";
import type { TrackedTransaction } from "./tracked-transactions.ts";
import type { Interest, ScannedTransaction } from "./transaction-scanner.ts";

/** The chain changed between two questions: ask again. */
class ChainMoved extends Error {
  override readonly name = "ChainMoved";
}

/** Blocks that one report after a reorganisation holds at most, if more were not dropped. */
const BLOCKS_PER_REPORT = 100;
/** How often a chain that moves under our questions is asked again at once. */
const MAX_MOVES = 10;
/** How far a block's clock may be behind when it is mined: the rules only want it above the median of eleven. */
const BLOCK_CLOCK_SLACK_MS = 2 * 60 * 60_000;
/** Blocks to go back at most when the first contact is late: two weeks of blocks. */
const MAX_BLOCKS_BACK = 2_016;

interface ChainStep {
  forkHeight: number;
  disconnected: readonly { height: number; hash: string }[];
  /** Oldest first. */
  connected: readonly ScannedBlock[];
  head: BlockRef;
  /** What became of followed transactions that were in dropped blocks and are in none now. */
  fates: readonly { transaction: TrackedTransaction; fate: MempoolFate }[];
}

export class ChainFollower {
  readonly #run: WatchRun;
  readonly #interest: Interest;
  readonly #onOrphaned: (txId: string) => void;

  /** `onOrphaned`: this transaction's block was dropped, no other block has it so far, and what became of it could not
   * be found out yet. */
  constructor(run: WatchRun, onOrphaned: (txId: string) => void) {
    this.#run = run;
    this.#onOrphaned = onOrphaned;
    this.#interest = {
      watches: (recipient) => run.sink.watches(recipient),
      spends: (outpointHex) => run.tracked.spendsOutpoint(outpointHex),
      get anySpends() {
        return run.tracked.anySpends;
      },
    };
  }

  /**
   * Reports the next block, or a whole reorganisation.
   * @returns false when there is nothing more to report
   * @throws NodeProblem, NodeUnreachable, RpcError
   */
  async step(): Promise<boolean> {
    for (let moves = 0; ; moves += 1) {
      try {
        const noticedAtMs = this.#run.clock.nowMs();
        const step = await this.#plan(this.#cursor());
        if (step) await this.#report(this.#cursor(), step, noticedAtMs);
        return step !== null;
      } catch (error) {
        if (!(error instanceof ChainMoved) || moves >= MAX_MOVES) throw error;
      }
    }
  }

  /** Has everything up to the node's tip been reported? */
  async isAtTip(): Promise<boolean> {
    return (await this.#run.node.bestBlockHash()) === tipHash(this.#cursor());
  }

  /** First start: see the head of this file. `sinceMs`: when the watcher was started, if the first contact was late. */
  async begin(sinceMs: number | null): Promise<void> {
    const { node } = this.#run;
    let block = await node.header(await node.bestBlockHash());
    for (let back = 0; sinceMs !== null && back < MAX_BLOCKS_BACK; back += 1) {
      if (block.timeMs <= sinceMs - BLOCK_CLOCK_SLACK_MS || block.previousHash === null) break;
      block = await node.header(block.previousHash);
    }
    const cursor = { height: block.height, hashes: await this.#hashesBelow(block) };
    const head = { height: block.height, hash: block.hash, timeMs: block.timeMs };
    await this.#run.apply({ disconnected: [], observations: [], head, cursor, watchedUntilMs: null });
    this.#run.cursor = cursor;
    this.#run.logger.info({ chain: this.#run.facts.chain, height: block.height }, "first start: following begins here");
  }

  async #hashesBelow(block: HeaderInfo): Promise<string[]> {
    const heights = descending(block.height - 1, Math.min(CURSOR_HASHES - 1, block.height));
    const below = await this.#run.node.blockHashes(heights);
    return [block.hash, ...below.filter((hash) => hash !== null)];
  }

  #cursor(): BitcoinCursor {
    if (!this.#run.cursor) throw new Error("The chain is followed before its first block is known.");
    return this.#run.cursor;
  }

  async #plan(cursor: BitcoinCursor): Promise<ChainStep | null> {
    const { node } = this.#run;
    const best = await node.bestBlockHash();
    if (best === tipHash(cursor)) return null;
    const [next] = await node.blockHashes([cursor.height + 1]);
    if (next) {
      const raw = await this.#read(next, cursor.height + 1);
      if (readHeader(raw).previousHash === tipHash(cursor)) {
        const block = this.#scan(raw, cursor.height + 1);
        return { forkHeight: cursor.height, disconnected: [], connected: [block], head: block.ref, fates: [] };
      }
    }
    return this.#planReorganisation(cursor);
  }

  async #planReorganisation(cursor: BitcoinCursor): Promise<ChainStep> {
    const { node } = this.#run;
    const tip = await node.header(await node.bestBlockHash());
    // Chains do not become shorter by themselves; a node that starts anew or is put in the place of another may have
    // less of the same one, and nothing is to be taken back for that.
    if (tip.height < cursor.height) {
      throw new NodeProblem(
        `The node's chain ends at height ${tip.height}, but blocks up to ${cursor.height} have been followed: it is behind. Nothing is taken back; following goes on when it has caught up.`,
      );
    }
    const heights = descending(cursor.height, cursor.hashes.length);
    const onChain = await node.blockHashes(heights);
    const depth = onChain.findIndex((hash, place) => hash === cursor.hashes[place]);
    if (depth === 0) throw new ChainMoved("the last reported block is on the main chain again");
    if (depth < 0) {
      throw new NodeProblem(
        `None of the last ${cursor.hashes.length} blocks that were followed (up to height ${cursor.height}) is on the node's main chain. Nothing is reported, because payments could be missed. Is this another node, still synchronising or with another history? Connect the right one; if the chain really was reorganised that deeply, the payments since then have to be looked at by hand.`,
      );
    }
    const disconnected = heights
      .slice(0, depth)
      .map((height, place) => ({ height, hash: cursor.hashes[place] as string }));
    for (const block of disconnected) await this.#recall(block);
    const forkHeight = cursor.height - depth;
    const count = Math.min(tip.height - forkHeight, Math.max(depth + 1, BLOCKS_PER_REPORT));
    const connected = await this.#readFrom(forkHeight, cursor.hashes[depth] as string, count);
    const head = (connected.at(-1) as ScannedBlock).ref;
    if (head.height === tip.height && head.hash !== tip.hash) throw new ChainMoved("the tip is another now");
    const fates = head.hash === tip.hash ? await this.#fates(disconnected, connected, tip.hash) : [];
    return { forkHeight, disconnected, connected, head, fates };
  }

  /** Told in the same report as the dropped blocks, so that a transfer which went back to the mempool is one event. */
  async #fates(
    disconnected: readonly { hash: string }[],
    connected: readonly ScannedBlock[],
    tip: string,
  ): Promise<{ transaction: TrackedTransaction; fate: MempoolFate }[]> {
    const { node, tracked } = this.#run;
    const decided = new Set<string>();
    for (const { txId, spends } of connected.flatMap(({ transactions }) => transactions)) {
      decided.add(txId);
      for (const loser of tracked.conflictsOf(txId, spends)) decided.add(loser.txId);
    }
    const open = tracked
      .includedIn(new Set(disconnected.map(({ hash }) => hash)))
      .filter(({ txId }) => !decided.has(txId));
    if (open.length === 0) return [];
    const fates = await fatesOf(node, open, tip);
    if (fates === "moved") throw new ChainMoved("a block came while the mempool was asked");
    if (fates === "loading") return [];
    return open.map((transaction, place) => ({ transaction, fate: fates[place] as MempoolFate }));
  }

  async #readFrom(forkHeight: number, forkHash: string, count: number): Promise<ScannedBlock[]> {
    const heights = Array.from({ length: count }, (_, place) => forkHeight + 1 + place);
    const hashes = await this.#run.node.blockHashes(heights);
    const blocks: ScannedBlock[] = [];
    let parent = forkHash;
    for (const [place, hash] of hashes.entries()) {
      const height = heights[place] as number;
      if (hash === null) throw new ChainMoved(`there is no block ${height} any more`);
      const raw = await this.#read(hash, height);
      if (readHeader(raw).previousHash !== parent) throw new ChainMoved(`block ${height} has another parent now`);
      blocks.push(this.#scan(raw, height));
      parent = hash;
    }
    return blocks;
  }

  /** Transactions in a dropped block that were final are not followed any more: take them up again, so that a double
   * spend of them is recognised. The node may have forgotten the block; then they count as dropped at worst. */
  async #recall(block: { height: number; hash: string }): Promise<void> {
    const { node, tracked, logger, facts } = this.#run;
    try {
      const scanned = this.#scan(await node.rawBlock(block.hash), block.height);
      for (const transaction of scanned.transactions) {
        if (tracked.get(transaction.txId) || transaction.outputs.length === 0) continue;
        this.#track(transaction, scanned.ref);
      }
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      logger.info(
        { chain: facts.chain, block: block.hash },
        "the node no longer has a block that the chain has dropped",
      );
    }
  }

  /** With everything known for which it may be looked through. */
  async #read(hash: string, height: number): Promise<Buffer> {
    let raw: Buffer;
    try {
      raw = await this.#run.node.rawBlock(hash);
    } catch (error) {
      if (error instanceof RpcError && error.code === RPC_NOT_FOUND) throw new ChainMoved(error.message);
      if (error instanceof RpcError && /prun/i.test(error.message)) throw pruned(height);
      throw error;
    }
    const header = readHeader(raw);
    if (header.hash !== hash) throw new NodeProblem(`The node gave block ${header.hash} when asked for ${hash}.`);
    await this.#run.refresh();
    return raw;
  }

  #scan(raw: Buffer, height: number): ScannedBlock {
    const { hash, timeMs } = readHeader(raw);
    return { ref: { height, hash, timeMs }, transactions: scanBlock(raw, this.#interest) };
  }

  async #report(cursor: BitcoinCursor, step: ChainStep, noticedAtMs: number): Promise<void> {
    const dropped = new Set(step.disconnected.map(({ hash }) => hash));
    for (const transaction of this.#run.tracked.includedIn(dropped)) {
      this.#run.tracked.set({ ...transaction, state: "orphaned", block: null });
      this.#onOrphaned(transaction.txId);
    }
    const observations = step.connected.flatMap((block) => this.#connect(block, step.head.height));
    for (const { transaction, fate } of step.fates) observations.push(...settle(this.#run, transaction, fate));
    const connected = step.connected.map(({ ref }) => ref.hash);
    const next = advance(cursor, step.forkHeight, connected);
    await this.#run.apply({
      disconnected: step.disconnected,
      observations,
      head: step.head,
      noticedAtMs,
      cursor: next,
      // A block's own time would claim too much: what waited in the mempool until then may not have been read yet.
      watchedUntilMs: this.#run.watchedUntilMs,
    });
    this.#run.cursor = next;
    this.#run.silence.heardBlock(this.#run.clock.nowMs());
    this.#run.tracked.forgetBelow(next.height - CURSOR_HASHES);
  }

  #connect(block: ScannedBlock, headHeight: number): Observation[] {
    const { tracked } = this.#run;
    const confirmations = headHeight - block.ref.height + 1;
    const observations: Observation[] = [];
    for (const transaction of block.transactions) {
      for (const loser of tracked.conflictsOf(transaction.txId, transaction.spends)) {
        observations.push(...observe(this.#run, loser, { status: "replaced", replacedBy: transaction.txId }));
        tracked.delete(loser.txId);
      }
      const included = this.#track(transaction, block.ref);
      if (!included) continue;
      observations.push(...observe(this.#run, included, { status: "included", block: block.ref, confirmations }));
    }
    return observations;
  }

  #track(transaction: ScannedTransaction, block: BlockRef) {
    const { tracked, clock } = this.#run;
    const known = tracked.get(transaction.txId);
    if (!known && transaction.outputs.length === 0) return null;
    tracked.set({
      txId: transaction.txId,
      outputs: transaction.outputs.length > 0 ? transaction.outputs : (known?.outputs ?? []),
      spends: transaction.spends,
      state: "included",
      block,
      firstSeenAtMs: known?.firstSeenAtMs ?? clock.nowMs(),
      replaceable: known?.replaceable ?? transaction.signalsReplaceability,
    });
    return tracked.get(transaction.txId) ?? null;
  }
}

function descending(from: number, count: number): number[] {
  return Array.from({ length: count }, (_, place) => from - place);
}

export function pruned(height: number): NodeProblem {
  return new NodeProblem(
    `The node has pruned block ${height}, which has not been watched yet. Nothing is reported, because payments in it would be missed: connect a node that still has it (or raise -prune and download again).`,
  );
}
