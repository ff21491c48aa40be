/**
 * The push of whichever endpoint answers. A subscription can die without a word, so it is judged by what polling finds:
 * new heads of which it has not told.
 */
import type { BlockSource } from "./block-source.ts";

interface Listener {
  onNews: () => void;
  onTrouble: (message: string) => void;
}

/** One head may be found by polling a moment before it is pushed. */
const SILENT_HEADS = 3;

export class PushedNews {
  #listener: Listener | null = null;
  #source: BlockSource | null = null;
  #unsubscribe: (() => void) | null = null;
  #lastHead: string | null = null;
  #silentHeads = 0;

  /** @returns what ends it */
  begin(source: BlockSource, listener: Listener): () => void {
    this.end();
    this.#listener = listener;
    this.#listenTo(source);
    return () => this.end();
  }

  /** Another endpoint answers now. */
  moveTo(source: BlockSource): void {
    if (this.#listener && source !== this.#source) this.#listenTo(source);
  }

  /** Polling found this head. */
  sawHead(hash: string): void {
    if (!this.#listener || hash === this.#lastHead) return;
    const isFirst = this.#lastHead === null;
    this.#lastHead = hash;
    if (isFirst || !this.#source?.subscribe) return;
    this.#silentHeads += 1;
    if (this.#silentHeads < SILENT_HEADS) return;
    this.#listener.onTrouble(
      `${this.#source.name} has pushed nothing while polling found ${SILENT_HEADS} new blocks: its subscription is made again.`,
    );
    this.#listenTo(this.#source);
  }

  end(): void {
    this.#unsubscribe?.();
    this.#unsubscribe = null;
    this.#listener = null;
    this.#source = null;
    this.#lastHead = null;
  }

  #listenTo(source: BlockSource): void {
    const listener = this.#listener;
    if (!listener) return;
    this.#unsubscribe?.();
    this.#source = source;
    this.#silentHeads = 0;
    // What still comes from one that was left is not listened to.
    const ended = { yes: false };
    const onNews = () => {
      if (ended.yes) return;
      this.#silentHeads = 0;
      listener.onNews();
    };
    const end = source.subscribe?.(onNews, (message) => {
      if (!ended.yes) listener.onTrouble(message);
    });
    this.#unsubscribe = () => {
      ended.yes = true;
      end?.();
    };
  }
}
