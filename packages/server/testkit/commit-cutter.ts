/**
 * A TCP proxy in front of PostgreSQL that cuts a line exactly where it hurts: at the word COMMIT, before the server hears of
 * it or after it has answered, so that the client never learns what became of its transaction.
 */
import { connect, createServer, type Server, type Socket } from "node:net";
import { freePort } from "./server-process.ts";

/** `unheard`: the server never gets it, and is not told that the client is gone. `unanswered`: it commits; the answer does
 * not arrive. */
export type Cut = "unheard" | "unanswered";

/** The message "simple query" with the text COMMIT. */
const COMMIT = Buffer.from("COMMIT\0");

export class CommitCutter {
  readonly port: number;
  /** What is to happen to the next commits, one after the other. */
  readonly next: Cut[] = [];
  cuts = 0;
  /** No line is opened while this is set, as if the network were gone. */
  isDown = false;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(port: number, upstreamPort: number) {
    this.port = port;
    this.#server = createServer((client) => this.#open(client, upstreamPort));
  }

  static async start(upstreamPort: number): Promise<CommitCutter> {
    const proxy = new CommitCutter(await freePort(), upstreamPort);
    await new Promise<void>((resolve) => proxy.#server.listen(proxy.port, "127.0.0.1", resolve));
    return proxy;
  }

  /** The same database, through this proxy. */
  through(url: string): string {
    const changed = new URL(url);
    changed.port = String(this.port);
    return changed.href;
  }

  cutAll(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async close(): Promise<void> {
    this.cutAll();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #open(client: Socket, upstreamPort: number): void {
    if (this.isDown) {
      client.resetAndDestroy();
      return;
    }
    const upstream = connect(upstreamPort, "127.0.0.1");
    let cut: Cut | null = null;
    for (const socket of [client, upstream]) {
      this.#sockets.add(socket);
      // A line that breaks is what this is for.
      socket.on("error", () => undefined);
      socket.on("close", () => {
        this.#sockets.delete(socket);
        // The server of a line that was cut unheard is left in its transaction.
        if (cut !== "unheard") (socket === client ? upstream : client).destroy();
      });
    }
    client.on("data", (bytes) => {
      if (cut === null && bytes.includes(COMMIT)) cut = this.next.shift() ?? null;
      if (cut === "unheard") {
        this.cuts += 1;
        client.resetAndDestroy();
      } else upstream.write(bytes);
    });
    upstream.on("data", (bytes) => {
      if (cut === null) {
        client.write(bytes);
        return;
      }
      if (client.destroyed) return;
      this.cuts += 1;
      client.resetAndDestroy();
    });
  }
}
