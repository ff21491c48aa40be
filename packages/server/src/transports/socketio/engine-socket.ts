/** What Engine.IO's socket has but does not declare: the only place that knows; so its minor version is pinned. Source:
 * engine.io 6.6, `socket.ts`. */
import type { Socket } from "engine.io";
import { EngineWebSocket } from "./engine-web-socket.ts";

interface Undeclared {
  readonly id: string;
  readonly writeBuffer: readonly unknown[];
  readonly transport: { socket?: unknown; closeTimeout?: number };
}

const open = (socket: Socket) => socket as unknown as Undeclared;

/** The secret that a client's requests name. */
export function engineId(socket: Socket): string {
  return open(socket).id;
}

/** The WebSocket that carries the connection now; `null` while that is HTTP long-polling. */
export function webSocketOf(socket: Socket): EngineWebSocket | null {
  const ws = open(socket).transport.socket;
  return ws instanceof EngineWebSocket ? ws : null;
}

/** Does something wait in the engine until the client polls, or until the last write was taken? */
export function hasQueue(socket: Socket): boolean {
  return open(socket).writeBuffer.length > 0;
}

/** How long a polling transport waits, once it is to be closed, for a request to answer so. */
export function setCloseTimeout(socket: Socket, closeTimeoutMs: number): void {
  open(socket).transport.closeTimeout = closeTimeoutMs;
}
