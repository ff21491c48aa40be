/**
 * The contract between the Socket.IO transport and the protocols mounted on it: one protocol per engine path.
 * The transport owns bytes, both engine transports (WebSocket, HTTP long-polling), limits, heartbeats and
 * back-pressure; a protocol owns the meaning of events.
 */
import type { IncomingMessage } from "node:http";
import type { ErrorCode } from "@paybell/protocol";
import type { Frame } from "../websocket/connection.ts";

/** An event packet of the main namespace, encoded: made once (`eventPacket`), written to any number of sockets. */
export interface EventPacket {
  /** The Socket.IO packet, as the engine's message carries it. */
  readonly encoded: string;
  /** The same as a complete WebSocket text frame, for sockets on that engine transport. */
  readonly frame: Frame;
}

/** One Socket.IO socket, in the main namespace. */
export interface SocketIoConnection {
  /** The socket's id, as its client sees it. */
  readonly id: string;
  readonly remoteAddress: string;
  readonly closed: boolean;
  /** Never blocks; a client that lets more than `bufferedBytes` wait is ended with `slow_consumer`. */
  send(packet: EventPacket): void;
  /** It serves this merchant from now on; harmless if repeated.
   * @throws PaybellError too_many_connections (`connectionsPerMerchant`); the connection stays open */
  serve(merchantId: string): void;
  /** Resolves when little enough waits for another page of the past, or the connection has ended. */
  writable(): Promise<void>;
  /** Tells the client in its protocol's way (`SocketIoHandler.farewell`), then closes the engine's connection, so that
   * the client comes back by itself: a disconnect packet would stop its automatic reconnect. */
  end(code: ErrorCode): void;
}

/** What a client brought with it. */
export interface SocketIoHandshake {
  /** Of the engine's first request. */
  readonly url: URL;
  readonly headers: IncomingMessage["headers"];
  readonly remoteAddress: string;
  /** The `auth` of the connect packet: an object of anything, from outside; empty when none was sent. */
  readonly auth: Readonly<Record<string, unknown>>;
  readonly session: Session;
}

/** What a client keeps over reconnects (Socket.IO's `pid`, clients from 4.6 on): lets a protocol know it again. */
export interface Session {
  /** Random, at least 120 bits; the client's own from before when it came back with one. */
  readonly id: string;
  /** The client came back with this id. */
  readonly isReturning: boolean;
  /** The last text that the client had as the last argument of an event (see `eventPacket`); `null`: none. */
  readonly offset: string | null;
}

/** One connection's side of a protocol. Errors that it throws end the connection with `internal_error`, no more. */
export interface SocketIoHandler {
  /** An event of the client, its arguments as they came: anything. One at a time, in order. Packets that are no events,
   * and events that Socket.IO itself reserves, do not get here. */
  onEvent(name: string, args: readonly unknown[]): void | Promise<void>;
  /** What the client is told before the server ends the connection; `null`: nothing. */
  farewell?(code: ErrorCode): EventPacket | null;
  /** Called every few seconds while the connection is open, for what depends on time. */
  onBeat?(nowMs: number): void;
  /** The connection is gone: give back what it held. Called once. */
  onClose(): void;
}

export interface SocketIoRoute {
  /** For metrics and logs: `crypto-shop`, `tributary`. */
  readonly protocol: string;
  /** The engine's path, `/socket.io` or `/ws/v1`; with and without a slash at its end. */
  readonly path: string;
  /** Cookies and tokens of a page count here: may pages of this origin connect, with credentials? Requests without an
   * origin come from no page. Absent: any origin, without credentials. */
  allowsOrigin?(origin: string): boolean;
  /** Called once the client is connected to the main namespace (others are refused). May start work of its own; must
   * return at once. */
  open(connection: SocketIoConnection, handshake: SocketIoHandshake): SocketIoHandler;
}
