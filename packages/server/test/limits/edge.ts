/**
 * What the test of a limit's edge works with: whole servers with that limit set, and clients that go up to it and one
 * step further. Everything that was started is ended after the test.
 */
import { connect, type Socket } from "node:net";
import { expect } from "vitest";
import type { LimitName, Limits } from "../../src/kit/limits.ts";
import { ManualClock } from "../../testkit/manual-clock.ts";
import { Refused, TestClient } from "../../testkit/transport-server.ts";
import { until } from "../../testkit/until.ts";
import { TestServer } from "../http/harness.ts";

/** Shows that exactly what the limit allows is taken, and that one more is refused in the client's own protocol. */
export type Edge = (at: Edges) => Promise<void>;

/** The edges of some limits; all of them together are in `edges.ts`. */
export type EdgeTable<Name extends LimitName> = Readonly<Record<Name, Edge>>;

export interface StartOptions {
  mode?: "sandbox" | "live";
  environment?: Record<string, string>;
  /** Added to the configuration file. */
  file?: object;
}

/** A chain without a node: payments on it take any address, and are paid by observations. */
export const EXTERNAL_CHAIN = { ext: { kind: "external", assets: [{ symbol: "EXT", decimals: 0 }] } };

export class Edges {
  readonly clock = new ManualClock(Date.UTC(2026, 0, 1));
  readonly #ends: (() => Promise<void> | void)[] = [];

  /** Called after the test, the last one first. */
  onEnd(end: () => Promise<void> | void): void {
    this.#ends.push(end);
  }

  async end(): Promise<void> {
    for (const end of this.#ends.splice(0).reverse()) await end();
  }

  /** A server with these limits, and with a clock that stands still. */
  async start(limits: Partial<Limits>, { mode = "sandbox", environment, file }: StartOptions = {}) {
    const server = await TestServer.start(
      { PAYBELL_MODE: mode, ...environment },
      { chains: EXTERNAL_CHAIN, ...file, limits: { closeTimeoutMs: 200, ...limits } },
      this.clock,
    );
    this.onEnd(() => server.stop());
    return server;
  }

  /** A bare TCP connection and all that comes from it. */
  async dial(server: TestServer, from = "127.0.0.1"): Promise<Dialled> {
    const { port } = new URL(server.url);
    const dialled = new Dialled(connect({ port: Number(port), host: "127.0.0.1", localAddress: from }));
    this.onEnd(() => dialled.hangUp());
    await dialled.connected;
    return dialled;
  }

  /** A WebSocket that is not yet open. */
  socket(server: TestServer, path: string, headers: Record<string, string> = {}): TestClient {
    const client = new TestClient(server.url.replace(/^http/, "ws") + path, { headers });
    this.onEnd(async () => {
      client.terminate();
      await client.closed;
    });
    return client;
  }

  async open(server: TestServer, path: string, headers?: Record<string, string>): Promise<TestClient> {
    const client = this.socket(server, path, headers);
    await client.opened;
    return client;
  }

  /** A response that goes on: SSE, or a poll that waits. Resolves with its head. */
  async request(server: TestServer, path: string, headers: Record<string, string> = {}): Promise<Response> {
    const abort = new AbortController();
    this.onEnd(() => abort.abort());
    return fetch(server.url + path, { headers, signal: abort.signal });
  }
}

export class Dialled {
  readonly socket: Socket;
  readonly connected: Promise<void>;
  readonly closed: Promise<void>;
  received = "";

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk) => (this.received += chunk.toString()));
    // Cut off by the server: `close` follows, and that is what is waited for.
    socket.on("error", () => undefined);
    this.connected = new Promise((resolve) => socket.once("connect", () => resolve()));
    this.closed = new Promise((resolve) => socket.once("close", () => resolve()));
  }

  /** Sends the text and waits for one more answer. */
  async ask(text: string): Promise<void> {
    const answers = this.#answers;
    this.socket.write(text);
    await until(
      () => `an answer, after ${this.received}`,
      () => this.#answers > answers,
    );
  }

  get statuses(): string[] {
    return [...this.received.matchAll(/HTTP\/1\.1 ([0-9]{3}) /g)].map((match) => match[1] as string);
  }

  hangUp(): Promise<void> {
    this.socket.destroy();
    return this.closed;
  }

  get #answers(): number {
    return this.received.split("\r\n\r\n").length;
  }
}

export const HEALTH = "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";

/** What the refused upgrade was answered. */
export async function refusalOf(client: TestClient): Promise<Refused> {
  const error = await client.opened.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(Refused);
  return error as Refused;
}

/** 503 comes with a time to come back after. */
export async function expectFull(answer: Response | Refused): Promise<void> {
  const isRefused = answer instanceof Refused;
  const code = isRefused ? answer.code : ((await answer.json()) as { error: { code: string } }).error.code;
  const retryAfter = isRefused ? answer.headers["retry-after"] : answer.headers.get("retry-after");
  expect([answer.status, code]).toEqual([503, "too_many_connections"]);
  expect(Number(retryAfter)).toBeGreaterThan(0);
}
