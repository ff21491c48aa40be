/** What a chain brings so that `chain-follow` can measure its watcher: a node full of blocks, and the watcher on it. */
import type { Watcher } from "../../packages/server/src/chains/watcher.ts";
import type { Clock } from "../../packages/server/src/kit/clock.ts";

export interface Shape {
  blocks: number;
  /** In each block. */
  transactions: number;
}

/** A block of the node, as a cursor holds it. */
export interface Beginning {
  height: number;
  hash: string;
  timeMs: number;
}

/** A node that runs, with all its blocks. */
export interface FullNode {
  /** What `open` needs to reach it; JSON. */
  settings: unknown;
  /** The block below the first one that counts. */
  begin: Beginning;
  /** The last one. */
  headHeight: number;
  stop(): Promise<void>;
}

export interface FollowedChain {
  /** Time between two blocks of the public network, milliseconds. */
  blockMs: number;
  /** Every block pays the next of these addresses once. */
  fill(shape: Shape, paid: readonly string[], clock: Clock): Promise<FullNode>;
  /** The same for the same index, in every process. */
  address(index: number): string;
  open(settings: unknown, clock: Clock): Watcher;
}
