/** When the last blocks of each chain were noticed: what a frame's delay is counted from. */
import type { LogRecord } from "../log/event-log.ts";

/** Per chain. Frames that a block causes are written within moments of it. */
const BLOCKS_KEPT = 64;

export class BlockTimes {
  readonly #noticedAtMs = new Map<string, Map<number, number>>();

  noticed(chain: string, height: number, atMs: number): void {
    const blocks = this.#noticedAtMs.get(chain) ?? new Map<number, number>();
    this.#noticedAtMs.set(chain, blocks);
    // Anew at the end, so that the oldest goes first.
    blocks.delete(height);
    blocks.set(height, atMs);
    if (blocks.size <= BLOCKS_KEPT) return;
    const oldest = blocks.keys().next();
    if (!oldest.done) blocks.delete(oldest.value);
  }

  /** When the block was noticed that caused the event: the one that holds its transfer, or that gave it its latest
   * confirmation. `null`: no block did, or it is too long ago. */
  causeOf({ data }: LogRecord): { chain: string; atMs: number } | null {
    const chain = data.payment?.chain;
    const transfer = data.transfers.find(({ blockHeight }) => blockHeight !== null);
    if (chain === undefined || !transfer || transfer.blockHeight === null) return null;
    const height = transfer.blockHeight + Math.max(0, transfer.confirmations - 1);
    const atMs = this.#noticedAtMs.get(chain)?.get(height);
    return atMs === undefined ? null : { chain, atMs };
  }
}
