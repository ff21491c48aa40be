/**
 * Where the watcher stands: the last block that was reported, and the hashes before it, so that a fork is found even
 * when the node no longer knows the blocks that the chain has dropped.
 */
export interface BitcoinCursor {
  height: number;
  /** Hashes of the blocks at `height`, `height - 1`, …; at most `CURSOR_HASHES`. */
  hashes: readonly string[];
}

/** The deepest reorganisation that is followed by itself, in blocks. Beyond it the operator has to look. */
export const CURSOR_HASHES = 100;

export class InvalidCursor extends Error {
  override readonly name = "InvalidCursor";
}

/** @throws InvalidCursor when the stored value was not written by this watcher */
export function parseCursor(stored: unknown): BitcoinCursor {
  const { height, hashes } = (stored ?? {}) as { height?: unknown; hashes?: unknown };
  const valid =
    Number.isSafeInteger(height) &&
    (height as number) >= 0 &&
    Array.isArray(hashes) &&
    hashes.length > 0 &&
    hashes.every((hash) => typeof hash === "string" && /^[0-9a-f]{64}$/.test(hash));
  if (!valid) {
    throw new InvalidCursor(
      "The stored cursor of this chain was not written by the Bitcoin watcher: was the chain's name used for another kind of chain before?",
    );
  }
  return { height: height as number, hashes: hashes as string[] };
}

export function tipHash(cursor: BitcoinCursor): string {
  return cursor.hashes[0] as string;
}

/** The cursor after the chain has dropped its blocks above `forkHeight` and added `connected`, oldest first. */
export function advance(cursor: BitcoinCursor, forkHeight: number, connected: readonly string[]): BitcoinCursor {
  const kept = cursor.hashes.slice(cursor.height - forkHeight);
  return {
    height: forkHeight + connected.length,
    hashes: [...connected.toReversed(), ...kept].slice(0, CURSOR_HASHES),
  };
}
