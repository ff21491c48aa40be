/** The official clients of Socket.IO, at three versions, as a page or a server of somebody else has them. */
import { io as io48, type ManagerOptions, type Socket, type SocketOptions } from "socket.io-client";
import { io as io40 } from "socket.io-client-4.0";
import { io as io45 } from "socket.io-client-4.5";
import { until } from "../until.ts";

export type ClientOptions = Partial<ManagerOptions & SocketOptions>;

type Connect = (url: string, options: ClientOptions) => Socket;

export const SOCKET_IO_VERSIONS: Readonly<Record<string, Connect>> = {
  "4.0": io40,
  "4.5": io45 as unknown as Connect,
  "4.8": io48,
};

/** How a client may come: the last is the library's own default. */
export const SOCKET_IO_WAYS: Readonly<Record<string, string[]>> = {
  "WebSocket only": ["websocket"],
  "polling only": ["polling"],
  "polling, then WebSocket": ["polling", "websocket"],
};

/** One client that notes everything. */
export class SocketIoClient {
  readonly socket: Socket;
  /** Every event but the client's own: name and arguments. */
  readonly events: unknown[][] = [];
  /** Reasons of its disconnects, in order. */
  readonly disconnects: string[] = [];
  readonly failures: Error[] = [];
  connects = 0;

  constructor(url: string, options: ClientOptions = {}, version = "4.8") {
    const connect = SOCKET_IO_VERSIONS[version] as Connect;
    this.socket = connect(url, { forceNew: true, reconnectionDelay: 20, reconnectionDelayMax: 50, ...options });
    this.socket.onAny((...event: unknown[]) => this.events.push(event));
    this.socket.on("connect", () => (this.connects += 1));
    this.socket.on("disconnect", (reason) => this.disconnects.push(reason));
    this.socket.on("connect_error", (error) => this.failures.push(error));
  }

  /** What carries the connection now: `polling` or `websocket`. */
  get wire(): string | undefined {
    return this.socket.io.engine?.transport.name;
  }

  /** Resolves when it is connected, for the given time. */
  async connected(times = 1): Promise<this> {
    await until(
      () => `connect ${times}, after ${this.failures.map(String)}`,
      () => this.connects >= times && this.socket.connected,
    );
    return this;
  }

  /** Emits, and resolves with what the event of this name brought. */
  async ask(name: string, ...args: unknown[]): Promise<unknown[]> {
    const before = this.events.length;
    this.socket.emit(name, ...args);
    const answer = () => this.events.slice(before).find(([answered]) => answered === name);
    await until(`the answer to ${name}`, () => answer() !== undefined);
    return (answer() as unknown[]).slice(1);
  }

  close(): void {
    this.socket.disconnect();
  }
}
