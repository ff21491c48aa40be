/** How every stream of server-sent events begins, also one that ends at once. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { PaybellError } from "../../kit/errors.ts";
import { sseRetry } from "./message.ts";

/** A client that lost its connection comes back after 1 to 2 s: spread, so that a restart is not followed by a wave. */
const RETRY_MS = { min: 1_000, spread: 1_000 };
/** One for whom there was no place, after 5 to 10 s: by then the places of a node that died are free. */
const NO_PLACE_MS = { min: 5_000, spread: 5_000 };

export function beginStream(response: ServerResponse): void {
  response.setHeader("Content-Type", "text/event-stream; charset=utf-8");
  response.setHeader("Cache-Control", "no-store, no-transform");
  response.setHeader("X-Accel-Buffering", "no");
  response.writeHead(200);
}

export function retryAfterAWhile(): Buffer {
  return retryAfter(RETRY_MS);
}

/** A program that asks without one reads the status instead. */
export function isEventSource({ headers }: Pick<IncomingMessage, "headers">): boolean {
  return headers.accept?.includes("text/event-stream") ?? false;
}

/** There is no place for it at the moment: an EventSource is asked to come back, everybody else is told.
 * @throws the error, whatever else it is */
export function refuseStream(
  request: Pick<IncomingMessage, "headers">,
  response: ServerResponse,
  error: unknown,
): void {
  const isFull = error instanceof PaybellError && error.code === "too_many_connections";
  if (!isFull || !isEventSource(request)) throw error;
  askToComeBack(response, NO_PLACE_MS);
}

/** Instead of an error that passes: at an answer that is no stream, a browser's EventSource would give up for good. */
export function askToComeBack(response: ServerResponse, pauseMs = RETRY_MS): void {
  beginStream(response);
  response.end(retryAfter(pauseMs));
}

function retryAfter({ min, spread }: typeof RETRY_MS): Buffer {
  return sseRetry(min + Math.random() * spread);
}
