/** The HTTP side of the native protocol as the HTTP API asks for it: long-polling and SSE. */
import type { EventFeeds } from "../../http/deps.ts";
import { type PollContext, serveEvents } from "./polling.ts";
import { type SseContext, streamPaymentEvents } from "./sse.ts";

export function nativeFeeds(context: PollContext & SseContext): EventFeeds {
  return {
    poll: (request) => serveEvents(context, request),
    stream: (request, raw) => streamPaymentEvents(context, request, raw),
  };
}
