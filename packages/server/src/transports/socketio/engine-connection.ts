/**
 * One client: its engine connection, whatever transport carries it, and its one socket in the main namespace. Events in
 * one at a time, limits, and an end after which the client comes back by itself.
 */
import { ERRORS, type ErrorCode } from "@paybell/protocol";
import type { Socket as EngineSocket } from "engine.io";
import type { Socket } from "socket.io";
import type { Clock } from "../../kit/clock.ts";
import { PaybellError } from "../../kit/errors.ts";
import type { Limits } from "../../kit/limits.ts";
import type { OpenConnection, Slot } from "../connections.ts";
import type { EventPacket, Session, SocketIoConnection, SocketIoHandler, SocketIoRoute } from "./connection.ts";
import { hasQueue, setCloseTimeout, webSocketOf } from "./engine-socket.ts";
import { EngineWebSocket } from "./engine-web-socket.ts";
import { Outlet } from "./outlet.ts";
import { sessionOf } from "./session.ts";

export interface EngineConnectionOptions {
  engine: EngineSocket;
  route: SocketIoRoute;
  url: URL;
  remoteAddress: string;
  slot: Slot;
  limits: Limits;
  clock: Clock;
  onError: (error: unknown) => void;
}

/** RFC 6455, 7.4.1: for the errors that have no close code of their own. */
const INTERNAL_ERROR = 1011;

interface Incoming {
  name: string;
  args: readonly unknown[];
}

export class EngineConnection implements SocketIoConnection, OpenConnection {
  readonly #options: EngineConnectionOptions;
  readonly #outlet: Outlet;
  readonly #inbox: Incoming[] = [];
  readonly #openedAtMs: number;
  #socket: Socket | null = null;
  #session: Session | null = null;
  #handler: SocketIoHandler | null = null;
  /** The protocol is opening its side: an end waits until it has one, which knows what to say. */
  #opening = false;
  #endsWith: ErrorCode | null = null;
  #handling = false;
  /** For the protocol: the client has left, or the server has ended it, or the engine's connection is gone. */
  #closed = false;
  /** When the client left the namespace; it closes the engine's connection itself, or we do. */
  #leftAtMs: number | null = null;
  #heardAtMs: number;
  #cutOff: NodeJS.Timeout | null = null;

