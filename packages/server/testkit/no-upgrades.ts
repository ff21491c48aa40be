/** A proxy as some companies have one: HTTP goes through, WebSockets do not. */
import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";

export class NoUpgrades {
  /** WebSocket handshakes that it turned away. */
  refused = 0;
  /** Paths of the requests that went through, without their queries. */
  readonly paths: string[] = [];
  readonly #server: Server;

  private constructor(target: number) {
    this.#server = createServer((incoming, outgoing) => {
      const { method, url = "/", headers } = incoming;
      this.paths.push(url.replace(/\?.*/, ""));
      const onward = request({ host: "127.0.0.1", port: target, method, path: url, headers }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      });
      onward.on("error", () => outgoing.destroy());
      // Whoever breaks off ends both.
      outgoing.on("close", () => onward.destroy());
      incoming.pipe(onward);
    });
    this.#server.on("upgrade", (_request, socket) => {
      this.refused += 1;
      socket.end("HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    });
  }

  /** @param target a port of this machine */
  static async before(target: number): Promise<NoUpgrades> {
    const proxy = new NoUpgrades(target);
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
