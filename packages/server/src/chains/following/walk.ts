/**
 * From the last reported block to the main chain's next ones: linked by parent hash, or, where they are not, from the
 * last common block on. Asks and compares; changes nothing.
 */
import {
  BlockGone,
  type BlockId,
  type BlockSource,
  type FollowedHead,
  type Interest,
  NodeProblem,
  type SourceBlock,
} from "./block-source.ts";
import { hashAt, type Position, tipOf } from "./position.ts";

export interface Walk {
  /** Blocks that the chain has dropped, newest first. */
  disconnected: readonly BlockId[];
  /** Oldest first. */
  connected: readonly SourceBlock[];
}

const NOTHING: Walk = { disconnected: [], connected: [] };

/**
 * @param limit blocks at most, if not more were dropped
 * @throws BlockGone when the chain moved meanwhile: ask again
 * @throws NodeProblem when the node is on another chain
 */
export async function walk(
  source: BlockSource,
  position: Position,
  head: FollowedHead,
  limit: number,
  interest: Interest,
): Promise<Walk> {
  const tip = tipOf(position);
  if (head.hash === tip.hash) return NOTHING;
  if (head.height < tip.height) return behind(source, position, head);
  if (head.height > tip.height) {
    const connected = await source.blocksAfter(tip.height, head, limit, interest);
    const [first] = connected;
    if (!first) throw new BlockGone(`there is nothing between block ${tip.height} and the head ${head.height}`);
    if (first.parentHash === tip.hash) return { disconnected: [], connected: linked(connected) };
  }
  return reorganisation(source, position, head, limit, interest);
}

/** A node that lags a little is none of our business; one that has another chain which is shorter is not followed:
 * chains do not become shorter, and a node that starts anew must not take anything back. */
async function behind(source: BlockSource, position: Position, head: FollowedHead): Promise<Walk> {
  const followed = hashAt(position, head.height);
  const [now] = followed === undefined ? [await onlyHash(source, head.height)] : [head.hash];
  if (followed === undefined || followed === now) return NOTHING;
  throw new NodeProblem(
    `The node's chain ends at height ${head.height} with another block than was followed there, and blocks up to ${tipOf(position).height} have been followed: it is behind, or on a fork. Nothing is taken back; following goes on when its chain is as long.`,
  );
}

async function onlyHash(source: BlockSource, height: number): Promise<string | null> {
  const [hash = null] = await source.hashesAt([height]);
  return hash;
}

async function reorganisation(
  source: BlockSource,
  position: Position,
  head: FollowedHead,
  limit: number,
  interest: Interest,
): Promise<Walk> {
  const { blocks } = position;
  const onChain = await source.hashesAt(blocks.map(({ height }) => height));
  const depth = blocks.findIndex(({ hash }, place) => hash === onChain[place]);
  if (depth === 0) throw new BlockGone("the last reported block is on the main chain again");
  if (depth < 0) {
    throw new NodeProblem(
      `None of the last ${blocks.length} blocks that were followed (up to height ${tipOf(position).height}) is on the node's main chain. Nothing is reported, because payments could be missed. Is this another node, still synchronising or with another history? Connect the right one; if the chain really was reorganised that deeply, the payments since then have to be looked at by hand.`,
    );
  }
  const disconnected = blocks.slice(0, depth);
  const fork = blocks[depth] as BlockId;
  const connected = await readPast(source, fork, head, Math.max(limit, depth + 1), interest);
  return { disconnected, connected };
}

/** A source may give fewer than it was asked for: what replaces dropped blocks is one report. */
async function readPast(
  source: BlockSource,
  fork: BlockId,
  head: FollowedHead,
  count: number,
  interest: Interest,
): Promise<SourceBlock[]> {
  const connected: SourceBlock[] = [];
  let last: BlockId = fork;
  while (connected.length < count && last.height < head.height) {
    const more = await source.blocksAfter(last.height, head, count - connected.length, interest);
    if (more[0]?.parentHash !== last.hash) throw new BlockGone(`what follows block ${last.height} is another one now`);
    connected.push(...more);
    last = (more.at(-1) as SourceBlock).ref;
  }
  return linked(connected);
}

/** @throws BlockGone at the first block whose parent is not the one before */
function linked(blocks: readonly SourceBlock[]): SourceBlock[] {
  for (const [place, { ref, parentHash }] of blocks.entries()) {
    const before = blocks[place - 1];
    if (before && parentHash !== before.ref.hash) throw new BlockGone(`block ${ref.height} has another parent now`);
  }
  return [...blocks];
}
