/**
 * `/socket.io`: the Socket.IO server of Crypto Shop's document.
 *
 * In: `join-user` (a user's id), and, beyond the document, `join-products`.
 * Out: `transaction:confirmed`, and, beyond the document, `order:updated`, `stock:updated`, `error`.
 */
import { mayUseKeys } from "../../kit/origins.ts";
import type { SocketIoRoute } from "../../transports/socketio/connection.ts";
import type { CryptoShopDeps } from "./context.ts";
import { ShopSocket } from "./shop-socket.ts";
import type { UserTokens } from "./user-token.ts";

export function cryptoShopRoute(context: CryptoShopDeps, tokens: UserTokens): SocketIoRoute {
  return {
    protocol: "crypto-shop",
    path: "/socket.io",
    // The shop's cookie proves a user: pages of others must not bring it along.
    allowsOrigin: (origin) => mayUseKeys(origin, context),
    open: (connection, handshake) => new ShopSocket(context, tokens, connection, handshake),
  };
}
