/** Tributary: a Socket.IO path and an HTTP call, as its document describes them. */
import type { Mount } from "../../http/deps.ts";
import type { SocketIoRoute } from "../../transports/socketio/connection.ts";
import { onetimeRoute } from "./onetime-route.ts";
import { tributaryRoute } from "./route.ts";
import type { SessionContext } from "./session.ts";

export interface Tributary {
  route: SocketIoRoute;
  /** To be mounted on the HTTP API. */
  http: Mount;
}

export function tributary(context: SessionContext): Tributary {
  return { route: tributaryRoute(context), http: (api) => onetimeRoute(api, context) };
}
