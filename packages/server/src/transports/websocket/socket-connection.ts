/**
 * One WebSocket: bytes out with back-pressure, messages in one at a time, pings, limits, and an end that comes in
 * bounded time whatever the client does.
 */
import type { Duplex } from "node:stream";
import { ERRORS, type ErrorCode } from "@paybell/protocol";
import type { RawData, WebSocket } from "ws";
import type { Clock } from "../../kit/clock.ts";
import type { Limits } from "../../kit/limits.ts";
import type { OpenConnection, Slot } from "../connections.ts";
import type { Closing, Connection, ConnectionHandler, Frame } from "./connection.ts";
import { joinFrames } from "./frame.ts";

export interface SocketConnectionOptions {
  id: string;
  remoteAddress: string;
  ws: WebSocket;
  /** The socket below `ws`: complete frames are written to it directly. Nothing is compressed, so the order holds. */
  socket: Duplex;
  slot: Slot;
  silent: boolean;
  /** The route's. */
  closing?: ((code: ErrorCode) => Closing) | undefined;
  /** The route's. */
  cutAtRestart: boolean;
  limits: Limits;
  clock: Clock;
  onError: (error: unknown) => void;
}

const NOTHING = Buffer.alloc(0);
/** RFC 6455, 7.4.1: for the errors that have no close code of their own. */
const INTERNAL_ERROR = 1011;

export class SocketConnection implements Connection, OpenConnection {
  readonly #options: SocketConnectionOptions;
  readonly #inbox: string[] = [];
  #outbox: Frame[] = [];
  #outboxBytes = 0;
  #handler: ConnectionHandler | null = null;
  #handling = false;
  #closed = false;
  #heardAtMs: number;
  #pingedAtMs: number;
  #pingUnanswered = false;
  #cutOff: NodeJS.Timeout | null = null;

  constructor(options: SocketConnectionOptions) {
    const nowMs = options.clock.nowMs();
    this.#options = options;
    this.#heardAtMs = nowMs;
    this.#pingedAtMs = nowMs;
  }

  get id(): string {
    return this.#options.id;
  }

