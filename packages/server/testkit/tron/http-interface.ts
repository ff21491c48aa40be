/** The HTTP interface of a full node, on loopback: java-tron's paths, answers and ways of failing. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onceFree } from "../bitcoind/once-free.ts";

export type Question = Readonly<Record<string, unknown>>;
export type Questions = Readonly<Record<string, (question: Question) => unknown>>;

export class HttpInterface {
  readonly #questions: Questions;
  #server: Server | null = null;
  #port = 0;
  /** Accepts connections and questions, and never answers. */
  hanging = false;
  /** HTTP 429 with `Retry-After` instead of an answer, seconds; `null`: none. */
  retryAfterSeconds: number | null = null;
  /** Paths that this node or provider does not have. */
  readonly missing = new Set<string>();
  /** A node that says something else than what is so. */
  tamper: ((path: string, answer: unknown) => unknown) | null = null;
  /** How often each path was asked. */
  readonly calls = new Map<string, number>();
  /** Headers of the last question. */
  lastHeaders: IncomingMessage["headers"] = {};

  /** @param questions by path, without the first slash */
  constructor(questions: Questions) {
    this.#questions = questions;
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
      this.lastHeaders = request.headers;
      const { status, headers = {}, body } = this.#answer(request.url ?? "", Buffer.concat(chunks).toString());
      response.writeHead(status, { "content-type": "application/json", ...headers }).end(body);
    });
  }

  #answer(url: string, text: string): { status: number; headers?: Record<string, string>; body: string } {
    const path = url.replace(/^\//, "");
    this.calls.set(path, (this.calls.get(path) ?? 0) + 1);
    if (this.retryAfterSeconds !== null) {
      return { status: 429, headers: { "retry-after": String(this.retryAfterSeconds) }, body: "" };
    }
    const ask = this.missing.has(path) ? undefined : this.#questions[path];
    if (!ask) return { status: 404, body: "<html><body>Error 404 Not Found</body></html>" };
    return { status: 200, body: JSON.stringify(this.#said(path, ask, text)) };
  }

  /** java-tron tells of errors with HTTP 200. */
  #said(path: string, ask: Questions[string], text: string): unknown {
    try {
      const answer = ask(text === "" ? {} : JSON.parse(text));
      return this.tamper?.(path, answer) ?? answer;
    } catch (error) {
      return { Error: `class java.lang.Exception : ${error instanceof Error ? error.message : String(error)}` };
    }
  }
}
