/**
 * The engine's WebSockets: as `ws` makes them, with our limits, with the socket below at hand, and with a last word
 * before they are closed for what the client sent.
 */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type ServerOptions, WebSocket, WebSocketServer } from "ws";
import type { Limits } from "../../kit/limits.ts";

/** Close codes by which `ws` answers bytes that are no WebSocket, or too many. Source: RFC 6455, 7.4.1. */
const CLIENTS_FAULT: ReadonlySet<number | undefined> = new Set([1002, 1003, 1007, 1008, 1009]);

interface WebSocketOptions extends ServerOptions<typeof EngineWebSocket> {
  /** Time for a client to answer the close. Source: ws 8.23, whose types do not have it yet. */
  closeTimeout: number;
}

export class EngineWebSocket extends WebSocket {
  /** The socket below: complete frames are written to it directly. Nothing is compressed, so the order holds. */
  wire: Duplex | null = null;
  /** `ws` is about to close it for what the client sent: a frame may still be written. */
  onFault: ((closeCode: number) => void) | null = null;

  override close(code?: number, data?: string | Buffer): void {
    const { onFault } = this;
    if (code !== undefined && onFault && this.readyState === WebSocket.OPEN && CLIENTS_FAULT.has(code)) {
      this.onFault = null;
      onFault(code);
    }
    super.close(code, data);
  }
}

export interface WebSocketHooks {
  /** Called before the engine gets the socket. */
  onOpen: (ws: EngineWebSocket, request: IncomingMessage) => void;
  /** It is no WebSocket handshake: to be answered on the bare socket. */
  onRefused: (socket: Duplex, error: Error) => void;
}

/** What the engine makes its WebSockets with (its option `wsEngine`), which passes no other limits than `maxPayload`. */
export function webSocketServer(limits: Limits, { onOpen, onRefused }: WebSocketHooks) {
  const options: WebSocketOptions = {
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: limits.messageBytes,
    maxFragments: limits.framesPerMessage,
    closeTimeout: limits.closeTimeoutMs,
    WebSocket: EngineWebSocket,
  };
  return class extends WebSocketServer<typeof EngineWebSocket> {
    constructor() {
      super(options);
      this.on("wsClientError", (error, socket) => onRefused(socket, error));
    }

    override handleUpgrade(
      request: IncomingMessage,
      socket: Duplex,
      head: Buffer,
      callback: (ws: EngineWebSocket, request: IncomingMessage) => void,
    ): void {
      super.handleUpgrade(request, socket, head, (ws) => {
        ws.wire = socket;
        onOpen(ws, request);
        callback(ws, request);
      });
    }
  };
}
