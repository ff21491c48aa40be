/**
 * JSON-RPC over HTTP as bitcoind speaks it. Every call has a deadline, every error names the method and what to do, and
 * no error or log line contains credentials.
 * Source: Bitcoin Core `doc/JSON-RPC-interface.md`.
 */
import { readFile } from "node:fs/promises";
import { messageOf } from "../../kit/errors.ts";

/** The node answered, and refused. */
export class RpcError extends Error {
  override readonly name = "RpcError";
  readonly method: string;
  /** bitcoind's code, for example −5 "not found", −28 "still starting". */
  readonly code: number;

  constructor(method: string, code: number, nodeMessage: string) {
    const advice = ADVICE[code];
    super(`bitcoind refused ${method}: ${nodeMessage} (code ${code})${advice ? `; ${advice}` : ""}.`);
    this.method = method;
    this.code = code;
  }
}

/** The node did not answer, or not in the expected form. */
export class NodeUnreachable extends Error {
  override readonly name = "NodeUnreachable";
}

export const RPC_NOT_FOUND = -5;
export const RPC_OUT_OF_RANGE = -8;
export const RPC_MISC = -1;
const RPC_METHOD_NOT_FOUND = -32601;
const RPC_WARMING_UP = -28;

const ADVICE: Readonly<Record<number, string>> = {
  [RPC_WARMING_UP]: "it is still starting, this passes by itself",
  [RPC_METHOD_NOT_FOUND]: "this version of the node does not have it, or -rpcwhitelist forbids it",
};

export function isMethodMissing(error: unknown): boolean {
  return error instanceof RpcError && error.code === RPC_METHOD_NOT_FOUND;
}

export interface RpcOptions {
  /** `http://host:port`; a path (`/wallet/…`) is not needed. Credentials in it are used and never shown. */
  url: string;
  user: string | null;
  password: string | null;
  /** bitcoind's `.cookie`: read when needed, since the node writes a new one at each start. */
  cookieFile: string | null;
  timeoutMs: number;
}

export interface RpcCall {
  method: string;
  params: readonly unknown[];
}

interface RpcReply {
  id?: unknown;
  result?: unknown;
  error?: { code?: unknown; message?: unknown } | null;
}

export class RpcClient {
  readonly #url: string;
  /** Without path and credentials, for messages. */
  readonly #shown: string;
  readonly #options: RpcOptions;
  readonly #signal: AbortSignal;
  #cookie: string | null = null;

