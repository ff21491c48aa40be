/** Crypto Shop: its Socket.IO server and its HTTP calls, as its document and its own backend have them. */
import type { SocketIoRoute } from "../../transports/socketio/connection.ts";
import type { CryptoShopDeps } from "./context.ts";
import { cryptoShopRoute } from "./route.ts";
import { UserTokens } from "./user-token.ts";

export interface CryptoShop {
  route: SocketIoRoute;
}

export function cryptoShop(deps: CryptoShopDeps): CryptoShop {
  const tokens = new UserTokens(deps);
  return { route: cryptoShopRoute(deps, tokens) };
}
