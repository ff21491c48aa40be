/** A protocol of a few lines, to test the Socket.IO transport with. */
import type { ErrorCode } from "@paybell/protocol";
import type {
  EventPacket,
  SocketIoConnection,
  SocketIoHandler,
  SocketIoHandshake,
  SocketIoRoute,
} from "../src/transports/socketio/connection.ts";
import { eventPacket } from "../src/transports/socketio/event-packet.ts";

export const ALLOWED_ORIGIN = "https://shop.example";

/** Says every event back, says why it ends a connection, and keeps its connections for the test to use. */
export class SocketIoEcho implements SocketIoRoute {
  readonly protocol = "echo";
  readonly path: string;
  readonly connections: SocketIoConnection[] = [];
  readonly handshakes: SocketIoHandshake[] = [];
  readonly handled: { name: string; args: readonly unknown[] }[] = [];
  closes = 0;
  beats = 0;
  onEvent: (name: string, args: readonly unknown[], connection: SocketIoConnection) => void | Promise<void> = (
    name,
    args,
    connection,
  ) => connection.send(eventPacket(name, args));
  onOpen: (connection: SocketIoConnection) => void = () => undefined;

  constructor(path = "/socket.io") {
    this.path = path;
  }

  get last(): SocketIoConnection {
    return this.connections.at(-1) as SocketIoConnection;
  }

  get openOnes(): number {
    return this.connections.filter(({ closed }) => !closed).length;
  }

  allowsOrigin(origin: string): boolean {
    return origin === ALLOWED_ORIGIN || origin.startsWith("http://127.0.0.1:");
  }

  open(connection: SocketIoConnection, handshake: SocketIoHandshake): SocketIoHandler {
    this.connections.push(connection);
    this.handshakes.push(handshake);
    this.onOpen(connection);
    return {
      onEvent: (name, args) => {
        this.handled.push({ name, args });
        return this.onEvent(name, args, connection);
      },
      farewell: (code: ErrorCode): EventPacket => eventPacket("farewell", [code]),
      onBeat: () => {
        this.beats += 1;
      },
      onClose: () => {
        this.closes += 1;
      },
    };
  }
}
