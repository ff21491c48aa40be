/**
 * Solana's JSON-RPC, one call in one request: the answers are large, and providers count calls anyway.
 * Source: Solana documentation, "RPC methods"; agave, `rpc-client-api/src/custom_error.rs`.
 */
import { EndpointFailure } from "../following/block-source.ts";
import type { JsonHttp } from "../following/json-http.ts";
import { Inexact, parseExactly } from "./exact-json.ts";

/** The node refuses this one call. */
export class RpcError extends Error {
  override readonly name = "RpcError";
  readonly code: number;
  readonly data: unknown;

  constructor(method: string, { code, message, data }: { code: number; message: string; data?: unknown }) {
    super(`${method} was refused: ${message.slice(0, QUOTED_CHARS)} (code ${code})`);
    this.code = code;
    this.data = data;
  }
}

export const RPC = {
  BLOCK_CLEANED_UP: -32001,
  BLOCK_NOT_AVAILABLE: -32004,
  NODE_UNHEALTHY: -32005,
  SLOT_SKIPPED: -32007,
  LONG_TERM_STORAGE_SLOT_SKIPPED: -32009,
  TRANSACTION_HISTORY_NOT_AVAILABLE: -32011,
  BLOCK_STATUS_NOT_AVAILABLE_YET: -32014,
  UNSUPPORTED_TRANSACTION_VERSION: -32015,
  INVALID_PARAMS: -32602,
  METHOD_NOT_FOUND: -32601,
} as const;

/** "Too many calls" has no number of its own: providers use these. */
const TOO_MANY_CALLS: ReadonlySet<number> = new Set([429, -32029, -32097, -32429]);
const TOO_MANY_CALLS_PAUSE_MS = 1_000;
/** Of a node's own text, that a message quotes. */
const QUOTED_CHARS = 200;

interface Answer {
  result?: unknown;
  error?: { code?: unknown; message?: unknown; data?: unknown } | null;
}

export class SolanaRpc {
  readonly #http: Pick<JsonHttp, "post" | "name">;

  constructor(http: Pick<JsonHttp, "post" | "name">) {
    this.#http = http;
  }

  /** For messages: no path, no credentials. */
  get name(): string {
    return this.#http.name;
  }

  /** @throws RpcError, EndpointFailure */
  call(method: string, params: readonly unknown[] = []): Promise<unknown> {
    return this.read(method, params, (result) => result);
  }

  /**
   * With what `read` makes of the result. Where it needs a number that JavaScript does not hold exactly (`Inexact`), it is
   * called once more, with such numbers as `bigint`.
   * @param answered awaited when the whole answer is there, before it is read
   * @throws RpcError, EndpointFailure, what `answered` throws
   */
  async read<T>(
    method: string,
    params: readonly unknown[],
    read: (result: unknown) => T,
    answered: () => Promise<void> = async () => undefined,
  ): Promise<T> {
    const request = { jsonrpc: "2.0", id: 0, method, params };
    const parsed = (await this.#http.post("", request, (text) => ({ text, value: JSON.parse(text) }))) as {
      text: string;
      value: unknown;
    };
    await answered();
    try {
      return read(this.#resultOf(method, parsed.value));
    } catch (error) {
      if (!(error instanceof Inexact)) throw error;
      return read(this.#resultOf(method, parseExactly(parsed.text)));
    }
  }

  #resultOf(method: string, answer: unknown): unknown {
    const { result, error } = typeof answer === "object" && answer !== null ? (answer as Answer) : {};
    if (error) throw this.#refusal(method, error);
    if (result === undefined) {
      throw new EndpointFailure(`${this.name} has not answered ${method} as JSON-RPC: is the URL right?`);
    }
    return result;
  }

  #refusal(method: string, { code, message, data }: NonNullable<Answer["error"]>): Error {
    const refusal = {
      code: typeof code === "number" ? code : 0,
      message: typeof message === "string" ? message : "no reason",
      data,
    };
    if (!TOO_MANY_CALLS.has(refusal.code)) return new RpcError(method, refusal);
    return new EndpointFailure(
      `${this.name} was asked too much (${refusal.message.slice(0, QUOTED_CHARS)}): ask for a higher rate or add an endpoint.`,
      { retryAfterMs: TOO_MANY_CALLS_PAUSE_MS },
    );
  }
}
