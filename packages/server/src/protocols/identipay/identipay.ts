/** identiPay: a WebSocket, server-sent events and HTTP calls, as its document describes them. */
import type { Mount } from "../../http/deps.ts";
import type { SocketRoute } from "../../transports/websocket/connection.ts";
import type { IdentipayContext, IdentipayDeps } from "./context.ts";
import { createProposal } from "./create-proposal.ts";
import { Places } from "./places.ts";
import { identipayRoute } from "./route.ts";
import { transactionEvents } from "./sse-route.ts";
import { transactionStatus } from "./status-route.ts";
import { testSettle } from "./test-settle.ts";

export interface Identipay {
  route: SocketRoute;
  /** To be mounted on the HTTP API. */
  http: Mount;
  /** Who holds places now. */
  places: Places;
}

export function identipay(deps: IdentipayDeps): Identipay {
  const places = new Places(deps);
  const context: IdentipayContext = { ...deps, places };
  return {
    route: identipayRoute(context),
    http: (api, posts) => {
      transactionStatus(api, context);
      transactionEvents(api, context);
      createProposal(api, context, posts);
      if (context.sandbox) testSettle(api, context.sandbox, context.payments);
    },
    places,
  };
}
