/** The transports on a real HTTP server, with limits and a clock that the test sets. */
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, connect, type Socket } from "node:net";
import { WebSocket } from "ws";
import { PaybellError } from "../src/kit/errors.ts";
import { defaultLimits, type Limits } from "../src/kit/limits.ts";
import { TrustedProxies } from "../src/transports/client-address.ts";
import { Connections } from "../src/transports/connections.ts";
import { refuseSocket } from "../src/transports/refuse-socket.ts";
import type { SocketIoRoute } from "../src/transports/socketio/connection.ts";
import { SocketIoTransport } from "../src/transports/socketio/transport.ts";
import type { SocketRoute } from "../src/transports/websocket/connection.ts";
import { WebSocketTransport } from "../src/transports/websocket/server.ts";
import { ManualClock } from "./manual-clock.ts";
import { until } from "./until.ts";

export interface TransportServerOptions {
  routes?: readonly SocketRoute[];
  socketIoRoutes?: readonly SocketIoRoute[];
  limits?: Partial<Limits>;
  trustProxy?: readonly string[];
  /** PEM texts; left out: no TLS. */
  tls?: { cert: string; key: string };
}

export class TransportServer {
  readonly clock = new ManualClock(Date.UTC(2026, 0, 1));
  readonly errors: unknown[] = [];
  readonly limits: Limits;
  readonly connections: Connections;
  readonly sockets: WebSocketTransport;
  readonly socketIo: SocketIoTransport;
  readonly http: Server;
  readonly #clients: { terminate(): void }[] = [];
  #api: RequestListener = (_request, response) => response.writeHead(404).end();

  constructor(options: TransportServerOptions) {
    const { clock } = this;
    const onError = (error: unknown) => this.errors.push(error);
    this.limits = { ...defaultLimits, closeTimeoutMs: 200, ...options.limits };
    this.connections = new Connections({ limits: this.limits, clock, onError });
    const proxies = new TrustedProxies(options.trustProxy ?? []);
    const { connections, limits } = this;
    this.sockets = new WebSocketTransport({ connections, proxies, limits, clock, onError });
    this.socketIo = new SocketIoTransport({ connections, proxies, limits, clock, onError });
    for (const route of options.routes ?? []) this.sockets.mount(route);
    for (const route of options.socketIoRoutes ?? []) this.socketIo.mount(route);
    this.http = options.tls ? createTlsServer(options.tls) : createServer();
    this.http.on("request", (request, response) => {
      if (!this.socketIo.handleRequest(request, response)) this.#api(request, response);
    });
    this.http.on("upgrade", (request, socket, head) => {
      if (this.sockets.handleUpgrade(request, socket, head)) return;
      if (this.socketIo.handleUpgrade(request, socket, head)) return;
      refuseSocket(socket, new PaybellError("not_found", "There is no WebSocket at this path."));
    });
  }

  /** Who answers the requests that no transport takes; until then it is 404. */
  serve(api: RequestListener): Server {
    this.#api = api;
    return this.http;
  }

  async listen(port = 0): Promise<this> {
    await new Promise<void>((resolve) => this.http.listen(port, "127.0.0.1", resolve));
    return this;
  }

  get port(): number {
    return (this.http.address() as AddressInfo).port;
  }

  /** A client that is not yet open. */
  client(path: string, options: { headers?: Record<string, string>; protocols?: string[] } = {}): TestClient {
    const client = new TestClient(`ws://127.0.0.1:${this.port}${path}`, options);
    this.#clients.push(client);
    return client;
  }

  async open(path: string, options: { headers?: Record<string, string>; protocols?: string[] } = {}) {
    const client = this.client(path, options);
    await client.opened;
    return client;
  }

  /** A bare TCP connection. */
  async dial(): Promise<Socket> {
    const socket = connect(this.port, "127.0.0.1");
    socket.on("error", () => undefined);
    this.#clients.push({ terminate: () => socket.destroy() });
    await new Promise<void>((resolve) => socket.once("connect", resolve));
    return socket;
  }

  /** A WebSocket whose client never reads: its handshake was answered, then it stopped. */
  async dialDeaf(path: string): Promise<Socket> {
    const socket = await this.dial();
    socket.write(handshake(path));
    await new Promise<void>((resolve) => socket.once("data", () => resolve()));
    socket.pause();
    return socket;
  }

  /** Ends every client, and resolves when the server has noticed. */
  async closeClients(): Promise<void> {
    for (const client of this.#clients.splice(0)) client.terminate();
    await until("all places to be free", () => this.connections.total === 0);
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.terminate();
    await this.connections.drain({ withinMs: 0 });
    this.http.closeAllConnections();
    await new Promise<void>((resolve) => this.http.close(() => resolve()));
  }
}

export function handshake(path: string, headers: readonly string[] = []): string {
  const lines = [
    `GET ${path} HTTP/1.1`,
    "Host: 127.0.0.1",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ...headers,
  ];
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** A `ws` client that notes everything. */
export class TestClient {
  readonly ws: WebSocket;
  readonly received: string[] = [];
  pings = 0;
  /** Rejects with the answer when the upgrade is refused. */
  readonly opened: Promise<void>;
  readonly closed: Promise<{ code: number; reason: string }>;

  constructor(url: string, options: { headers?: Record<string, string>; protocols?: string[] }) {
    this.ws = new WebSocket(url, options.protocols ?? [], options.headers ? { headers: options.headers } : {});
    this.ws.on("message", (data) => this.received.push(data.toString()));
    this.ws.on("ping", () => (this.pings += 1));
    this.opened = new Promise((resolve, reject) => {
      this.ws.once("open", resolve);
      this.ws.on("unexpected-response", (_request, response) => {
        let body = "";
        response.on("data", (chunk: Buffer) => (body += chunk.toString()));
        response.on("end", () => reject(new Refused(response.statusCode ?? 0, response.headers, body)));
      });
      this.ws.on("error", reject);
    });
    // Whoever does not wait for it must not be ended by it.
    this.opened.catch(() => undefined);
    this.closed = new Promise((resolve) =>
      this.ws.once("close", (code, reason) => resolve({ code, reason: reason.toString() })),
    );
  }

  /** The messages as JSON. */
  get messages(): Record<string, unknown>[] {
    return this.received.map((text) => JSON.parse(text) as Record<string, unknown>);
  }

  send(message: unknown): void {
    this.ws.send(typeof message === "string" ? message : JSON.stringify(message));
  }

  terminate(): void {
    this.ws.terminate();
  }
}

export class Refused extends Error {
  override readonly name = "Refused";
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: string;

  constructor(status: number, headers: Record<string, string | string[] | undefined>, body: string) {
    super(`${status} ${body}`);
    this.status = status;
    this.headers = headers;
    this.body = body;
  }

  get code(): string {
    return (JSON.parse(this.body) as { error: { code: string } }).error.code;
  }
}
