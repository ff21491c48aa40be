/**
 * The contract between the WebSocket transport and the protocols mounted on it.
 * The transport owns bytes, limits, pings, back-pressure and close codes; a protocol owns the meaning of messages.
 */
import type { IncomingMessage } from "node:http";
import type { ErrorCode } from "@paybell/protocol";

/** A complete, unmasked, uncompressed WebSocket text frame: made once, written to any number of sockets. */
export type Frame = Buffer & { readonly __frame: unique symbol };

export interface Connection {
  /** Unique in this process; for logs. */
  readonly id: string;
  readonly remoteAddress: string;
  readonly closed: boolean;
  /** Writes the frame. Never blocks; a client that lets more than `bufferedBytes` wait is closed with 4100. */
  send(frame: Frame): void;
  /** It serves this merchant from now on; harmless if repeated.
   * @throws PaybellError too_many_connections (`connectionsPerMerchant`); the connection stays open */
  serve(merchantId: string): void;
  /** Resolves when little enough waits in the socket for another page of the past, or the connection has ended. */
  writable(): Promise<void>;
  /** Ends the connection with the close code of this error, and its code as the reason. */
  end(code: ErrorCode): void;
  /** Ends the connection with a code of the protocol's own. */
  endWith(closeCode: number, reason: string): void;
}

/** How a connection is closed. */
export interface Closing {
  readonly closeCode: number;
  /** At most 123 bytes. */
  readonly reason: string;
}

/** One connection's side of a protocol. Errors that it throws end the connection with `internal_error`, no more. */
export interface ConnectionHandler {
  /** A text message of at most `messageBytes`. Messages of one connection are handed over one at a time, in order. */
  onMessage(text: string): void | Promise<void>;
  /** A binary message came, which no protocol here has. Absent: it is ignored. */
  onBinary?(): void;
  /** Called every few seconds while the connection is open, for what depends on time. */
  onBeat?(nowMs: number): void;
  /** The server ends the connection like this: what the client is sent before, if anything. */
  farewell?(closing: Closing): Frame | null;
  /** The connection is gone: give back what it held. Called once. */
  onClose(): void;
}

/** A request to open a WebSocket, before it is accepted. */
export interface UpgradeRequest {
  readonly url: URL;
  readonly params: Readonly<Record<string, string>>;
  readonly headers: IncomingMessage["headers"];
  readonly remoteAddress: string;
}

export interface SocketRoute {
  /** For metrics and logs: `native`, `blockonomics`, … */
  readonly protocol: string;
  /** Path with `:name` parts, e.g. `/payment/:address`. */
  readonly path: string;
  /** Clients treat any message as news: no error frames, no application pings. What a client sends counts against the
   * limits and is dropped before it reaches the protocol. */
  readonly silent: boolean;
  /** May this origin connect? Absent: any (the path carries its own capability). */
  allowsOrigin?(origin: string): boolean;
  /** How this protocol closes because of an error. Absent: with the registry's close code, and the error's as reason. */
  closing?(code: ErrorCode): Closing;
  /** Its clients stay away after an orderly close, whatever its code: at a restart the line is cut without a word, as by
   * a crash. */
  readonly cutAtRestart?: boolean;
  /** How a page is closed for which there is no room: after its handshake, since a browser cannot read an HTTP answer to
   * it. Programs, which send no origin, get that answer. Absent: everybody. */
  refusing?(code: ErrorCode): Closing;
  /** Called once the handshake is done. May start work of its own; must return at once. */
  open(connection: Connection, request: UpgradeRequest): ConnectionHandler;
}
