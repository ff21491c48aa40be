/** bitcoind's JSON-RPC over HTTP: authentication, batches, its status codes and error codes. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { LoopbackServer } from "../loopback-server.ts";

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

export class RpcServer extends LoopbackServer {
  readonly #handler: RpcHandler;
  readonly #credentials: () => string;
  /** Sent instead of an answer. */
  raw: { status: number; body: string } | null = null;
  /** How often each method was called. */
  readonly calls = new Map<string, number>();

  /** @param credentials `user:password` that is accepted */
  constructor(handler: RpcHandler, credentials: () => string) {
    super();
    this.#handler = handler;
    this.#credentials = credentials;
  }

  protected override serve(request: IncomingMessage, body: Buffer, response: ServerResponse): void {
    this.#answer(request, body.toString()).then(
      (answer) => response.writeHead(answer.status, { "content-type": "application/json" }).end(answer.body),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
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
