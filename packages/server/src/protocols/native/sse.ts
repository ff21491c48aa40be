/**
 * `GET /v1/payments/{id}/events`: one payment's events as they happen, as server-sent events.
 *
 * Each event is an unnamed message (it reaches `onmessage`): `id:` is its position, `data:` the PaymentEvent as JSON.
 * Without `Last-Event-ID` the payment's whole history comes first, from its creation, so that every client sees every
 * step; `sequence` tells where it stands. With it, only what came after. Then live, until the client leaves.
 *
 * Three messages have the name `error` and an ErrorBody as data: `cursor_expired` (the log does not reach back to
 * `Last-Event-ID`: the whole history follows, some of it possibly again), `not_found` (the payment was erased: the
 * response ends, and the reconnect is answered 404, at which an EventSource gives up) and `unauthorized` (the key was
 * revoked: likewise, with 401).
 */
import type { ServerResponse } from "node:http";
import { positionAt, resolveCursor } from "../../fanout/cursor.ts";
import type { Published } from "../../fanout/published.ts";
import { Subscriber } from "../../fanout/subscriber.ts";
import type { Audience, StreamRequest } from "../../http/deps.ts";
import { PaybellError } from "../../kit/errors.ts";
import { CursorExpired } from "../../log/event-log.ts";
import { topics } from "../../log/topic.ts";
import type { Connections } from "../../transports/connections.ts";
import { sseMessage } from "../../transports/sse/message.ts";
import { SseConnection } from "../../transports/sse/sse-connection.ts";
import type { ProtocolContext } from "../protocol.ts";
import { type EpochOf, eventJson } from "./events.ts";
import { KeyGuard } from "./key-guard.ts";

export type SseContext = Pick<ProtocolContext, "log" | "hub" | "authenticator" | "clock" | "limits" | "onError"> & {
  connections: Connections;
};

/**
 * Takes the response over; resolves when the stream has begun. Who may read was checked by the caller.
 * @throws PaybellError invalid_cursor, too_many_connections: nothing was written
 */
export async function streamPaymentEvents(
  context: SseContext,
  request: StreamRequest,
  raw: { response: ServerResponse },
): Promise<void> {
  const { limits, clock, connections, onError } = context;
  const cursor = await cursorOf(context, request.after);
  const connection = SseConnection.open({
    response: raw.response,
    connections,
    protocol: "sse",
    remoteAddress: request.remoteAddress,
    merchantId: request.merchantId,
    limits,
    clock,
  });
  guardKey(context, request.key, connection);
  if (cursor.expired) connection.send(errorMessage(cursor.expired));
  const subscriber = subscribe(context, request, connection);
  connection.onClose(() => subscriber.close());
  subscriber.from(cursor.offset).catch((error: unknown) => {
    // Trimmed between the check and the read: the client comes back and is told.
    if (!(error instanceof CursorExpired)) onError(error);
    connection.end("internal_error");
  });
}

function guardKey({ authenticator, onError }: SseContext, key: string | null, connection: SseConnection): void {
  if (key === null) return;
  const onRevoked = () => {
    connection.send(errorMessage(new PaybellError("unauthorized", "The key was revoked.")));
    connection.end("unauthorized");
  };
  const guard = new KeyGuard({ authenticator, key, onRevoked, onError });
  connection.onBeat(() => guard.beat());
}

function subscribe(context: SseContext, request: StreamRequest, connection: SseConnection): Subscriber {
  const { log, hub, limits, onError } = context;
  return Subscriber.open({
    log,
    hub,
    topic: topics.payment(request.paymentId),
    replayPage: limits.replayPage,
    liveBuffer: limits.liveBuffer,
    sink: {
      deliver: (published) => {
        connection.send(eventMessage(published, request.audience, log));
        if (published.record.type !== "payment.erased") return;
        connection.send(errorMessage(new PaybellError("not_found", "The payment was erased.")));
        connection.end("not_found");
      },
      writable: () => connection.writable(),
      failed: (error) => {
        onError(error);
        connection.end("internal_error");
      },
    },
  });
}

/** The offset behind which to begin; an expired cursor begins at the beginning, and says so. */
async function cursorOf(
  context: SseContext,
  after: string | null,
): Promise<{ offset: number; expired: PaybellError | null }> {
  if (after === null) return { offset: 0, expired: null };
  try {
    return { offset: await resolveCursor(context.log, after), expired: null };
  } catch (error) {
    if (!(error instanceof PaybellError) || error.code !== "cursor_expired") throw error;
    return { offset: 0, expired: error };
  }
}

function eventMessage(published: Published, audience: Audience, log: EpochOf): Buffer {
  return published.encodeOnce(`sse/${audience}`, (record) =>
    sseMessage({ id: positionAt(log, record.offset), data: eventJson(published, audience, log) }),
  );
}

function errorMessage(error: PaybellError): Buffer {
  return sseMessage({ event: "error", data: JSON.stringify(error.toBody()) });
}
