/**
 * News of checkpoints, pushed by the node: a reason to look, nothing more. The stream starts at the head whenever it is
 * opened and cannot be resumed; what it missed is read by height. One that is open and brings nothing is noticed by
 * whoever polls.
 */
import { messageOf } from "../../kit/errors.ts";
import { Backoff, pause } from "../../kit/retry.ts";
import type { SuiNode } from "./sui-node.ts";

const PAUSE = { initialMs: 500, maxMs: 60_000 } as const;

/** Opened anew whenever it breaks, until the returned function ends it. */
export function followCheckpoints(
  node: Pick<SuiNode, "subscribe">,
  onNews: () => void,
  onTrouble: (message: string) => void,
): () => void {
  const ending = new AbortController();
  void keepOpen(node, onNews, onTrouble, ending.signal);
  return () => ending.abort();
}

/** Never rejects: what goes wrong is told as trouble. */
async function keepOpen(
  node: Pick<SuiNode, "subscribe">,
  onNews: () => void,
  onTrouble: (message: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const backoff = new Backoff(PAUSE);
  while (!signal.aborted) {
    try {
      await node.subscribe(({ checkpoint }) => {
        backoff.reset();
        // Filtered streams report progress in between.
        if (checkpoint !== undefined && !signal.aborted) onNews();
      }, signal);
    } catch (error) {
      if (!signal.aborted) onTrouble(messageOf(error));
    }
    await pause(backoff.nextDelayMs(), signal);
  }
}
