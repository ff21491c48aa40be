/** The protocol on a WebSocket: `/app/{key}?protocol=7`. */
import type { Closing, Connection, ConnectionHandler, SocketRoute, UpgradeRequest } from "../websocket/connection.ts";
import { admit, PROTOCOL, wantsError } from "./admission.ts";
import type { PusherApp, PusherApps } from "./apps.ts";
import { closingOf, REFUSALS, refusalOf } from "./close-codes.ts";
import { pusherError } from "./messages.ts";
import { type PusherLink, PusherSession, type SessionContext } from "./session.ts";

const DEAF: ConnectionHandler = { onMessage: () => undefined, onClose: () => undefined };

/** Everything under `/app`: what is no app is told so in the protocol's own way. */
export function pusherSocketRoutes(apps: PusherApps, context: SessionContext): readonly SocketRoute[] {
  const common = { protocol: PROTOCOL, silent: false, closing: closingOf, refusing: refusalOf };
  const nowhere = (connection: Connection, request: UpgradeRequest) => refuse(connection, request, REFUSALS.path);
  return [
    {
      ...common,
      path: "/app/:key",
      open: (connection, request) => {
        const { key = "" } = request.params;
        const found = admit(apps, key, request.url);
        return "closeCode" in found
          ? refuse(connection, request, found)
          : handlerOf(context, found, key, connection, request);
      },
    },
    ...["/app", "/app/", "/app/:key/:rest"].map((path) => ({ ...common, path, open: nowhere })),
  ];
}

function refuse(connection: Connection, { url }: UpgradeRequest, { closeCode, reason }: Closing): ConnectionHandler {
  if (wantsError(url)) connection.send(pusherError(reason, closeCode).frame);
  connection.endWith(closeCode, reason);
  return DEAF;
}

function handlerOf(
  context: SessionContext,
  app: PusherApp,
  appKey: string,
  connection: Connection,
  { url, headers }: UpgradeRequest,
): ConnectionHandler {
  const link: PusherLink = {
    remoteAddress: connection.remoteAddress,
    get closed() {
      return connection.closed;
    },
    send: (message) => connection.send(message.frame),
    serve: (merchantId) => connection.serve(merchantId),
    writable: () => connection.writable(),
    end: (code) => connection.end(code),
  };
  const session = new PusherSession(context, link, app, { url, headers, appKey });
  return {
    onMessage: (text) => session.onMessage(text),
    onBinary: () => link.send(pusherError("A message must be text")),
    onClose: () => session.close(),
    ...(wantsError(url)
      ? {
          farewell: ({ closeCode, reason }: Closing) => pusherError(reason, closeCode).frame,
        }
      : {}),
  };
}
