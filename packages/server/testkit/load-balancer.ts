/**
 * What stands before several processes: passes each new connection on to the next of them, and to the one after it where
 * the port is closed. What a client that polls says of one session goes to the process that opened it: known by the
 * session's name, as a real load balancer knows it (deploy/haproxy.cfg). Open connections stay where they are.
 */
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** In the first line of a request: Socket.IO's session, or one of pusher-js's HTTP fallback. */
const SESSION_ASKED = /[?&]sid=([^&\s]+)|^\w+ \/pusher\/app\/[^/]+\/(\d+\/[^/]+)\//;
/** In the head of the answer that opens a session of Socket.IO. */
const SESSION_OPENED = /^Paybell-Session: (\S+)\r$/m;

export class LoadBalancer {
  /** Ports of this machine. */
  targets: readonly number[];
  /** Connections that were passed on, by port. */
  readonly passed = new Map<number, number>();
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Session → the port of its process. */
  readonly #sessions = new Map<string, number>();
  #next = 0;

  private constructor(targets: readonly number[]) {
    this.targets = targets;
    this.#server = createServer((client) => {
      this.#keep(client);
      client.once("data", (head: Buffer) => {
        client.pause();
        this.#pass(client, head);
      });
    });
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

  /** @param head the first bytes of the client */
  #pass(client: Socket, head: Buffer, refusals = 0): void {
    const { targets } = this;
    if (refusals >= targets.length) {
      client.destroy();
      return;
    }
    const session = sessionIn(head);
    const known = refusals === 0 && session !== null ? this.#sessions.get(session) : undefined;
    const port = known ?? (targets[this.#next++ % targets.length] as number);
    const server = connect(port, "127.0.0.1");
    const refused = () => this.#pass(client, head, refusals + 1);
    server.once("error", refused);
    server.once("connect", () => {
      server.off("error", refused);
      this.passed.set(port, (this.passed.get(port) ?? 0) + 1);
      if (session !== null) this.#sessions.set(session, port);
      this.#keep(server);
      this.#join(client, server, port);
      server.write(head);
    });
  }

  /** Bytes both ways, each side's end to the other. */
  #join(client: Socket, server: Socket, port: number): void {
    server.once("data", (answer: Buffer) => {
      const opened = SESSION_OPENED.exec(answer.toString("latin1"))?.[1];
      if (opened !== undefined) this.#sessions.set(opened, port);
    });
    client.pipe(server).pipe(client);
    client.on("close", () => server.destroy());
    // What the server said last is still on its way to the client.
    server.on("close", () => client.destroySoon());
  }

  #keep(socket: Socket): Socket {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    // A reset is an end like any other: `close` follows it.
    socket.on("error", () => socket.destroy());
    return socket;
  }
}

function sessionIn(head: Buffer): string | null {
  const [line = ""] = head.toString("latin1").split("\r\n", 1);
  const [, socketIo, pusher] = SESSION_ASKED.exec(line) ?? [];
  return socketIo ?? pusher ?? null;
}
