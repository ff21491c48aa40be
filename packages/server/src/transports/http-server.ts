/** Node's HTTP server with limits on everything that a slow or greedy client could stretch. */
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Limits } from "../kit/limits.ts";

/** PEM texts. */
export interface TlsFiles {
  cert: Buffer;
  key: Buffer;
}

/** How often Node looks for requests that are late: no later than this share of the shortest time allowed. */
const CHECKS_PER_TIMEOUT = 4;

export function createHttpServer(limits: Limits, tls: TlsFiles | null, handler: RequestListener): Server {
  const { handshakeTimeoutMs, requestTimeoutMs } = limits;
  const options = {
    maxHeaderSize: limits.headerBytes,
    headersTimeout: handshakeTimeoutMs,
    requestTimeout: requestTimeoutMs,
    // Node's own default is 30 s, within which a head of 10 s would be late three times.
    connectionsCheckingInterval: Math.max(1, Math.floor(handshakeTimeoutMs / CHECKS_PER_TIMEOUT)),
    keepAliveTimeout: limits.keepAliveMs,
  };
  const server = tls
    ? createTlsServer({ ...options, ...tls, handshakeTimeout: handshakeTimeoutMs }, handler)
    : createServer(options, handler);
  // Of silence in both directions, while a request is under way or its answer is not taken; upgraded sockets lift it.
  server.timeout = limits.responseTimeoutMs;
  return server;
}
