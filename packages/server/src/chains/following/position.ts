/**
 * Where a watcher stands: the last block that was reported and those before it, so that a fork is found even when the
 * node no longer knows the blocks that the chain has dropped. Stored as the chain's cursor.
 */
import type { BlockRef } from "../../payments/transfer.ts";
import type { BlockId } from "./block-source.ts";

export interface Position {
  /** Newest first, at least one, at most `REMEMBERED_BLOCKS`. Heights may have holes. */
  blocks: readonly BlockId[];
  /** The block's own time of the newest one, milliseconds. */
  timeMs: number;
  /** Up to which height confirmations were counted. */
  countedHeight: number;
}

/** The deepest reorganisation that is followed by itself, in blocks. Beyond it the operator has to look. */
export const REMEMBERED_BLOCKS = 100;

export class InvalidCursor extends Error {
  override readonly name = "InvalidCursor";
}

export function tipOf({ blocks }: Position): BlockId {
  return blocks[0] as BlockId;
}

/** The hash of the followed block at this height; `undefined`: none, or too long ago. */
export function hashAt({ blocks }: Position, height: number): string | undefined {
  return blocks.find((block) => block.height === height)?.hash;
}

/** After the chain has dropped the newest `dropped` blocks and added `connected`, oldest first. */
export function advance(position: Position, dropped: number, connected: readonly BlockRef[]): Position {
  const last = connected.at(-1);
  const added = connected.map(({ height, hash }) => ({ height, hash })).reverse();
  return {
    blocks: [...added, ...position.blocks.slice(dropped)].slice(0, REMEMBERED_BLOCKS),
    timeMs: last?.timeMs ?? position.timeMs,
    countedHeight: position.countedHeight,
  };
}

/** @throws InvalidCursor when the stored value was not written by such a watcher */
export function parsePosition(stored: unknown): Position {
  const { blocks, timeMs, countedHeight } = (stored ?? {}) as Partial<Record<keyof Position, unknown>>;
  const valid =
    Array.isArray(blocks) &&
    blocks.length > 0 &&
    blocks.every((block) => isHeight(block?.height) && typeof block?.hash === "string" && block.hash !== "") &&
    Number.isSafeInteger(timeMs) &&
    isHeight(countedHeight);
  if (!valid) {
    throw new InvalidCursor(
      "The stored cursor of this chain was not written by this kind of watcher: was the chain's name used for another kind of chain before?",
    );
  }
  return { blocks: blocks as BlockId[], timeMs: timeMs as number, countedHeight: countedHeight as number };
}

const isHeight = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
