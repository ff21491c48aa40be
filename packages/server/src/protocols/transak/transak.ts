/** Transak: order events on Pusher channels, and its calls for backends, as its document describes them. */
import type { Mount } from "../../http/deps.ts";
import type { ChannelRoute } from "../../transports/pusher/channels.ts";
import type { TransakContext, TransakDeps } from "./context.ts";
import { manyOrders, oneOrder } from "./order-routes.ts";
import { Orders } from "./orders.ts";
import { refreshToken } from "./refresh-token.ts";
import { transakRoute } from "./route.ts";

export interface Transak {
  /** To be mounted on the Pusher transport. */
  route: ChannelRoute;
  /** To be mounted on the HTTP API. */
  http: Mount;
}

export function transak(deps: TransakDeps): Transak {
  const context: TransakContext = { ...deps, orders: new Orders(deps) };
  return {
    route: transakRoute(context),
    http: (api) => {
      refreshToken(api, context);
      oneOrder(api, context);
      manyOrders(api, context);
    },
  };
}
