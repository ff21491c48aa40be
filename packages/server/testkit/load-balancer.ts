/**
 * What stands before several processes: passes each new connection on to the next of them, and to the one after it where
 * the port is closed. Open connections stay where they are.
 */
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

export class LoadBalancer {
  /** Ports of this machine. */
  targets: readonly number[];
  /** Connections that were passed on, by port. */
  readonly passed = new Map<number, number>();
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #next = 0;

  private constructor(targets: readonly number[]) {
    this.targets = targets;
    this.#server = createServer({ pauseOnConnect: true }, (client) => this.#pass(this.#keep(client)));
  }

  static async before(...targets: number[]): Promise<LoadBalancer> {
    const balancer = new LoadBalancer(targets);
    await new Promise<void>((resolve) => balancer.#server.listen(0, "127.0.0.1", resolve));
    return balancer;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get wsUrl(): string {
    return `ws://127.0.0.1:${this.port}`;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #pass(client: Socket, refusals = 0): void {
    const { targets } = this;
    if (refusals >= targets.length) {
      client.destroy();
      return;
    }
    const port = targets[this.#next++ % targets.length] as number;
    const server = connect(port, "127.0.0.1");
    const refused = () => this.#pass(client, refusals + 1);
    server.once("error", refused);
    server.once("connect", () => {
      server.off("error", refused);
      this.passed.set(port, (this.passed.get(port) ?? 0) + 1);
      this.#keep(server);
      this.#join(client, server);
    });
  }

  /** Bytes both ways, each side's end to the other. */
  #join(client: Socket, server: Socket): void {
    client.pipe(server).pipe(client);
    client.on("close", () => server.destroy());
    // What the server said last is still on its way to the client.
    server.on("close", () => client.destroySoon());
    client.resume();
  }

  #keep(socket: Socket): Socket {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    // A reset is an end like any other: `close` follows it.
    socket.on("error", () => socket.destroy());
    return socket;
  }
}
