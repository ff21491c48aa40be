/**
 * The WebSocket transport: many protocols on one HTTP server, each mounted on its path. Refusals come as HTTP before
 * the upgrade. Knows nothing of payments.
 */
import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import type { Clock } from "../../kit/clock.ts";
import { PaybellError } from "../../kit/errors.ts";
import type { Limits } from "../../kit/limits.ts";
import type { TrustedProxies } from "../client-address.ts";
import type { Connections, Slot } from "../connections.ts";
import { refuseSocket } from "../refuse-socket.ts";
import type { Closing, SocketRoute, UpgradeRequest } from "./connection.ts";
import { type RouteMatch, RouteTable } from "./route-table.ts";
import { SocketConnection } from "./socket-connection.ts";

export interface WebSocketTransportOptions {
  connections: Connections;
  proxies: TrustedProxies;
  limits: Limits;
  clock: Clock;
  /** A protocol threw: its connection is ended, the operator is told. */
  onError: (error: unknown) => void;
}

export class WebSocketTransport {
  readonly #options: WebSocketTransportOptions;
  readonly #routes = new RouteTable();
  readonly #server: WebSocketServer;

  constructor(options: WebSocketTransportOptions) {
    this.#options = options;
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: options.limits.messageBytes,
      maxFragments: options.limits.framesPerMessage,
      // The first one offered: Chromium ends a connection on which none of those that it offered was chosen.
      handleProtocols: (offered) => offered.values().next().value ?? false,
    });
    this.#server.on("wsClientError", (error, socket) =>
      this.#refuse(socket, new PaybellError("invalid_request", `This is no WebSocket handshake: ${error.message}.`)),
    );
  }

  /** @throws Error when the path is taken. */
  mount(route: SocketRoute): void {
    this.#routes.add(route);
  }

  /** For the HTTP server's `upgrade` event. Returns false, and touches nothing, when the path is not one of ours. */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    const url = urlOf(request);
    const match = url && this.#routes.find(url.pathname);
    if (!match) return false;
    try {
      this.#accept(request, socket, head, url, match);
    } catch (error) {
      if (!(error instanceof PaybellError)) this.#options.onError(error);
      refuseSocket(socket, error instanceof PaybellError ? error : internalError());
    }
    return true;
  }

  #accept(request: IncomingMessage, socket: Duplex, head: Buffer, url: URL, match: RouteMatch): void {
    const { connections, proxies } = this.#options;
    const { origin } = request.headers;
    if (origin !== undefined && match.route.allowsOrigin && !match.route.allowsOrigin(origin)) {
      connections.countRefusal("forbidden");
      throw new PaybellError("forbidden", `The origin ${origin} may not connect here.`);
    }
    const remoteAddress = proxies.clientAddress(request);
    const upgrade: UpgradeRequest = { url, params: match.params, headers: request.headers, remoteAddress };
    const slot = this.#place(match.route, remoteAddress, origin);
    if ("closeCode" in slot) {
      this.#server.handleUpgrade(request, socket, head, (ws) => this.#turnAway(ws, slot));
      return;
    }
    let opened = false;
    try {
      this.#server.handleUpgrade(request, socket, head, (ws) => {
        opened = true;
        this.#open(ws, socket, slot, match.route, upgrade);
      });
    } finally {
      // Without a valid handshake `ws` calls nobody back.
      if (!opened) slot.release();
    }
  }

  /** @throws PaybellError where the route does not say how else it refuses */
  #place({ protocol, refusing }: SocketRoute, remoteAddress: string, origin: string | undefined): Slot | Closing {
    try {
      return this.#options.connections.admit(protocol, remoteAddress);
    } catch (error) {
      if (!(error instanceof PaybellError) || !refusing || origin === undefined) throw error;
      return refusing(error.code);
    }
  }

  /** No place under the limits: told so, and gone within `closeTimeoutMs`. Until then it is one of `sockets`. */
  #turnAway(ws: WebSocket, { closeCode, reason }: Closing): void {
    const cutOff = setTimeout(() => ws.terminate(), this.#options.limits.closeTimeoutMs);
    // Whatever else it sends is not read, and its errors are nobody's.
    ws.on("error", () => undefined);
    ws.once("close", () => clearTimeout(cutOff));
    ws.close(closeCode, reason);
  }

  #open(ws: WebSocket, socket: Duplex, slot: Slot, route: SocketRoute, upgrade: UpgradeRequest): void {
    const { limits, clock, onError } = this.#options;
    const connection = new SocketConnection({
      id: randomUUID(),
      remoteAddress: upgrade.remoteAddress,
      ws,
      socket,
      slot,
      silent: route.silent,
      closing: route.closing,
      cutAtRestart: route.cutAtRestart === true,
      limits,
      clock,
      onError,
    });
    connection.start((opened) => route.open(opened, upgrade));
  }

  #refuse(socket: Duplex, error: PaybellError): void {
    this.#options.connections.countRefusal(error.code);
    refuseSocket(socket, error);
  }
}

function internalError(): PaybellError {
  return new PaybellError("internal_error", "Paybell failed; the log of the server says why.");
}

function urlOf(request: IncomingMessage): URL | null {
  const target = request.url ?? "/";
  // Only path and query count: `//host/x` is a path, and a whole URL is what proxies send (RFC 9112, 3.2.2).
  return URL.parse(target.startsWith("/") ? `ws://localhost${target}` : target);
}
