/** How every stream of server-sent events begins, also one that ends at once. */
import type { ServerResponse } from "node:http";
import { sseRetry } from "./message.ts";

/** A client that lost its connection comes back after 1 to 2 s: spread, so that a restart is not followed by a wave. */
const RETRY_MS = { min: 1_000, spread: 1_000 };

export function beginStream(response: ServerResponse): void {
  response.setHeader("Content-Type", "text/event-stream; charset=utf-8");
  response.setHeader("Cache-Control", "no-store, no-transform");
  response.setHeader("X-Accel-Buffering", "no");
  response.writeHead(200);
}

export function retryAfterAWhile(): Buffer {
  return sseRetry(RETRY_MS.min + Math.random() * RETRY_MS.spread);
}

/** Instead of an error that passes: at an answer that is no stream, a browser's EventSource would give up for good. */
export function askToComeBack(response: ServerResponse): void {
  beginStream(response);
  response.end(retryAfterAWhile());
}
