/**
 * Where following begins at the first start: at the node's head, since no payment is older than the server. If the node
 * could not be reached at once, before the moment at which the watcher was started.
 */
import { BlockGone, type BlockSource, type FollowedHead } from "./block-source.ts";
import { type Position, REMEMBERED_BLOCKS } from "./position.ts";

/** How far a block's clock may be ahead or behind, milliseconds. */
const BLOCK_CLOCK_SLACK_MS = 60_000;

/**
 * @param sinceMs begin at a block that is older than this; `null`: at the head
 * @throws BlockGone, EndpointFailure, NodeProblem
 */
export async function firstPosition(
  source: BlockSource,
  head: FollowedHead,
  sinceMs: number | null,
  countedHeight: number,
): Promise<Position> {
  let { ref } = await source.blockAt(head.height);
  if (sinceMs !== null) {
    // Twice as far back each time: the blocks in between are read once more, which is harmless.
    for (let back = 1; ref.timeMs > sinceMs - BLOCK_CLOCK_SLACK_MS && ref.height > 0; back *= 2) {
      ref = await blockAtOrBelow(source, Math.max(0, head.height - back));
    }
  }
  const heights = Array.from({ length: Math.min(REMEMBERED_BLOCKS - 1, ref.height) }, (_, n) => ref.height - 1 - n);
  const hashes = await source.hashesAt(heights);
  const below = heights.flatMap((height, place) => {
    const hash = hashes[place] ?? null;
    return hash === null ? [] : [{ height, hash }];
  });
  return {
    blocks: [{ height: ref.height, hash: ref.hash }, ...below],
    timeMs: ref.timeMs,
    countedHeight: Math.max(0, Math.min(countedHeight, ref.height)),
  };
}

/** Heights may have holes. */
async function blockAtOrBelow(source: BlockSource, height: number) {
  for (let lower = height; ; lower -= 1) {
    try {
      return (await source.blockAt(lower)).ref;
    } catch (error) {
      if (!(error instanceof BlockGone) || lower === 0) throw error;
    }
  }
}
