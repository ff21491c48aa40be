/**
 * JSON-RPC 2.0 over HTTP: several calls in one request where the node takes that, at most so many requests at once.
 * Source: https://www.jsonrpc.org/specification.
 */
import { EndpointFailure } from "../following/block-source.ts";
import { inParallel } from "../following/in-parallel.ts";
import type { JsonHttp } from "../following/json-http.ts";

export interface RpcCall {
  method: string;
  params: readonly unknown[];
}

/** The node refuses this one call. */
export class RpcError extends Error {
  override readonly name = "RpcError";
  readonly code: number;

  constructor(method: string, code: number, message: string) {
    super(`${method} was refused: ${message} (code ${code})`);
    this.code = code;
  }
}

/** "Try again later" has no number of its own: providers use these. */
const TOO_MANY_CALLS: ReadonlySet<number> = new Set([429, -32005, -32016, -32029, -32097]);
const TOO_MANY_CALLS_PAUSE_MS = 1_000;
/** Requests under way at once, when a question needs several. */
const REQUESTS_AT_ONCE = 4;
/** Of a node's own text, that a message quotes. */
const QUOTED_CHARS = 200;

interface Answer {
  result?: unknown;
  error: { code: number; message: string } | null;
}

export class JsonRpc {
  readonly #http: Pick<JsonHttp, "post" | "name">;
  readonly #batchSize: number;

  /** @param batchSize calls in one request; 1: every call in a request of its own, not as a batch */
  constructor(http: Pick<JsonHttp, "post" | "name">, batchSize: number) {
    this.#http = http;
    this.#batchSize = batchSize;
  }

  get name(): string {
    return this.#http.name;
  }

  /**
   * The results are in the order of the calls; a refusal is a result, not an exception.
   * @throws EndpointFailure when the node answers nothing usable, or refuses the request as a whole
   */
  async batch(calls: readonly RpcCall[]): Promise<readonly (unknown | RpcError)[]> {
    const parts: (readonly RpcCall[])[] = [];
    for (let from = 0; from < calls.length; from += this.#batchSize) {
      parts.push(calls.slice(from, from + this.#batchSize));
    }
    const results = await inParallel(REQUESTS_AT_ONCE, parts, (part) => this.#request(part));
    return results.flat();
  }

  async #request(calls: readonly RpcCall[]): Promise<readonly unknown[]> {
    const messages = calls.map((call, id) => ({ jsonrpc: "2.0", id, ...call }));
    const answer = await this.#http.post("", messages.length === 1 ? messages[0] : messages);
    const answers = this.#inOrder(calls, Array.isArray(answer) ? answer : [answer]);
    return calls.map(({ method }, place) => this.#resultOf(method, answers[place]));
  }

  /** Answers may come in any order. One error in place of all is a refusal of the request as a whole. */
  #inOrder(calls: readonly RpcCall[], answers: readonly unknown[]): readonly (Answer | undefined)[] {
    const [first] = answers.map(answerOf);
    if (calls.length === 1) return [first ?? undefined];
    if (answers.length === 1 && first?.error) {
      throw new EndpointFailure(
        `${this.name} refuses ${calls.length} calls in one request (${quoted(first.error.message)}): lower batchSize.`,
      );
    }
    const ordered: (Answer | undefined)[] = [];
    for (const answer of answers) {
      const id = (answer as { id?: unknown } | null)?.id;
      if (typeof id === "number" && Number.isInteger(id) && id >= 0 && id < calls.length) {
        ordered[id] = answerOf(answer) ?? undefined;
      }
    }
    return ordered;
  }

  #resultOf(method: string, answer: Answer | undefined): unknown {
    if (!answer) throw new EndpointFailure(`${this.name} has not answered ${method} as JSON-RPC: is the URL right?`);
    if (answer.error === null) return answer.result;
    const { code, message } = answer.error;
    if (TOO_MANY_CALLS.has(code)) {
      throw new EndpointFailure(
        `${this.name} was asked too much (${quoted(message)}): ask for a higher rate or add an endpoint.`,
        { retryAfterMs: TOO_MANY_CALLS_PAUSE_MS },
      );
    }
    return new RpcError(method, code, quoted(message));
  }
}

/** `null`: that is no answer. */
function answerOf(value: unknown): Answer | null {
  if (typeof value !== "object" || value === null) return null;
  const { result, error } = value as { result?: unknown; error?: unknown };
  if (typeof error === "object" && error !== null) {
    const { code, message } = error as { code?: unknown; message?: unknown };
    return {
      error: {
        code: typeof code === "number" ? code : 0,
        message: typeof message === "string" ? message : "no reason",
      },
    };
  }
  return result === undefined ? null : { result, error: null };
}

function quoted(message: string): string {
  return message.length > QUOTED_CHARS ? `${message.slice(0, QUOTED_CHARS)}…` : message;
}
