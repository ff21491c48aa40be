/**
 * One route: an Engine.IO server and a Socket.IO server on it, behind our own door. Whoever opens a connection is
 * admitted before the engine hears of him; what is said on an open one, the engine takes.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { Server as EngineServer, type Socket as EngineSocket, type ServerOptions } from "engine.io";
import { Server } from "socket.io";
import type { Clock } from "../../kit/clock.ts";
import { PaybellError } from "../../kit/errors.ts";
import type { Limits } from "../../kit/limits.ts";
import type { TrustedProxies } from "../client-address.ts";
import type { Connections, Slot } from "../connections.ts";
import { refuseSocket } from "../refuse-socket.ts";
import { RequestRate } from "../request-rate.ts";
import type { SocketIoRoute } from "./connection.ts";
import { allowOrigin, answerPreflight, mayConnect } from "./cors.ts";
import { EngineConnection } from "./engine-connection.ts";
import { engineId } from "./engine-socket.ts";
import { webSocketServer } from "./engine-web-socket.ts";
import { nameSessions } from "./session-header.ts";

export interface SocketIoOptions {
  connections: Connections;
  proxies: TrustedProxies;
  limits: Limits;
  clock: Clock;
  /** A protocol threw: its connection is ended, the operator is told. */
  onError: (error: unknown) => void;
}

/** A client that was let in, before the engine has made its connection. */
interface Guest {
  url: URL;
  remoteAddress: string;
  slot: Slot;
}

/** What the engine reads of a query. */
interface Query {
  EIO?: string;
  transport?: string;
  sid?: string;
  j?: string;
}

/** Of the interval between two pings, as with the engine's own defaults: time for the answer. */
const PING_TIMEOUT_SHARE = 2 / 3;

export class Endpoint {
  readonly route: SocketIoRoute;
  readonly #options: SocketIoOptions;
  readonly #engine: EngineServer;
  readonly #rate: RequestRate;
  readonly #guests = new WeakMap<IncomingMessage, Guest>();
  readonly #bySid = new Map<string, EngineConnection>();
  readonly #byEngine = new WeakMap<object, EngineConnection>();

  constructor(route: SocketIoRoute, options: SocketIoOptions) {
    this.route = route;
    this.#options = options;
    this.#rate = new RequestRate(options.limits.keylessRequestsPerSecond);
    this.#engine = new EngineServer(this.#engineOptions());
    nameSessions(this.#engine);
    this.#engine.on("connection", (engine: EngineSocket) => this.#open(engine));
    // A client that never asks for the namespace is ended by our own beat; this one is behind it.
    const io = new Server({ serveClient: false, connectTimeout: options.limits.handshakeTimeoutMs * 2 });
    io.use((socket, next) => {
      try {
        this.#connectionOf(socket.conn).admit(socket);
        next();
      } catch (error) {
        next(error as Error);
      }
    });
    io.on("connection", (socket) => this.#byEngine.get(socket.conn)?.open(socket));
    io.bind(this.#engine);
  }

  /** @throws PaybellError when the request is refused; nothing was answered */
  handleRequest(request: IncomingMessage, response: ServerResponse, url: URL): void {
    const { clock, proxies, limits } = this.#options;
    const remoteAddress = proxies.clientAddress(request);
    const query: Query = Object.fromEntries(url.searchParams);
    response.setHeader("X-Content-Type-Options", "nosniff");
    this.#checkOrigin(request);
    allowOrigin(this.route, request, response);
    const connection = this.#bySid.get(query.sid ?? "");
    // On an open connection a client says no more than `messagesPerSecond`, and polls no more often than it is told
    // something. All else is counted by address.
    if (!connection) this.#countRequest(remoteAddress, clock.nowMs());
    if (request.method === "OPTIONS") {
      answerPreflight(request, response);
      return;
    }
    if (query.j !== undefined) throw this.#refusal("JSONP is not offered: any page could read its answers.");
    if (connection) this.#checkPolling(request, response, query, connection, limits);
    else if (isHandshake(request, query, "polling")) this.#admit(request, response, { url, remoteAddress });
    this.#engine.handleRequest(withQuery(request, query), response);
  }

  /** @throws PaybellError when the upgrade is refused; nothing was answered */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer, url: URL): void {
    const query: Query = Object.fromEntries(url.searchParams);
    this.#checkOrigin(request);
    const isNew = isHandshake(request, query, "websocket");
    const isOurs = this.#bySid.has(query.sid ?? "") && query.EIO === "4" && query.transport === "websocket";
    // The engine would find out only after the handshake, and then write HTTP into the WebSocket.
    if (!isNew && !isOurs) throw this.#refusal("This is neither a new connection of Engine.IO 4 nor one that is open.");
    const remoteAddress = this.#options.proxies.clientAddress(request);
    if (isNew) this.#admit(request, socket, { url, remoteAddress });
    this.#engine.handleUpgrade(withQuery(request, query), socket, head);
  }

  #engineOptions(): ServerOptions {
    const { limits } = this.#options;
    return {
      transports: ["polling", "websocket"],
      pingInterval: limits.pingIntervalMs,
      pingTimeout: Math.max(1, Math.floor(limits.pingIntervalMs * PING_TIMEOUT_SHARE)),
      upgradeTimeout: limits.handshakeTimeoutMs,
      maxHttpBufferSize: limits.messageBytes,
      httpCompression: false,
      perMessageDeflate: false,
      wsEngine: webSocketServer(limits, {
        onOpen: (ws, request) => {
          // Without it, this is no upgrade of a connection but a new one, which looks after its own.
          const { sid } = (request as IncomingMessage & { _query: Query })._query;
          this.#bySid.get(sid ?? "")?.watch(ws);
        },
        onRefused: (socket, error) =>
          refuseSocket(socket, this.#refusal(`This is no WebSocket handshake: ${error.message}.`)),
      }),
    };
  }

  #checkOrigin(request: IncomingMessage): void {
    if (mayConnect(this.route, request)) return;
    this.#options.connections.countRefusal("forbidden");
    throw new PaybellError("forbidden", `The origin ${request.headers.origin} may not connect here.`);
  }

  #countRequest(remoteAddress: string, nowMs: number): void {
    try {
      this.#rate.admit(remoteAddress, nowMs);
    } catch (error) {
      this.#options.connections.countRefusal("rate_limited");
      throw error;
    }
  }

