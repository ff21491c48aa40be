/** An HTTP server of a simulated node on loopback, which ends and starts again on its own port, and can hang. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onceFree } from "./bitcoind/once-free.ts";

export abstract class LoopbackServer {
  #server: Server | null = null;
  #port = 0;
  /** Accepts connections and requests, and never answers. */
  hanging = false;
  /** Headers of the last request. */
  lastHeaders: IncomingMessage["headers"] = {};

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Answers a request that has come whole. */
  protected abstract serve(request: IncomingMessage, body: Buffer, response: ServerResponse): void;

  /** On the port of before, if any. */
  async listen(): Promise<void> {
    const server = createServer((request, response) => this.#read(request, response));
    await onceFree(
      () =>
        new Promise<void>((resolve, reject) => {
          server.once("error", reject);
          server.listen(this.#port, "127.0.0.1", () => resolve());
        }),
    );
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** Breaks what is connected, too. */
  async close(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    this.#server = null;
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  }

  #read(request: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      this.lastHeaders = request.headers;
      if (!this.hanging) this.serve(request, Buffer.concat(chunks), response);
    });
  }
}
