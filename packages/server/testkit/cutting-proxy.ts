/** A TCP proxy in front of a server, that cuts lines as networks do: between two messages or in the middle of one, with a
 * word to both sides, with a reset, so that the client's side hears of it and the server's only later, or so that nobody
 * hears of it at all. */
import { connect, createServer, type Server, type Socket } from "node:net";
import { freePort } from "./server-process.ts";

interface Line {
  client: Socket;
  upstream: Socket;
  /** Set: the next bytes from the server are the last, and only this share of them arrives. */
  lastShare: number | null;
  /** Set: nothing arrives any more, and nobody is told. */
  isDead: boolean;
}

export class CuttingProxy {
  readonly port: number;
  cuts = 0;
  /** Lines that were opened so far. */
  accepted = 0;
  /** While this is set, no line is opened: `refused` says so, `silent` takes it and never answers. */
  newLines: "open" | "refused" | "silent" = "open";
  /** Changes what the server says, in as many bytes. */
  rewrite: ((text: string) => string) | null = null;
  readonly #server: Server;
  readonly #lines = new Set<Line>();

  private constructor(port: number, upstreamPort: number) {
    this.port = port;
    this.#server = createServer((client) => this.#open(client, upstreamPort));
  }

  static async start(upstreamPort: number): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(await freePort(), upstreamPort);
    await new Promise<void>((resolve) => proxy.#server.listen(proxy.port, "127.0.0.1", resolve));
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Cuts one of the lines that are open. @param random from 0 to 1 */
  cut(random: () => number): void {
    const lines = [...this.#lines];
    const line = lines[Math.floor(random() * lines.length)];
    if (!line) return;
    this.cuts += 1;
    const way = random();
    if (way < 0.5) line.lastShare = random();
    else if (way < 0.75) line.client.resetAndDestroy();
    else line.upstream.resetAndDestroy();
  }

  /** All lines that are open go dead: both sides still have them, and nothing comes through. */
  silence(): void {
    this.cuts += this.#lines.size;
    for (const line of this.#lines) line.isDead = true;
  }

  /** Resets all lines that are open. */
  cutAll(): void {
    this.cuts += this.#lines.size;
    for (const { client, upstream } of this.#lines) {
      client.resetAndDestroy();
      upstream.resetAndDestroy();
    }
  }

  async close(): Promise<void> {
    for (const { client, upstream } of this.#lines) {
      client.destroy();
      upstream.destroy();
    }
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #open(client: Socket, upstreamPort: number): void {
    if (this.newLines === "refused") {
      client.resetAndDestroy();
      return;
    }
    this.accepted += 1;
    const upstream = connect(upstreamPort, "127.0.0.1");
    const line: Line = { client, upstream, lastShare: null, isDead: this.newLines === "silent" };
    this.#lines.add(line);
    const end = () => {
      this.#lines.delete(line);
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      // A line that breaks is what this is for.
      socket.on("error", end);
      socket.on("close", end);
    }
    client.on("data", (bytes) => {
      if (!line.isDead) upstream.write(bytes);
    });
    upstream.on("data", (said: Buffer) => {
      if (line.isDead) return;
      const bytes = this.rewrite ? Buffer.from(this.rewrite(said.toString("latin1")), "latin1") : said;
      if (line.lastShare === null) client.write(bytes);
      else client.end(bytes.subarray(0, Math.floor(bytes.length * line.lastShare)), end);
    });
  }
}
