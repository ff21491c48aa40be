/** Long-polling: answer at once when there is something, otherwise wait for it, for so long. */
import { PaybellError } from "../../kit/errors.ts";
import type { Connections, Slot } from "../connections.ts";

export interface LongPollOptions<Page> {
  connections: Connections;
  /** For metrics. */
  protocol: string;
  remoteAddress: string | null;
  /** Whose events are waited for; left out: they are counted elsewhere. */
  merchantId?: string;
  /** What there is now. */
  read(): Promise<Page>;
  isEmpty(page: Page): boolean;
  /** Calls `wake` whenever there may be more; returns the function that ends it. */
  listen(wake: () => void): () => void;
  /** 0: do not wait. */
  waitMs: number;
  /** Aborted when the client has gone: the wait ends, whatever page was read last is returned. */
  signal: AbortSignal;
}

/** @throws PaybellError too_many_connections when it would have to wait and there is no place. While the server leaves,
 * it is answered at once. */
export async function longPoll<Page>(options: LongPollOptions<Page>): Promise<Page> {
  const { read, isEmpty, waitMs, signal } = options;
  const slot = waitMs <= 0 ? null : placeFor(options);
  if (!slot) return read();
  const deadline = new AbortController();
  const stop = () => deadline.abort();
  // A client that waits is told by an ordinary, empty answer that the server is about to stop.
  slot.attach({ end: stop, beat: () => {} });
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  const timer = setTimeout(stop, waitMs);
  const news = new News(deadline.signal);
  // Listening begins before the first read, so that nothing falls between the two.
  const endListening = options.listen(() => news.wake());
  try {
    for (;;) {
      const page = await read();
      if (!isEmpty(page) || deadline.signal.aborted) return page;
      await news.wait();
    }
  } finally {
    clearTimeout(timer);
    endListening();
    signal.removeEventListener("abort", stop);
    slot.release();
  }
}

type Place = Pick<LongPollOptions<unknown>, "connections" | "merchantId" | "protocol" | "remoteAddress">;

/** `null`: the server leaves. @throws PaybellError too_many_connections */
function placeFor({ connections, merchantId, protocol, remoteAddress }: Place): Slot | null {
  try {
    return connections.admitFor(merchantId ?? null, protocol, remoteAddress);
  } catch (error) {
    if (error instanceof PaybellError && error.code === "shutting_down") return null;
    throw error;
  }
}

/** One flag, however often it is raised: a poll that waits costs the same whatever happens. */
class News {
  readonly #signal: AbortSignal;
  #pending = false;
  #resolve: (() => void) | null = null;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener("abort", () => this.wake(), { once: true });
  }

  wake(): void {
    this.#pending = true;
    this.#resolve?.();
  }

  async wait(): Promise<void> {
    if (!this.#pending && !this.#signal.aborted) await new Promise<void>((resolve) => (this.#resolve = resolve));
    this.#resolve = null;
    this.#pending = false;
  }
}
