/** Crypto Shop: its Socket.IO server and its HTTP calls, as its document and its own backend have them. */
import type { Mount } from "../../http/deps.ts";
import type { SocketIoRoute } from "../../transports/socketio/connection.ts";
import type { CryptoShopDeps } from "./context.ts";
import { listOrders, placeOrder, shopHealth } from "./order-routes.ts";
import { RequestUsers } from "./request-user.ts";
import { cryptoShopRoute } from "./route.ts";
import { UserTokens } from "./user-token.ts";

export interface CryptoShop {
  route: SocketIoRoute;
  /** To be mounted on the HTTP API. */
  http: Mount;
}

export function cryptoShop(deps: CryptoShopDeps): CryptoShop {
  const tokens = new UserTokens(deps);
  const users = new RequestUsers(deps, tokens);
  return {
    route: cryptoShopRoute(deps, tokens),
    http: (api, posts) => {
      shopHealth(api);
      placeOrder(api, deps, users, posts);
      listOrders(api, deps, users);
    },
  };
}
