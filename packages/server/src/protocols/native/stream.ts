/**
 * `GET /v1/stream`: the native WebSocket, many topics on one socket. Messages are in `@paybell/protocol`, stream.ts.
 *
 * - The key comes in `Authorization: Bearer …`, or in a first `{"type":"auth","key"}`, which is answered
 *   `authenticated`. Without one only `payment:` topics are there, in their public view.
 * - `subscribe` is answered `subscribed`, then (`payment:` without `after`) a `snapshot`, then events: none that the
 *   snapshot contains, none left out. A topic that is followed already is answered `subscribed` with the position that
 *   has been reached, and nothing is sent twice.
 * - An expired cursor is answered `error` `cursor_expired`; a `payment:` topic is then subscribed as without `after`.
 * - The address of an `address:` topic may be written in any way that its chain allows; answers and events name the topic
 *   as the client did.
 * - Pages of any origin may connect; only those of PAYBELL_ALLOWED_ORIGINS (in the sandbox: of this machine) may use a
 *   key, as on the HTTP API.
 * - A mistake is answered with `error`; the connection lives. Only a wrong key ends it, and one that is revoked later,
 *   within seconds.
 * Source: DESIGN.md, "HTTP API".
 */
import type {
  Connection,
  ConnectionHandler,
  SocketRoute,
  UpgradeRequest,
} from "../../transports/websocket/connection.ts";
import type { ProtocolContext } from "../protocol.ts";
import type { KnownChains } from "./canonical-topic.ts";
import { StreamSession } from "./stream-session.ts";

export function nativeStream(context: ProtocolContext, chains: KnownChains): SocketRoute {
  return {
    protocol: "native",
    path: "/v1/stream",
    silent: false,
    open: (connection: Connection, request: UpgradeRequest): ConnectionHandler =>
      new StreamSession({ ...context, chains }, connection, request),
  };
}
