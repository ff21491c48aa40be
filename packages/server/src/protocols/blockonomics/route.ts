/**
 * `/payment/{address}`: the WebSocket of Blockonomics' document.
 *
 * Silent until there is a transaction: widely used shop plugins send the buyer on at any message, so nothing but
 * transaction messages is ever sent, not for bad input either. At connect the client is told of the most recent
 * transaction since the newest payment on the address was created (on a standing payment: within 24 hours), then of
 * what becomes of it. The merchant is found by the host name, by `?key=` (a publishable key), as the only one there is,
 * or as the only one with a payment on the address.
 */
import type { ChainRegistry } from "../../ingest/chain-registry.ts";
import type { SocketRoute } from "../../transports/websocket/connection.ts";
import type { ProtocolContext } from "../protocol.ts";
import { PaymentSocket } from "./payment-socket.ts";

/** An address of any chain that this server knows may stand in the path, so the simulated one's too. */
export function blockonomicsRoute(context: ProtocolContext, registry: Pick<ChainRegistry, "all">): SocketRoute {
  const chains = registry.all.map((known) => known.facts);
  return {
    protocol: "blockonomics",
    path: "/payment/:address",
    silent: true,
    open: (connection, request) => new PaymentSocket({ ...context, chains }, connection, request),
  };
}
