/**
 * The network between one server and something that it needs, as a TCP proxy that fails in the ways in which networks do:
 * with a word to both sides, with none to either, or to one only.
 */
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/**
 * - `up`: everything passes, after `delayMs`.
 * - `refused`: lines are reset, new ones too: a firewall that says so, a server that is gone.
 * - `silent`: nothing passes, nobody is told, not even of an end. What was sent meanwhile arrives when the link is up
 *   again, as TCP would repeat it.
 * - `unanswered`: the same for what comes back; what is asked arrives.
 */
export type LinkState = "up" | "refused" | "silent" | "unanswered";

/** What one end has said and the other has not heard yet. */
class Direction {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #link: NetworkLink;
  readonly #isAnswer: boolean;
  #held: Buffer[] = [];
  #over = false;

  constructor(link: NetworkLink, from: Socket, to: Socket, isAnswer: boolean) {
    this.#link = link;
    this.#from = from;
    this.#to = to;
    this.#isAnswer = isAnswer;
    from.on("data", (bytes) => this.#take(bytes));
    from.on("close", () => {
      this.#over = true;
      this.flush();
    });
  }

  flush(): void {
    if (this.#isHeld) return;
    for (const bytes of this.#held.splice(0)) this.#pass(bytes);
    if (!this.#over) return;
    if (this.#link.delayMs === 0) this.#to.end(() => this.#to.destroy());
    else setTimeout(() => this.#to.end(() => this.#to.destroy()), this.#link.delayMs);
  }

  get #isHeld(): boolean {
    const { state } = this.#link;
    return state === "silent" || (state === "unanswered" && this.#isAnswer);
  }

  #take(bytes: Buffer): void {
    if (this.#isHeld) this.#held.push(bytes);
    else this.#pass(bytes);
  }

  #pass(bytes: Buffer): void {
    if (this.#to.destroyed) return;
    if (this.#link.delayMs === 0) {
      // Whoever does not read holds up who writes, as without a proxy.
      if (this.#to.write(bytes)) return;
      this.#from.pause();
      this.#to.once("drain", () => this.#from.resume());
    } else setTimeout(() => this.#to.destroyed || this.#to.write(bytes), this.#link.delayMs);
  }
}

interface Line {
  sockets: readonly [client: Socket, server: Socket];
  directions: readonly Direction[];
}

export class NetworkLink {
  #state: LinkState = "up";
  /** One way, while it is up. Timers keep their order where it stays the same. */
  delayMs = 0;
  readonly #server: Server;
  readonly #target: number;
  readonly #lines = new Set<Line>();

  private constructor(target: number) {
    this.#target = target;
    this.#server = createServer((client) => this.#open(client));
  }

  /** @param target a port of this machine */
  static async to(target: number): Promise<NetworkLink> {
    const link = new NetworkLink(target);
    await new Promise<void>((resolve) => link.#server.listen(0, "127.0.0.1", resolve));
    return link;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get state(): LinkState {
    return this.#state;
  }

  /** The same address, through this link. */
  through(url: string): string {
    const changed = new URL(url);
    changed.port = String(this.port);
    return changed.href;
  }

  become(state: LinkState): void {
    this.#state = state;
    if (state === "refused") this.reset();
    for (const { directions } of this.#lines) for (const direction of directions) direction.flush();
  }

  /** Ends every line with a word to both sides; new ones may come. */
  reset(): void {
    for (const { sockets } of this.#lines) for (const socket of sockets) socket.resetAndDestroy();
  }

  async close(): Promise<void> {
    this.#state = "up";
    this.reset();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #open(client: Socket): void {
    // A line that breaks is what this is for.
    client.on("error", () => undefined);
    if (this.#state === "refused") {
      client.resetAndDestroy();
      return;
    }
    const server = connect(this.#target, "127.0.0.1");
    server.on("error", () => undefined);
    client.setNoDelay();
    server.setNoDelay();
    const line: Line = {
      sockets: [client, server],
      directions: [new Direction(this, client, server, false), new Direction(this, server, client, true)],
    };
    this.#lines.add(line);
    const forget = () => {
      if (client.destroyed && server.destroyed) this.#lines.delete(line);
    };
    client.on("close", forget);
    server.on("close", forget);
  }
}