  get remoteAddress(): string {
    return this.#options.remoteAddress;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Opens the protocol's side and lets messages in. */
  start(open: (connection: Connection) => ConnectionHandler): void {
    const { ws, slot } = this.#options;
    ws.on("message", (data, isBinary) => this.#receive(data, isBinary));
    ws.on("ping", () => this.#admitMessage());
    ws.on("pong", () => this.#admitMessage());
    ws.on("error", (error) => this.#protocolError(error));
    ws.on("close", () => this.#gone());
    try {
      this.#handler = open(this);
    } catch (error) {
      this.#fail(error);
    }
    slot.attach(this);
  }

  /** What is sent in one go leaves in one write, a microtask later: a commit often has several frames for a client. */
  send(frame: Frame): void {
    if (this.#closed) return;
    if (this.#outbox.length === 0) queueMicrotask(() => this.#flush());
    this.#outbox.push(frame);
    this.#outboxBytes += frame.length;
    const { socket, limits } = this.#options;
    if (socket.writableLength + this.#outboxBytes > limits.bufferedBytes) this.end("slow_consumer");
  }

  serve(merchantId: string): void {
    this.#options.slot.serve(merchantId);
  }

  writable(): Promise<void> {
    this.#flush();
    const { socket, limits } = this.#options;
    if (this.#closed || socket.writableLength <= limits.bufferedBytes / 4) return Promise.resolve();
    // The callback of an empty write comes after everything before it was taken by the system, or with an error when
    // the socket is destroyed: both mean that the wait is over.
    return new Promise((resolve) => socket.write(NOTHING, () => resolve()));
  }

  end(code: ErrorCode): void {
    if (this.#closed) return;
    this.#options.slot.countEnd(code);
    if (code === "shutting_down" && this.#options.cutAtRestart) {
      this.#close(() => this.#options.socket.end());
      return;
    }
    const closing = this.#options.closing?.(code) ?? closingOf(code);
    const farewell = this.#handler?.farewell?.(closing);
    if (farewell) this.#outbox.push(farewell);
    this.endWith(closing.closeCode, closing.reason);
  }

  endWith(closeCode: number, reason: string): void {
    this.#close((ws) => ws.close(closeCode, reason));
  }

  beat(nowMs: number): void {
    if (this.#closed) return;
    const { limits, ws } = this.#options;
    const pingIsOld = nowMs - this.#pingedAtMs >= limits.pingIntervalMs;
    if (nowMs - this.#heardAtMs >= limits.idleTimeoutMs || (this.#pingUnanswered && pingIsOld)) {
      this.end("idle_timeout");
    } else if (pingIsOld) {
      this.#pingedAtMs = nowMs;
      this.#pingUnanswered = true;
      ws.ping();
    }
    if (!this.#closed) this.#attempt(() => this.#handler?.onBeat?.(nowMs));
  }

  #close(say: (ws: WebSocket) => void): void {
    if (this.#closed) return;
    this.#flush();
    this.#closed = true;
    const { ws, limits } = this.#options;
    this.#inbox.length = 0;
    ws.resume();
    say(ws);
    this.#cutOff = setTimeout(() => ws.terminate(), limits.closeTimeoutMs);
  }

  #flush(): void {
    const frames = this.#outbox;
    if (frames.length === 0) return;
    this.#outbox = [];
    this.#outboxBytes = 0;
    if (!this.#closed) this.#options.socket.write(joinFrames(frames));
  }

  #hear(): void {
    this.#heardAtMs = this.#options.clock.nowMs();
    this.#pingUnanswered = false;
  }

  /** Pings count as messages: each makes the server write a pong, which a client might never read. So do pongs, of which
   * a client has to send two a minute. */
  #admitMessage(): boolean {
    if (this.#closed) {
      this.#ignore();
      return false;
    }
    this.#hear();
    if (!this.#options.slot.takeMessage(this.#heardAtMs)) this.end("rate_limited");
    else if (this.#options.socket.writableLength > this.#options.limits.bufferedBytes) this.end("slow_consumer");
    return !this.#closed;
  }

  /** After the end only the client's own close is waited for. Who goes on sending instead is no longer read: the bytes
   * stay where they came from, until the connection is cut. */
  #ignore(): void {
    const { ws, clock } = this.#options;
    if (!this.#options.slot.takeMessage(clock.nowMs())) ws.pause();
  }

  #receive(data: RawData, isBinary: boolean): void {
    if (!this.#admitMessage() || this.#options.silent) return;
    if (isBinary) {
      this.#attempt(() => this.#handler?.onBinary?.());
      return;
    }
    this.#inbox.push(data.toString());
    if (!this.#handling) void this.#work();
  }

  /** Hands messages over one at a time. While one is being handled nothing more is read from the socket, so the inbox
   * holds no more than had already arrived. */
  async #work(): Promise<void> {
    const { ws } = this.#options;
    this.#handling = true;
    try {
      for (let text = this.#inbox.shift(); text !== undefined; text = this.#inbox.shift()) {
        const handled = this.#handler?.onMessage(text);
        if (!handled) continue;
        ws.pause();
        await handled;
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#handling = false;
      if (!this.#closed) ws.resume();
    }
  }

  /** `ws` found the bytes to be no WebSocket, or too many; it has sent the close frame itself. */
  #protocolError(error: Error & { code?: string }): void {
    if (this.#closed) return;
    const tooLarge = error.code === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH";
    this.#options.slot.countEnd(tooLarge ? "payload_too_large" : "invalid_request");
    this.endWith(tooLarge ? 1009 : 1002, "");
  }

  #gone(): void {
    this.#closed = true;
    if (this.#cutOff) clearTimeout(this.#cutOff);
    this.#inbox.length = 0;
    this.#options.slot.release();
    this.#attempt(() => this.#handler?.onClose());
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

function closingOf(code: ErrorCode): Closing {
  return { closeCode: ERRORS[code].closeCode ?? INTERNAL_ERROR, reason: code };
}
