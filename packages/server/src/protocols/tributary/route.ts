/**
 * Socket.IO at `/ws/v1`: the WebSocket API of Tributary's document, over both engine transports.
 *
 * - `subscribe {trackingId}` is answered `ack`, then told what was executed in the replay window, in order, then what is
 *   executed from now on. Subscribed already: `ack` alone. `unsubscribe` is always answered `ack`.
 * - Whatever is no `{trackingId}` of 1 to 64 bytes is answered `error`, INVALID_TRACKING_ID, and changes nothing.
 * - `error`, CONNECTION_ERROR: the client may not listen, follows too many ids, or the connection is about to end.
 * - Any origin, no cookies. Ids can be guessed: see access.ts.
 */
import type { SocketIoRoute } from "../../transports/socketio/connection.ts";
import { type SessionContext, TributarySession } from "./session.ts";

export function tributaryRoute(context: SessionContext): SocketIoRoute {
  return {
    protocol: "tributary",
    path: "/ws/v1",
    open: (connection, handshake) => new TributarySession(context, connection, handshake),
  };
}
