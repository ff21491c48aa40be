/** Node's HTTP server with limits on everything that a slow or greedy client could stretch. */
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Duplex } from "node:stream";
import { PaybellError } from "../kit/errors.ts";
import type { Limits } from "../kit/limits.ts";
import { refuseSocket } from "./refuse-socket.ts";

/** A transport on the one port. What is not its own it leaves untouched and says so by `false`. */
export interface Wire {
  /** A plain HTTP request. Absent: it has none. */
  handleRequest?(request: IncomingMessage, response: ServerResponse): boolean;
  /** A request to upgrade to WebSocket. */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean;
}

/**
 * Requests go to the first of the wires that takes them, else to `handler`.
 * @param guard says why a request is refused whatever its path, or `null`; `handler`, which has the same guard, tells
 */
export function firstOf(
  wires: readonly Wire[],
  guard: (request: IncomingMessage) => PaybellError | null,
  handler: RequestListener,
): RequestListener {
  const asked = wires.filter((wire) => wire.handleRequest !== undefined);
  if (asked.length === 0) return handler;
  return (request, response) => {
    const isTaken = !guard(request) && asked.some((wire) => wire.handleRequest?.(request, response));
    if (!isTaken) handler(request, response);
  };
}

/** PEM texts. */
export interface TlsFiles {
  cert: Buffer;
  key: Buffer;
}

/** How often Node looks for requests that are late: no later than this share of the shortest time allowed. */
const CHECKS_PER_TIMEOUT = 4;
/** And so often at least: thousands that are late at once would be cut in one go, while everybody else waits. */
const CHECK_INTERVAL_MAX_MS = 100;

export function createHttpServer(limits: Limits, tls: TlsFiles | null, handler: RequestListener): Server {
  const { handshakeTimeoutMs, requestTimeoutMs } = limits;
  const options = {
    maxHeaderSize: limits.headerBytes,
    headersTimeout: handshakeTimeoutMs,
    requestTimeout: requestTimeoutMs,
    // Node's own default is 30 s, within which a head of 10 s would be late three times.
    connectionsCheckingInterval: Math.min(
      CHECK_INTERVAL_MAX_MS,
      Math.max(1, Math.floor(handshakeTimeoutMs / CHECKS_PER_TIMEOUT)),
    ),
    keepAliveTimeout: limits.keepAliveMs,
    // Whoever proposes another protocol (Java's client and `curl --http2` do: h2c) is served in the one at hand.
    shouldUpgradeCallback: ({ headers }: IncomingMessage) => /\bwebsocket\b/i.test(headers.upgrade ?? ""),
    // Node would answer 400 without a body; the API's guard says what is missing.
    requireHostHeader: false,
  };
  const server = tls
    ? createTlsServer({ ...options, ...tls, handshakeTimeout: handshakeTimeoutMs }, handler)
    : createServer(options, handler);
  // Of silence in both directions, while a request is under way or its answer is not taken; upgraded sockets lift it.
  server.timeout = limits.responseTimeoutMs;
  // Node would answer 417 without a body; RFC 9110, 10.1.1 lets a server overlook what it does not know.
  server.on("checkExpectation", handler);
  server.on("connect", (_request, socket) =>
    refuseSocket(socket, new PaybellError("method_not_allowed", "This is no proxy: there is no CONNECT.")),
  );
  return server;
}