  constructor(options: EngineConnectionOptions) {
    const { engine, limits, clock } = options;
    const nowMs = clock.nowMs();
    this.#options = options;
    this.#outlet = new Outlet(engine, limits.bufferedBytes);
    this.#openedAtMs = nowMs;
    this.#heardAtMs = nowMs;
    setCloseTimeout(engine, limits.closeTimeoutMs);
    engine.on("packet", () => this.#admitMessage());
    engine.once("close", (reason: string) => this.#gone(reason));
    const ws = webSocketOf(engine);
    if (ws) this.watch(ws);
  }

  get id(): string {
    return this.#socket?.id ?? "";
  }

  get remoteAddress(): string {
    return this.#options.remoteAddress;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Counts what the engine does not see: pings and pongs, each of which makes the server write, and what comes on a
   * WebSocket that has not taken over yet. */
  watch(ws: EngineWebSocket): void {
    const isCurrent = () => webSocketOf(this.#options.engine) === ws;
    ws.on("ping", () => this.#admitMessage(ws));
    ws.on("pong", () => this.#admitMessage(ws));
    ws.on("message", () => {
      if (this.#closed || !isCurrent()) this.#admitMessage(ws);
    });
    ws.onFault = (closeCode) => {
      if (isCurrent()) this.#finish(closeCode === 1009 ? "payload_too_large" : "invalid_request", closeCode);
    };
  }

  /**
   * The client wants to be in the main namespace.
   * @throws PaybellError invalid_request when it is, or the connection is being closed
   */
  admit(socket: Socket): void {
    if (this.#closed || this.#socket) throw new PaybellError("invalid_request", "This connection has its socket.");
    this.#socket = socket;
    this.#session = sessionOf(socket.handshake.auth);
    // Socket.IO puts it into its answer to the client; it declares it as its own, for its recovery in memory.
    (socket as unknown as { pid: string }).pid = this.#session.id;
  }

  /** The client is in the main namespace, and was told so. */
  open(socket: Socket): void {
    if (this.#closed || socket !== this.#socket) return;
    const { route, url, remoteAddress, engine } = this.#options;
    // The protocol is the only listener: nothing is emitted on the socket itself, whatever the event's name.
    socket.use((event) => this.#receive(event));
    socket.on("error", () => this.end("invalid_request"));
    socket.once("disconnect", () => this.#leave());
    const { headers } = engine.request;
    const { auth } = socket.handshake;
    const session = this.#session as Session;
    this.#opening = true;
    this.#attempt(() => {
      this.#handler = route.open(this, { url, headers, remoteAddress, auth, session });
    });
    this.#opening = false;
    if (this.#endsWith) this.end(this.#endsWith);
  }

  send(packet: EventPacket): void {
    if (this.#closed) return;
    this.#outlet.send(packet);
    if (this.#outlet.isFull) this.end("slow_consumer");
  }

  serve(merchantId: string): void {
    this.#options.slot.serve(merchantId);
  }

  writable(): Promise<void> {
    return this.#outlet.writable();
  }

  end(code: ErrorCode): void {
    this.#finish(code, ERRORS[code].closeCode ?? INTERNAL_ERROR);
  }

  beat(nowMs: number): void {
    const { limits, engine } = this.#options;
    if (this.#leftAtMs !== null && nowMs - this.#leftAtMs >= limits.handshakeTimeoutMs) engine.close();
    if (this.#closed) return;
    if (nowMs - this.#heardAtMs >= limits.idleTimeoutMs) this.end("idle_timeout");
    else if (!this.#socket && nowMs - this.#openedAtMs >= limits.handshakeTimeoutMs) this.end("request_timeout");
    if (!this.#closed) this.#attempt(() => this.#handler?.onBeat?.(nowMs));
  }

  /** Closes the engine's connection, never the namespace: after a disconnect packet a client stays away. */
  #finish(code: ErrorCode, closeCode: number): void {
    const { slot, engine, limits } = this.#options;
    if (this.#opening) {
      this.#endsWith ??= code;
      return;
    }
    if (this.#leftAtMs !== null) engine.close();
    if (this.#closed) return;
    slot.countEnd(code);
    this.#sayFarewell(code);
    this.#outlet.flush();
    this.#close();
    const ws = webSocketOf(engine);
    // The engine closes a WebSocket without a code. What still waits in it goes first.
    if (ws && !hasQueue(engine)) ws.close(closeCode, code);
    this.#cutOff = setTimeout(() => {
      engine.close(true);
      ws?.terminate();
    }, limits.closeTimeoutMs);
    engine.close();
  }

  /** The client says that it leaves the namespace, the only one that there is. */
  #leave(): void {
    if (this.#closed) return;
    this.#leftAtMs = this.#options.clock.nowMs();
    this.#close();
  }

  #sayFarewell(code: ErrorCode): void {
    try {
      const farewell = this.#handler?.farewell?.(code) ?? null;
      if (farewell) this.#outlet.send(farewell);
    } catch (error) {
      this.#options.onError(error);
    }
  }

  #admitMessage(on: EngineWebSocket | null = null): void {
    const { clock } = this.#options;
    const nowMs = clock.nowMs();
    const isInTime = this.#options.slot.takeMessage(nowMs);
    if (this.#closed) {
      if (isInTime) return;
      // Who goes on sending after the end is no longer read: the bytes stay where they came from, until he is cut.
      on?.pause();
      if (this.#leftAtMs !== null) this.#options.engine.close();
      return;
    }
    this.#heardAtMs = nowMs;
    if (!isInTime) this.end("rate_limited");
    else if (this.#outlet.isFull) this.end("slow_consumer");
  }

  #receive([name, ...args]: readonly unknown[]): void {
    if (this.#closed || typeof name !== "string") return;
    // The client asks for an acknowledgement: Socket.IO appends the function to call. No protocol here has them.
    if (typeof args.at(-1) === "function") args.pop();
    this.#inbox.push({ name, args });
    // No faster than may be sent on average: the client is quicker than what it asks for can be done.
    if (this.#inbox.length > this.#options.limits.messagesPerSecond * 2) this.end("rate_limited");
    else if (!this.#handling) void this.#work();
  }

  async #work(): Promise<void> {
    this.#handling = true;
    try {
      for (let event = this.#inbox.shift(); event; event = this.#inbox.shift()) {
        const handled = this.#handler?.onEvent(event.name, event.args);
        if (handled) await handled;
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#handling = false;
    }
  }

  /** The engine's connection is closed. Its WebSocket may still wait for the client's own close: till then it has its
   * place. */
  #gone(reason: string): void {
    const { slot, engine } = this.#options;
    if (!this.#closed) this.#countClose(reason);
    this.#close();
    const ws = webSocketOf(engine);
    if (!ws || ws.readyState === EngineWebSocket.CLOSED) this.#release(slot);
    else ws.once("close", () => this.#release(slot));
  }

  /** The protocol's side is over. Harmless if repeated. */
  #close(): void {
    const handler = this.#handler;
    this.#handler = null;
    this.#closed = true;
    this.#inbox.length = 0;
    this.#outlet.close();
    // Not from within a call of the protocol's own.
    if (handler) queueMicrotask(() => this.#attempt(() => handler.onClose()));
  }

  #release(slot: Slot): void {
    if (this.#cutOff) clearTimeout(this.#cutOff);
    slot.release();
  }

  /** The engine ended it by itself. */
  #countClose(reason: string): void {
    const { slot } = this.#options;
    if (reason === "ping timeout") slot.countEnd("idle_timeout");
    // Socket.IO forces it where a packet is none, or comes before its time.
    else if (reason === "parse error" || reason === "forced close") slot.countEnd("invalid_request");
  }

  #attempt(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    this.#options.onError(error);
    this.end("internal_error");
  }
}
