/** `GET /v1/events`: pages of events by cursor, and the wait for the next one. Source: DESIGN.md, "HTTP API". */
import type { PaymentEvent } from "@paybell/protocol";
import { cursorExpired, positionAt, resolveCursor } from "../../fanout/cursor.ts";
import type { PollRequest } from "../../http/deps.ts";
import { CursorExpired, type ReadPage } from "../../log/event-log.ts";
import { topics } from "../../log/topic.ts";
import type { Connections } from "../../transports/connections.ts";
import { longPoll } from "../../transports/polling/long-poll.ts";
import type { ProtocolContext } from "../protocol.ts";
import { paymentEvent } from "./events.ts";

export type PollContext = Pick<ProtocolContext, "log" | "hub"> & { connections: Connections };

export interface EventsPage {
  events: readonly PaymentEvent[];
  /** Give it back as `after`. It may move on without events, so that the next read starts where this one ended. */
  next: string;
}

/**
 * Events behind `after`, oldest first; none yet: waits up to `waitMs` for the first.
 * @throws PaybellError invalid_cursor, cursor_expired, too_many_connections
 */
export async function serveEvents(context: PollContext, request: PollRequest): Promise<EventsPage> {
  const { log, hub, connections } = context;
  const { scope, audience, limit, waitMs, signal } = request;
  const topic = "paymentId" in scope ? topics.payment(scope.paymentId) : topics.merchant(scope.merchantId);
  let after = request.after === null ? 0 : await resolveCursor(log, request.after);
  const page = await longPoll<ReadPage>({
    connections,
    protocol: "polling",
    remoteAddress: request.remoteAddress,
    merchantId: request.merchantId,
    read: async () => {
      const read = await log.readAfter(after, { topics: [topic], limit }).catch(asPaybellError);
      after = read.next;
      return read;
    },
    isEmpty: (read) => read.records.length === 0 && read.next >= read.head,
    listen: (wake) => hub.listen(topic, wake).end,
    waitMs,
    signal,
  });
  return {
    events: page.records.map((record) => paymentEvent(record, audience, log)),
    next: positionAt(log, page.next),
  };
}

function asPaybellError(error: unknown): never {
  throw error instanceof CursorExpired ? cursorExpired() : error;
}
