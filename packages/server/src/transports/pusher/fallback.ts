/**
 * pusher-js's HTTP fallback, for browsers behind something that blocks WebSockets: POST
 * `/pusher/app/{key}/{server}/{session}/xhr_streaming` and `/xhr` read, `/xhr_send` writes. The client makes up `{server}`
 * and `{session}`, 50 bits of chance together: as in the client's own design, whoever knows them is the client. They
 * count under one app key only, and two cannot read at once. They are not bound to the client's address: the networks
 * that need this fallback are those whose proxies send each request from another one.
 * Source: pusher-js, `http_socket.ts`.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "../../kit/clock.ts";
import { PaybellError } from "../../kit/errors.ts";
import type { TrustedProxies } from "../client-address.ts";
import type { Connections } from "../connections.ts";
import type { Wire } from "../http-server.ts";
import { RequestRate } from "../request-rate.ts";
import { admit, PROTOCOL } from "./admission.ts";
import type { PusherApp, PusherApps } from "./apps.ts";
import { refusalOf } from "./close-codes.ts";
import { messagesIn, readBody } from "./fallback-body.ts";
import { FALLBACK_HEADERS } from "./fallback-reader.ts";
import { type FallbackOptions, FallbackSession, type ReaderSource, refusalLines } from "./fallback-session.ts";
import { PusherSession, type SessionContext } from "./session.ts";

const BASE = "/pusher/app/";
const PATH = /^\/pusher\/app\/([A-Za-z0-9_-]{1,64})\/([0-9]{1,3}\/[A-Za-z0-9_-]{8,64})\/(xhr_streaming|xhr|xhr_send)$/;
const PREFLIGHT_HEADERS = {
  "Access-Control-Allow-Origin": "*",
  "Access-Control-Allow-Methods": "POST",
  "Access-Control-Allow-Headers": "Content-Type",
  "Access-Control-Max-Age": "600",
} as const;

export interface FallbackParts {
  apps: PusherApps;
  context: SessionContext;
  connections: Connections;
  proxies: TrustedProxies;
  clock: Clock;
}

interface Target {
  key: string;
  /** Unique under all app keys. */
  name: string;
  action: "xhr_streaming" | "xhr" | "xhr_send";
  url: URL;
}

export class PusherFallback implements Wire {
  readonly #parts: FallbackParts;
  readonly #sessions = new Map<string, FallbackSession>();
  readonly #rate: RequestRate;

  constructor(parts: FallbackParts) {
    this.#parts = parts;
    this.#rate = new RequestRate(parts.context.limits.keylessRequestsPerSecond);
  }

  handleUpgrade(): boolean {
    return false;
  }

  handleRequest(request: IncomingMessage, response: ServerResponse): boolean {
    if (!request.url?.startsWith(BASE)) return false;
    this.#answer(request.url, request, response).catch((error: unknown) => {
      this.#parts.context.onError(error);
      if (!response.headersSent) answer(response, 500, "Paybell failed; the log of the server says why");
      else response.destroy();
    });
    return true;
  }

  async #answer(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const target = targetOf(path);
    if (!this.#isWelcome(target, request)) {
      answer(response, 429, "Too many requests that belong to no session come from this address", {
        "Retry-After": "1",
      });
    } else if (!target) answer(response, 404, "There is nothing at this path");
    else if (request.method === "OPTIONS") response.writeHead(204, PREFLIGHT_HEADERS).end();
    else if (request.method !== "POST") answer(response, 405, "Only POST is here", { Allow: "POST, OPTIONS" });
    else if (target.action === "xhr_send") await this.#take(target, request, response);
    else this.#give(target, request, response);
  }

  /** Sessions have a rate of their own; what belongs to none counts against the client's address. */
  #isWelcome(target: Target | null, request: IncomingMessage): boolean {
    if (target && this.#sessions.has(target.name)) return true;
    const { proxies, clock, connections } = this.#parts;
    try {
      this.#rate.admit(proxies.clientAddress(request), clock.nowMs());
      return true;
    } catch (error) {
      if (!(error instanceof PaybellError)) throw error;
      connections.countRefusal(error.code);
      return false;
    }
  }

  async #take({ name }: Target, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { bodyBytes } = this.#parts.context.limits;
    // Asked before the body is read: nothing is kept for who is nobody.
    if (!this.#sessions.has(name)) return answer(response, 404, "There is no such session", { Connection: "close" });
    const body = await readBody(request, bodyBytes);
    if (body === null) return answer(response, 413, "The body is too large", { Connection: "close" });
    const messages = messagesIn(body);
    if (messages === null) return answer(response, 400, "The body must be a JSON array of strings");
    const session = this.#sessions.get(name);
    if (!session) return answer(response, 404, "There is no such session");
    session.receive(messages);
    answer(response, 204, "");
  }

  #give(target: Target, request: IncomingMessage, response: ServerResponse): void {
    // pusher-js sends no body; whatever comes is dropped.
    request.resume();
    const source = { response, isStream: target.action === "xhr_streaming" };
    const session = this.#sessions.get(target.name);
    if (!session) this.#open(target, request, source);
    else if (!session.resume(source)) answer(response, 409, "Somebody else reads this session");
  }

  #open(target: Target, request: IncomingMessage, source: ReaderSource): void {
    const { apps, connections, proxies } = this.#parts;
    const found = admit(apps, target.key, target.url);
    if ("closeCode" in found) {
      answer(source.response, 200, refusalLines(found));
      return;
    }
    const remoteAddress = proxies.clientAddress(request);
    try {
      const slot = connections.admit(PROTOCOL, remoteAddress);
      this.#start(target, found, { remoteAddress, slot }, request, source);
    } catch (error) {
      if (!(error instanceof PaybellError)) throw error;
      // The next attempt is to find another process.
      const headers: Record<string, string> = error.code === "shutting_down" ? { Connection: "close" } : {};
      answer(source.response, 200, refusalLines(refusalOf(error.code)), headers);
    }
  }

  #start(
    { name, key, url }: Target,
    app: PusherApp,
    place: Pick<FallbackOptions, "remoteAddress" | "slot">,
    { headers }: IncomingMessage,
    source: ReaderSource,
  ): void {
    const { context, clock } = this.#parts;
    const { limits, onError } = context;
    const session = new FallbackSession({
      ...place,
      limits,
      clock,
      onError,
      onGone: () => this.#sessions.delete(name),
    });
    this.#sessions.set(name, session);
    session.start(source, (link) => new PusherSession(context, link, app, { url, headers, appKey: key }));
  }
}

function targetOf(path: string): Target | null {
  const url = URL.parse(path, "http://localhost");
  const match = url && PATH.exec(url.pathname);
  if (!match) return null;
  const [, key = "", session = "", action] = match;
  return { url, key, name: `${key}/${session}`, action: action as Target["action"] };
}

function answer(response: ServerResponse, status: number, text: string, headers: Record<string, string> = {}): void {
  response.writeHead(status, { ...FALLBACK_HEADERS, ...headers }).end(text);
}
