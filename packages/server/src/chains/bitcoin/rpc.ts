/**
 * JSON-RPC over HTTP as bitcoind speaks it. Every call has a deadline, every error names the method and what to do, and
 * no error or log line contains credentials.
 * Source: Bitcoin Core `doc/JSON-RPC-interface.md`.
 */
import { readFile } from "node:fs/promises";
import { messageOf } from "../../kit/errors.ts";
import { MalformedAnswer, parseAnswer, type RpcError, resultOf, resultsOf } from "./rpc-answer.ts";

/** The node did not answer, or not in the expected form. */
export class NodeUnreachable extends Error {
  override readonly name = "NodeUnreachable";
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
      user: options.user ?? credential(url.username),
      password: options.password ?? credential(url.password),
    };
    url.username = "";
    url.password = "";
    this.#url = url.href;
    this.#shown = url.origin;
    this.#signal = signal;
  }

  /** @throws RpcError, NodeUnreachable */
  async call(method: string, params: readonly unknown[] = []): Promise<unknown> {
    const answer = await this.#post(method, { jsonrpc: "1.0", id: 0, method, params });
    return this.#read(method, () => resultOf(method, answer));
  }

  /**
   * Several calls in one request. The results are in the order of the calls; a refusal is a result, not an exception.
   * @throws NodeUnreachable; RpcError when the node refuses the batch as a whole, such as while it is starting
   */
  async batch(calls: readonly RpcCall[]): Promise<readonly (unknown | RpcError)[]> {
    const [first] = calls;
    if (!first) return [];
    const name = `${first.method} (${calls.length} calls)`;
    const answer = await this.#post(
      name,
      calls.map((call, id) => ({ jsonrpc: "1.0", id, ...call })),
    );
    const methods = calls.map(({ method }) => method);
    return this.#read(name, () => resultsOf(methods, answer));
  }

  #read<T>(name: string, read: () => T): T {
    try {
      return read();
    } catch (error) {
      if (error instanceof MalformedAnswer) throw this.#unexpected(name, error.message);
      throw error;
    }
  }

  async #post(name: string, body: unknown): Promise<object> {
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

  #parse(name: string, status: number, text: string): object {
    if (status === 401) {
      throw new NodeUnreachable(
        `bitcoind at ${this.#shown} does not accept the credentials: check rpcUser and rpcPassword, or rpcCookieFile.`,
      );
    }
    if (status === 403) {
      throw new NodeUnreachable(`bitcoind at ${this.#shown} refuses this machine: allow it with -rpcallowip.`);
    }
    const answer = parseAnswer(text);
    if (answer !== null) return answer;
    if (status === 503) {
      throw new NodeUnreachable(`bitcoind at ${this.#shown} has too much to do (HTTP 503): raise -rpcworkqueue.`);
    }
    throw this.#unexpected(name, `HTTP ${status} without JSON; is there a bitcoind at rpcUrl?`);
  }

  #unexpected(name: string, what: string): NodeUnreachable {
    return new NodeUnreachable(`bitcoind at ${this.#shown} answered ${name} with ${what}`);
  }
}

/** A part of the URL; a `%` that begins no escape is a `%`. */
function credential(text: string): string | null {
  if (text === "") return null;
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return text;
    throw error;
  }
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
