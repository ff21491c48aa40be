/**
 * Questions to a node over plain HTTP, answered in JSON. Every request has one deadline, which also covers a body that
 * stalls midway; an answer has a size; and a message shows the origin only, since providers put their keys into the
 * path, the query, the headers or the credentials of a URL.
 */
import { systemClock } from "../../kit/clock.ts";
import { messageOf } from "../../kit/errors.ts";
import { EndpointFailure } from "./block-source.ts";
import { readBounded, TooLarge } from "./bounded-body.ts";
import { retryAfterMs } from "./retry-after.ts";

export interface JsonHttpOptions {
  /** `https://host/base`; the paths of the requests are put after its own. Its credentials become basic authorisation. */
  url: string;
  /** Sent with every request, such as a provider's key. */
  headers?: Readonly<Record<string, string>>;
  /** From the request to the last byte of its answer. */
  timeoutMs: number;
  /** Largest answer, after decompression. */
  maxBytes?: number;
  /** What is there, for messages: `The TRON node`. */
  label: string;
}

/** Makes of a text what the caller wants; throws SyntaxError when it is no JSON. Left out: `JSON.parse`. */
export type JsonParser = (text: string) => unknown;

/** A block with ten thousand transactions, and all their logs, is a few tens of megabytes. */
const DEFAULT_MAX_BYTES = 64 * 1_024 * 1_024;

export class JsonHttp {
  /** For messages: no path, no query, no credentials. */
  readonly name: string;
  readonly #url: URL;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #options: Required<JsonHttpOptions>;
  readonly #signal: AbortSignal;

  /** `signal` ends what is under way. */
  constructor(options: JsonHttpOptions, signal: AbortSignal) {
    this.#options = { headers: {}, maxBytes: DEFAULT_MAX_BYTES, ...options };
    this.#signal = signal;
    this.#url = new URL(options.url);
    const authorization = basicAuthorization(this.#url);
    this.#url.username = "";
    this.#url.password = "";
    this.#headers = { accept: "application/json", ...authorization, ...inLowerCase(this.#options.headers) };
    this.name = `${options.label} at ${this.#url.origin}`;
  }

  /** @throws EndpointFailure */
  get(path: string, parse: JsonParser = JSON.parse): Promise<unknown> {
    return this.#ask(path, { method: "GET", headers: this.#headers }, parse);
  }

  /** `body` is sent as JSON. @throws EndpointFailure */
  post(path: string, body: unknown, parse: JsonParser = JSON.parse): Promise<unknown> {
    const headers = { "content-type": "application/json", ...this.#headers };
    return this.#ask(path, { method: "POST", headers, body: JSON.stringify(body) }, parse);
  }

  async #ask(path: string, request: RequestInit, parse: JsonParser): Promise<unknown> {
    const { response, text } = await this.#send(path, request);
    this.#refuseStatus(response);
    try {
      return parse(text);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      throw new EndpointFailure(`${this.name} answered with something that is not JSON: is the URL right?`);
    }
  }

  async #send(path: string, request: RequestInit): Promise<{ response: Response; text: string }> {
    const { timeoutMs, maxBytes } = this.#options;
    const ending = new AbortController();
    const stop = () => ending.abort();
    const timer = setTimeout(stop, timeoutMs);
    this.#signal.addEventListener("abort", stop, { once: true });
    if (this.#signal.aborted) stop();
    try {
      // A redirection would take the provider's key to wherever it points.
      const response = await fetch(this.#urlOf(path), { ...request, redirect: "manual", signal: ending.signal });
      return { response, text: await readBounded(response, maxBytes) };
    } catch (error) {
      throw this.#failure(error, ending.signal.aborted);
    } finally {
      clearTimeout(timer);
      this.#signal.removeEventListener("abort", stop);
    }
  }

  #urlOf(path: string): URL {
    if (path === "") return this.#url;
    const url = new URL(this.#url);
    url.pathname = `${url.pathname.replace(/\/+$/, "")}/${path.replace(/^\/+/, "")}`;
    return url;
  }

  #failure(error: unknown, aborted: boolean): EndpointFailure {
    const { timeoutMs, maxBytes } = this.#options;
    if (error instanceof TooLarge) {
      return new EndpointFailure(`${this.name} answered with more than ${maxBytes} bytes: is the URL right?`);
    }
    if (aborted && this.#signal.aborted) return new EndpointFailure(`${this.name} is not asked any more.`);
    if (aborted) {
      return new EndpointFailure(
        `${this.name} has not answered completely within ${timeoutMs} ms: it hangs, or the network between does.`,
      );
    }
    return new EndpointFailure(
      `${this.name} cannot be reached (${reasonOf(error)}): is it running, and is the URL right?`,
    );
  }

  #refuseStatus(response: Response): void {
    const { status } = response;
    if (response.ok) return;
    const waitMs = retryAfterMs(response.headers, systemClock.nowMs());
    const advice =
      ADVICE[status] ?? (status < 400 ? "it redirects: give the URL to which it does" : "is the URL right?");
    throw new EndpointFailure(`${this.name} answered with HTTP ${status}: ${advice}.`, { retryAfterMs: waitMs });
  }
}

const ADVICE: Readonly<Record<number, string>> = {
  401: "it does not accept the credentials, check the headers and the URL",
  403: "it does not accept the key or this machine's address, check the headers and the URL",
  404: "there is nothing at this URL, check its path",
  413: "it takes no questions of this size",
  429: "too many questions, ask for a higher rate or add an endpoint",
  500: "it failed, see its log",
  502: "the node behind it cannot be reached",
  503: "it has too much to do or is starting",
  504: "the node behind it does not answer",
};

function basicAuthorization({ username, password }: URL): Record<string, string> {
  if (username === "" && password === "") return {};
  const credentials = `${decoded(username)}:${decoded(password)}`;
  return { authorization: `Basic ${Buffer.from(credentials).toString("base64")}` };
}

/** A part of the URL; a `%` that begins no escape is a `%`. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return text;
    throw error;
  }
}

/** Names that differ in case only would be sent as one header with two values. */
function inLowerCase(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

/** fetch says only "fetch failed", the reason is in its cause; without one its message quotes what cannot be sent, such
 * as a header with a provider's key. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  const code = (cause as { code?: unknown } | undefined)?.code;
  if (typeof code === "string") return code;
  return cause === undefined ? "the request cannot be sent, check the headers" : messageOf(cause);
}
