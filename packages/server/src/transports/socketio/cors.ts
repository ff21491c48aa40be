/**
 * Which pages may speak to a route. A browser asks before it gives an answer to a page of another origin (CORS), but
 * not before it opens a WebSocket, so the same rule is kept on both.
 * Source: Fetch standard, "HTTP-network-or-cache fetch" and "CORS-preflight fetch".
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { SocketIoRoute } from "./connection.ts";

const PREFLIGHT_MAX_AGE_SECONDS = 600;

/** A request without an origin comes from no page, or from the server's own. */
export function mayConnect(route: SocketIoRoute, { headers }: IncomingMessage): boolean {
  return headers.origin === undefined || route.allowsOrigin === undefined || route.allowsOrigin(headers.origin);
}

/** Says so to the browser of a page that may. */
export function allowOrigin(route: SocketIoRoute, { headers }: IncomingMessage, response: ServerResponse): void {
  const { origin } = headers;
  if (!route.allowsOrigin) {
    response.setHeader("Access-Control-Allow-Origin", "*");
    return;
  }
  response.setHeader("Vary", "Origin");
  if (origin === undefined) return;
  response.setHeader("Access-Control-Allow-Origin", origin);
  response.setHeader("Access-Control-Allow-Credentials", "true");
}

/** The answer to `OPTIONS`, after `allowOrigin`. A page that may connect may send what headers it likes. */
export function answerPreflight({ headers }: IncomingMessage, response: ServerResponse): void {
  response.setHeader("Allow", "GET, POST, OPTIONS");
  if (headers["access-control-request-method"] !== undefined) {
    response.setHeader("Access-Control-Allow-Methods", "GET, POST");
    response.setHeader("Access-Control-Allow-Headers", headers["access-control-request-headers"] ?? "Content-Type");
    response.setHeader("Access-Control-Max-Age", PREFLIGHT_MAX_AGE_SECONDS);
    response.appendHeader("Vary", "Access-Control-Request-Method, Access-Control-Request-Headers");
  }
  response.writeHead(204).end();
}
