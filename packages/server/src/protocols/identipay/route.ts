/**
 * `/ws/transactions/{transactionId}`: the WebSocket of identiPay's document.
 *
 * - At connect a `status` message says how the transaction stands. Every later change is told once: `settlement` when it
 *   is settled, otherwise `status` (expired, cancelled, pending again after a reversal).
 * - What is not there, is no id, or was deleted: an `error`, "Transaction not found", then close 4004.
 * - Messages of clients are a sign of life and otherwise ignored, `{"type":"ping"}` like any other. None is answered:
 *   the document knows one error only, and a client that gets it takes its transaction for lost.
 * - The id is the capability: no key, any origin, any merchant's payment on any chain.
 * - 30 minutes without a message in either direction: close 4101. Beyond a limit on connections: an `error`, close 1013.
 * - At a restart the line is cut without a close frame: the document's clients come back where `event.wasClean` is false,
 *   and take an orderly close for their own.
 */
import type { SocketRoute } from "../../transports/websocket/connection.ts";
import { type SocketContext, TransactionSocket } from "./transaction-socket.ts";

export function identipayRoute(context: SocketContext): SocketRoute {
  return {
    protocol: "identipay",
    path: "/ws/transactions/:transactionId",
    silent: false,
    cutAtRestart: true,
    open: (connection, request) => new TransactionSocket(context, connection, request),
  };
}
