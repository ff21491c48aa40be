/** A block source that answers as a test says, over a made-up chain of linked blocks. Simulated: it speaks to no node. */
import type { BlockSource, FollowedHead, Interest, SourceBlock } from "../src/chains/following/block-source.ts";

export const nobodyWaits: Interest = {
  keyFor: () => null,
  knows: () => false,
  followsSpend: () => false,
  refresh: async () => undefined,
};

export type QuestionName = "check" | "head" | "blocksAfter" | "hashesAt" | "blockAt" | "transaction";

const hashOf = (height: number, branch: string) => `${branch}-${height}`;

export class ScriptedSource implements BlockSource {
  readonly name: string;
  height = 100;
  /** Blocks of another branch have other hashes. */
  branch = "main";
  /** What was asked, in order. */
  readonly asked: QuestionName[] = [];
  /** Set: awaited before each answer; one that rejects comes in its place, one that never settles is a stalled socket. */
  fault: ((question: QuestionName) => Promise<unknown> | undefined) | null = null;
  advisory: string | null = null;
  /** Throws where it does not manage so many blocks. */
  beforeBlocks: (limit: number) => void = () => undefined;
  /** Those who listen for its push. */
  readonly listeners = new Set<{ onNews: () => void; onTrouble: (message: string) => void }>();
  subscriptions = 0;
  closed = false;

  constructor(name: string) {
    this.name = name;
  }

  async check(): Promise<string | null> {
    await this.#faulty("check");
    return this.advisory;
  }

  async head(): Promise<FollowedHead> {
    await this.#faulty("head");
    return { height: this.height, hash: hashOf(this.height, this.branch), finalized: null };
  }

  async blocksAfter(after: number, head: FollowedHead, limit: number): Promise<readonly SourceBlock[]> {
    await this.#faulty("blocksAfter");
    this.beforeBlocks(limit);
    const count = Math.min(limit, head.height - after);
    return Array.from({ length: count }, (_, place) => this.#block(after + 1 + place));
  }

  async hashesAt(heights: readonly number[]): Promise<readonly (string | null)[]> {
    await this.#faulty("hashesAt");
    return heights.map((height) => (height <= this.height ? hashOf(height, this.branch) : null));
  }

  async blockAt(height: number): ReturnType<BlockSource["blockAt"]> {
    await this.#faulty("blockAt");
    const { ref, parentHash } = this.#block(height);
    return { ref, parentHash };
  }

  async transaction(): Promise<null> {
    await this.#faulty("transaction");
    return null;
  }

  subscribe(onNews: () => void, onTrouble: (message: string) => void): () => void {
    const listener = { onNews, onTrouble };
    this.subscriptions += 1;
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  push(): void {
    for (const { onNews } of this.listeners) onNews();
  }

  close(): void {
    this.closed = true;
  }

  async #faulty(question: QuestionName): Promise<void> {
    this.asked.push(question);
    await this.fault?.(question);
  }

  #block(height: number): SourceBlock {
    return {
      ref: { height, hash: hashOf(height, this.branch), timeMs: height * 1_000 },
      parentHash: hashOf(height - 1, this.branch),
      transfers: [],
      spenders: [],
    };
  }
}
