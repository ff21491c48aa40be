/**
 * What stands before a server while it is restarted, as a load balancer does. Clients that give up after a few attempts
 * see as many failures as the test wants, however long the server takes to come back.
 */
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

export class Gate {
  readonly #target: number;
  readonly #server: Server;
  #state: "open" | "shut" | "waiting" = "open";
  #waiting: Socket[] = [];
  readonly #inside = new Set<Socket>();

  private constructor(target: number) {
    this.#target = target;
    this.#server = createServer({ pauseOnConnect: true }, (client) => this.#arrive(client));
  }

  /** @param target a port of this machine */
  static async before(target: number): Promise<Gate> {
    const gate = new Gate(target);
    await new Promise<void>((resolve) => gate.#server.listen(0, "127.0.0.1", resolve));
    return gate;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Who comes is turned away at once. */
  shut(): void {
    this.#state = "shut";
  }

  /** Who comes waits for `open`. */
  hold(): void {
    this.#state = "waiting";
  }

  open(): void {
    this.#state = "open";
    for (const client of this.#waiting.splice(0)) this.#pass(client);
  }

  async close(): Promise<void> {
    for (const socket of this.#inside) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #arrive(client: Socket): void {
    this.#keep(client);
    if (this.#state === "shut") client.destroy();
    else if (this.#state === "waiting") this.#waiting.push(client);
    else this.#pass(client);
  }

  #pass(client: Socket): void {
    const server = this.#keep(connect(this.#target, "127.0.0.1"));
    client.pipe(server).pipe(client);
    // Whichever ends, ends both.
    client.on("close", () => server.destroy());
    server.on("close", () => client.destroy());
    client.resume();
  }

  #keep(socket: Socket): Socket {
    this.#inside.add(socket);
    socket.on("close", () => this.#inside.delete(socket));
    // A reset is an end like any other: `close` follows it.
    socket.on("error", () => socket.destroy());
    return socket;
  }
}
