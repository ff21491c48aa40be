/** The HTTP interface of a full node, on loopback: java-tron's paths, answers and ways of failing. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { LoopbackServer } from "../loopback-server.ts";

export type Question = Readonly<Record<string, unknown>>;
export type Questions = Readonly<Record<string, (question: Question) => unknown>>;

export class HttpInterface extends LoopbackServer {
  readonly #questions: Questions;
  /** HTTP 429 with `Retry-After` instead of an answer, seconds; `null`: none. */
  retryAfterSeconds: number | null = null;
  /** Paths that this node or provider does not have. */
  readonly missing = new Set<string>();
  /** A node that says something else than what is so. */
  tamper: ((path: string, answer: unknown) => unknown) | null = null;
  /** How often each path was asked. */
  readonly calls = new Map<string, number>();

  /** @param questions by path, without the first slash */
  constructor(questions: Questions) {
    super();
    this.#questions = questions;
  }

  protected override serve(request: IncomingMessage, question: Buffer, response: ServerResponse): void {
    const { status, headers = {}, body } = this.#answer(request.url ?? "", question.toString());
    response.writeHead(status, { "content-type": "application/json", ...headers }).end(body);
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
