/** bitcoind's JSON-RPC over HTTP: authentication, batches, its status codes and error codes. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onceFree } from "./once-free.ts";

export class RpcRefusal extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

export type RpcHandler = (method: string, params: readonly unknown[]) => Promise<unknown>;

interface Request {
  id?: unknown;
  method?: unknown;
  params?: unknown;
}

export class RpcServer {
  readonly #handler: RpcHandler;
  readonly #credentials: () => string;
  #server: Server | null = null;
  #port = 0;
  /** Accepts connections and requests, and never answers. */
  hanging = false;
  /** Sent instead of an answer. */
  raw: { status: number; body: string } | null = null;
  /** How often each method was called. */
  readonly calls = new Map<string, number>();

  /** @param credentials `user:password` that is accepted */
  constructor(handler: RpcHandler, credentials: () => string) {
    this.#handler = handler;
    this.#credentials = credentials;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** On the port of before, if any. */
  async listen(): Promise<void> {
    const server = createServer((request, response) => this.#serve(request, response));
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

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      if (this.hanging) return;
      this.#answer(request, Buffer.concat(chunks).toString()).then(
        ({ status, body }) => response.writeHead(status, { "content-type": "application/json" }).end(body),
        (error: unknown) => response.writeHead(500).end(String(error)),
      );
    });
  }

  async #answer(request: IncomingMessage, text: string): Promise<{ status: number; body: string }> {
    if (this.raw) return this.raw;
    const expected = `Basic ${Buffer.from(this.#credentials()).toString("base64")}`;
    if (request.headers.authorization !== expected) return { status: 401, body: "" };
    const body: Request | Request[] = JSON.parse(text);
    if (!Array.isArray(body)) {
      const reply = await this.#call(body);
      return { status: reply.error === null ? 200 : 500, body: JSON.stringify(reply) };
    }
    const replies: unknown[] = [];
    for (const call of body) replies.push(await this.#call(call));
    return { status: 200, body: JSON.stringify(replies) };
  }

  async #call({ id = null, method, params }: Request) {
    const name = String(method);
    this.calls.set(name, (this.calls.get(name) ?? 0) + 1);
    try {
      const result = await this.#handler(name, Array.isArray(params) ? params : []);
      return { result, error: null, id };
    } catch (error) {
      if (error instanceof RpcRefusal) {
        return { result: null, error: { code: error.code, message: error.message }, id };
      }
      throw error;
    }
  }
}
