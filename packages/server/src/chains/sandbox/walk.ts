/** From where the watcher stands to where the chain's best branch is: which blocks were dropped, which came. */
import type { SandboxBlock } from "./ledger.ts";
import type { SandboxNode } from "./node.ts";

/** The block up to which everything was reported. This is the watcher's cursor: the node still knows dropped blocks, so
 * the fork is found by walking back from it along the parent hashes. */
export interface SandboxPosition {
  height: number;
  hash: string;
  /** How far the chain had come (`SandboxHead.nextNumber`) when all of it up to then had been reported, its mempool too.
   * Left out where nobody waits for word of it. */
  nextNumber?: number;
}

export interface Walk {
  /** Newest first. */
  disconnected: readonly SandboxBlock[];
  /** Ascending. */
  connected: readonly SandboxBlock[];
}

/** Thrown when the chain was reorganised while it was being read: read again. */
export class ChainMoved extends Error {
  override readonly name = "ChainMoved";
}

/** At most `maxBlocks` new blocks, more where a longer branch replaces dropped ones: what a reorganisation moves is to be
 * reported with it. `null` starts before the first block.
 * @throws ChainMoved */
export async function walk(node: SandboxNode, from: SandboxPosition | null, maxBlocks: number): Promise<Walk> {
  const { fork, disconnected } = await findFork(node, from);
  const connected: SandboxBlock[] = [];
  const most = maxBlocks + disconnected.length;
  let parent = fork;
  while (connected.length < most) {
    const block = await node.blockAt((parent?.height ?? -1) + 1);
    if (!block) break;
    if (block.parentHash !== (parent?.hash ?? null)) throw new ChainMoved("The chain moved while it was being read.");
    connected.push(block);
    parent = block;
  }
  return { disconnected, connected };
}

async function findFork(node: SandboxNode, from: SandboxPosition | null) {
  const disconnected: SandboxBlock[] = [];
  let at = from;
  while (at) {
    const onBestBranch = await node.blockAt(at.height);
    if (onBestBranch?.hash === at.hash) break;
    const dropped = await node.block(at.hash);
    if (!dropped) throw new Error(`The sandbox chain does not know block ${at.hash}, up to which it was watched.`);
    disconnected.push(dropped);
    at = dropped.parentHash === null ? null : { height: dropped.height - 1, hash: dropped.parentHash };
  }
  return { fork: at, disconnected };
}
