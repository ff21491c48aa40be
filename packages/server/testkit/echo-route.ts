/** A protocol of a few lines, to test the WebSocket transport with. */
import type {
  Connection,
  ConnectionHandler,
  SocketRoute,
  UpgradeRequest,
} from "../src/transports/websocket/connection.ts";
import { textFrame } from "../src/transports/websocket/frame.ts";

/** Says everything back, and keeps its connections for the test to use. */
export class Echo implements SocketRoute {
  readonly protocol = "echo";
  readonly path = "/echo/:name";
  readonly silent: boolean;
  readonly connections: Connection[] = [];
  readonly requests: UpgradeRequest[] = [];
  readonly handled: string[] = [];
  closes = 0;
  binaries = 0;
  onMessage: (text: string, connection: Connection) => void | Promise<void> = (text, connection) =>
    connection.send(textFrame(text));

  constructor(silent = false) {
    this.silent = silent;
  }

  allowsOrigin(origin: string): boolean {
    return origin !== "https://evil.example";
  }

  open(connection: Connection, request: UpgradeRequest): ConnectionHandler {
    this.connections.push(connection);
    this.requests.push(request);
    return {
      onMessage: (text) => {
        this.handled.push(text);
        return this.onMessage(text, connection);
      },
      onBinary: () => {
        this.binaries += 1;
      },
      onClose: () => {
        this.closes += 1;
      },
    };
  }
}