  /** `signal` ends what is under way. */
  constructor(options: RpcOptions, signal: AbortSignal) {
    const url = new URL(options.url);
    this.#options = {
      ...options,
      user: options.user ?? (url.username === "" ? null : decodeURIComponent(url.username)),
      password: options.password ?? (url.password === "" ? null : decodeURIComponent(url.password)),
    };
    url.username = "";
    url.password = "";
    this.#url = url.href;
    this.#shown = url.origin;
    this.#signal = signal;
  }

  /** @throws RpcError, NodeUnreachable */
  async call(method: string, params: readonly unknown[] = []): Promise<unknown> {
    const reply = await this.#post(method, { jsonrpc: "1.0", id: 0, method, params });
    if (Array.isArray(reply)) throw this.#unexpected(method, "a list instead of one answer");
    return unwrap(method, reply);
  }

  /**
   * Several calls in one request. The results are in the order of the calls; a refusal is a result, not an exception.
   * @throws NodeUnreachable
   */
  async batch(calls: readonly RpcCall[]): Promise<readonly (unknown | RpcError)[]> {
    const [first] = calls;
    if (!first) return [];
    const name = `${first.method} (${calls.length} calls)`;
    const replies = await this.#post(
      name,
      calls.map((call, id) => ({ jsonrpc: "1.0", id, ...call })),
    );
    if (!Array.isArray(replies)) {
      // A refusal of the batch as a whole, such as "still starting".
      unwrap(first.method, replies);
      throw this.#unexpected(name, "one answer instead of a list");
    }
    const byId = new Map(replies.map((reply) => [reply.id, reply]));
    return calls.map(({ method }, id) => {
      const reply = byId.get(id);
      if (!reply) throw this.#unexpected(name, `no answer to call ${id}`);
      try {
        return unwrap(method, reply);
      } catch (error) {
        if (error instanceof RpcError) return error;
        throw error;
      }
    });
  }

  async #post(name: string, body: unknown): Promise<RpcReply | RpcReply[]> {
    const payload = JSON.stringify(body);
    let { status, text } = await this.#send(name, payload);
    if (status === 401 && this.#options.cookieFile !== null) {
      // The node was restarted and has written a new cookie.
      this.#cookie = null;
      ({ status, text } = await this.#send(name, payload));
    }
    return this.#parse(name, status, text);
  }

  async #send(name: string, body: string): Promise<{ status: number; text: string }> {
    const headers: Record<string, string> = { "content-type": "application/json" };
    const authorization = await this.#authorization();
    if (authorization) headers.authorization = authorization;
    const timeout = AbortSignal.timeout(this.#options.timeoutMs);
    try {
      const signal = AbortSignal.any([timeout, this.#signal]);
      const response = await fetch(this.#url, { method: "POST", headers, body, signal });
      return { status: response.status, text: await response.text() };
    } catch (error) {
      if (timeout.aborted && !this.#signal.aborted) {
        throw new NodeUnreachable(
          `bitcoind at ${this.#shown} has not answered ${name} within ${this.#options.timeoutMs} ms: it hangs, or the network between does.`,
        );
      }
      throw new NodeUnreachable(
        `bitcoind at ${this.#shown} cannot be reached (${causeOf(error)}): is it running, and is rpcUrl right?`,
        { cause: error },
      );
    }
  }

  async #authorization(): Promise<string | null> {
    const { user, password, cookieFile } = this.#options;
    if (cookieFile !== null) {
      this.#cookie ??= await readCookie(cookieFile);
      return basic(this.#cookie);
    }
    return user === null ? null : basic(`${user}:${password ?? ""}`);
  }

  #parse(name: string, status: number, text: string): RpcReply | RpcReply[] {
    if (status === 401) {
      throw new NodeUnreachable(
        `bitcoind at ${this.#shown} does not accept the credentials: check rpcUser and rpcPassword, or rpcCookieFile.`,
      );
    }
    if (status === 403) {
      throw new NodeUnreachable(`bitcoind at ${this.#shown} refuses this machine: allow it with -rpcallowip.`);
    }
    try {
      const reply: unknown = JSON.parse(text);
      if (typeof reply === "object" && reply !== null) return reply as RpcReply | RpcReply[];
    } catch {
      // Not JSON: what it is instead is said below.
    }
    if (status === 503) {
      throw new NodeUnreachable(`bitcoind at ${this.#shown} has too much to do (HTTP 503): raise -rpcworkqueue.`);
    }
    throw this.#unexpected(name, `HTTP ${status} without JSON; is there a bitcoind at rpcUrl?`);
  }

  #unexpected(name: string, what: string): NodeUnreachable {
    return new NodeUnreachable(`bitcoind at ${this.#shown} answered ${name} with ${what}`);
  }
}

function unwrap(method: string, reply: RpcReply): unknown {
  const { error } = reply;
  if (error) throw new RpcError(method, Number(error.code ?? 0), String(error.message ?? "no reason given"));
  return reply.result ?? null;
}

function basic(credentials: string): string {
  return `Basic ${Buffer.from(credentials).toString("base64")}`;
}

async function readCookie(path: string): Promise<string> {
  try {
    return (await readFile(path, "utf8")).trim();
  } catch (error) {
    throw new NodeUnreachable(
      `The cookie file of bitcoind cannot be read (${messageOf(error)}): is the node running, and may this user read it?`,
    );
  }
}

/** fetch says only "fetch failed"; the reason is in its cause. */
function causeOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  const code = (cause as { code?: unknown } | undefined)?.code;
  return typeof code === "string" ? code : messageOf(cause ?? error);
}
