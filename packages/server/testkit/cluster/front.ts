/**
 * The load balancer of the tests: one port, behind it the nodes that are ready, in turn. It knows of TCP only, as a
 * balancer does that speaks for other people's clients. A line stays with its node until one of them ends it.
 */
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

export interface FrontNode {
  readonly port: number;
  /** Whether new lines may be given to it. */
  readonly isReady: boolean;
}

export interface FrontOptions {
  /** Like one that goes by the client's address: all lines to the same node as long as it is ready. Where several requests
   * make up one session. */
  sticky?: boolean;
}

/** A client that comes while no node is ready waits for one so long, ms. */
const PATIENCE_MS = 1_000;
const PAUSE_MS = 25;

export class Front {
  /** Lines that were given to a node. */
  lines = 0;
  readonly #nodes: readonly FrontNode[];
  readonly #options: FrontOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #turn = 0;
  #closed = false;

  private constructor(nodes: readonly FrontNode[], options: FrontOptions) {
    this.#nodes = nodes;
    this.#options = options;
    this.#server = createServer({ pauseOnConnect: true }, (client) => void this.#arrive(client));
  }

  static async before(nodes: readonly FrontNode[], options: FrontOptions = {}): Promise<Front> {
    const front = new Front(nodes, options);
    await new Promise<void>((resolve) => front.#server.listen(0, "127.0.0.1", resolve));
    return front;
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
    this.#closed = true;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async #arrive(client: Socket): Promise<void> {
    this.#keep(client);
    const giveUpAtMs = Date.now() + PATIENCE_MS;
    while (!client.destroyed && !this.#closed) {
      const node = this.#next();
      if (node && (await this.#pass(client, node))) return;
      if (Date.now() > giveUpAtMs) break;
      await sleep(PAUSE_MS);
    }
    client.resetAndDestroy();
  }

  #next(): FrontNode | null {
    const ready = this.#nodes.filter(({ isReady }) => isReady);
    if (this.#options.sticky) return ready[0] ?? null;
    this.#turn += 1;
    return ready[this.#turn % ready.length] ?? null;
  }

  /** `false`: nobody listens there. */
  async #pass(client: Socket, { port }: FrontNode): Promise<boolean> {
    const server = this.#keep(connect(port, "127.0.0.1"));
    const isOpen = await new Promise<boolean>((resolve) => {
      server.once("connect", () => resolve(true));
      server.once("close", () => resolve(false));
    });
    if (!isOpen) return false;
    this.lines += 1;
    client.setNoDelay();
    server.setNoDelay();
    client.pipe(server).pipe(client);
    pair(client, server);
    pair(server, client);
    if (client.destroyed) server.destroy();
    return true;
  }

  #keep(socket: Socket): Socket {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    // A reset is an end like any other: `close` follows it.
    socket.on("error", () => socket.destroy());
    return socket;
  }
}

/** What becomes of the one becomes of the other, behind the last byte. */
function pair(one: Socket, other: Socket): void {
  one.on("close", (failed) => {
    if (failed) other.resetAndDestroy();
    else other.end();
  });
}