  /** What the engine would leave unanswered, and what is not worth reading. */
  #checkPolling(
    { method, headers }: IncomingMessage,
    response: ServerResponse,
    query: Query,
    connection: EngineConnection,
    { messageBytes }: Limits,
  ): void {
    if (method !== "GET" && method !== "POST") {
      throw new PaybellError("method_not_allowed", "A client polls by GET and sends by POST.");
    }
    if (query.transport === "websocket") throw this.#refusal("This is no WebSocket.");
    if (Number(headers["content-length"] ?? 0) > messageBytes) {
      connection.end("payload_too_large");
      throw new PaybellError("payload_too_large", "The body is larger than allowed.", { limit: messageBytes });
    }
    // Of a body whose length was not said, the engine finds out.
    response.once("finish", () => {
      if (response.statusCode === 413) connection.end("payload_too_large");
    });
  }

  /** Takes a place, and gives it back if the engine does not want the client after all. */
  #admit(request: IncomingMessage, answer: Duplex | ServerResponse, guest: Omit<Guest, "slot">): void {
    const slot = this.#options.connections.admit(this.route.protocol, guest.remoteAddress);
    this.#guests.set(request, { ...guest, slot });
    answer.once("close", () => {
      if (this.#guests.delete(request)) slot.release();
    });
  }

  /** Called by the engine from within a promise: nothing may be thrown. */
  #open(engine: EngineSocket): void {
    const { limits, clock, onError } = this.#options;
    const guest = this.#guests.get(engine.request);
    if (!guest) {
      onError(new Error("The engine opened a connection for a request that was not admitted."));
      engine.close(true);
      return;
    }
    this.#guests.delete(engine.request);
    const connection = new EngineConnection({ ...guest, engine, route: this.route, limits, clock, onError });
    const sid = engineId(engine);
    this.#bySid.set(sid, connection);
    this.#byEngine.set(engine, connection);
    engine.once("close", () => this.#bySid.delete(sid));
    guest.slot.attach(connection);
  }

  #connectionOf(engine: object): EngineConnection {
    const connection = this.#byEngine.get(engine);
    if (!connection) throw new PaybellError("shutting_down", "The connection is closed.");
    return connection;
  }

  #refusal(message: string): PaybellError {
    this.#options.connections.countRefusal("invalid_request");
    return new PaybellError("invalid_request", message);
  }
}

/** Will the engine open a connection? Everything else without a session it answers with an error of its own. */
function isHandshake({ method }: IncomingMessage, query: Query, transport: "polling" | "websocket"): boolean {
  return method === "GET" && !query.sid && query.EIO === "4" && query.transport === transport;
}

/** The engine would parse the URL again, and throws where it cannot. */
function withQuery(request: IncomingMessage, query: Query): IncomingMessage {
  return Object.assign(request, { _query: query });
}
