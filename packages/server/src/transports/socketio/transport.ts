/**
 * The Socket.IO transport: several engines on one HTTP server, each on its path, over WebSocket and HTTP long-polling.
 * Knows nothing of payments. Sources: Engine.IO protocol 4, Socket.IO protocol 5.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { PaybellError } from "../../kit/errors.ts";
import type { Wire } from "../http-server.ts";
import { refuseSocket } from "../refuse-socket.ts";
import type { SocketIoRoute } from "./connection.ts";
import { Endpoint, type SocketIoOptions } from "./endpoint.ts";

/** Seconds after which a client may try again what was refused for lack of room. */
const RETRY_AFTER_SECONDS = 5;
/** Nothing in it that a URL would write otherwise: most requests of the API are told to be nobody's here without one. */
const PLAIN_PATH = /^\/[\w/-]*$/;

export class SocketIoTransport implements Wire {
  readonly #options: SocketIoOptions;
  /** By path, without the slash at its end. */
  readonly #endpoints = new Map<string, Endpoint>();

  constructor(options: SocketIoOptions) {
    this.#options = options;
  }

  /** @throws Error when the path is taken. */
  mount(route: SocketIoRoute): void {
    if (this.#endpoints.has(route.path)) throw new Error(`Two protocols want the path ${route.path}.`);
    this.#endpoints.set(route.path, new Endpoint(route, this.#options));
  }

  handleRequest(request: IncomingMessage, response: ServerResponse): boolean {
    const found = this.#find(request);
    if (!found) return false;
    try {
      found.endpoint.handleRequest(request, response, found.url);
    } catch (error) {
      refuse(response, this.#refusalOf(error));
    }
    return true;
  }

  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    const found = this.#find(request);
    if (!found) return false;
    try {
      found.endpoint.handleUpgrade(request, socket, head, found.url);
    } catch (error) {
      refuseSocket(socket, this.#refusalOf(error));
    }
    return true;
  }

  #find({ url: target = "/" }: IncomingMessage): { endpoint: Endpoint; url: URL } | null {
    if (PLAIN_PATH.test(target) && !this.#endpoints.has(withoutSlash(target))) return null;
    // Only path and query count: `//host/x` is a path, and a whole URL is what proxies send (RFC 9112, 3.2.2).
    const url = URL.parse(target.startsWith("/") ? `http://localhost${target}` : target);
    const endpoint = url && this.#endpoints.get(withoutSlash(url.pathname));
    return endpoint ? { endpoint, url } : null;
  }

  #refusalOf(error: unknown): PaybellError {
    if (error instanceof PaybellError) return error;
    this.#options.onError(error);
    return new PaybellError("internal_error", "Paybell failed; the log of the server says why.");
  }
}

function withoutSlash(path: string): string {
  return path.endsWith("/") ? path.slice(0, -1) : path;
}

function refuse(response: ServerResponse, error: PaybellError): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const { httpStatus, retryable } = error.spec;
  const body = JSON.stringify(error.toBody());
  response.writeHead(httpStatus, {
    "Content-Type": "application/json; charset=utf-8",
    "Content-Length": Buffer.byteLength(body),
    "Cache-Control": "no-store",
    ...(retryable ? { "Retry-After": RETRY_AFTER_SECONDS } : {}),
    // The next attempt is to find another process.
    ...(error.code === "shutting_down" ? { Connection: "close" } : {}),
  });
  response.end(body);
}
