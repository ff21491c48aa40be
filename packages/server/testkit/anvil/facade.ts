/**
 * HTTP and WebSocket in front of anvil, for what a test must be able to do to the way there: hold every question while
 * several steps of the chain become one, cut the way, push once more what was pushed, count questions, change answers.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import WebSocket, { WebSocketServer } from "ws";
import { onceFree } from "../bitcoind/once-free.ts";
import type { AnvilProcess } from "./process.ts";

interface Message {
  id?: unknown;
  method: string;
  params?: readonly unknown[];
}

/** In place of the node's answer: a result, or an error. `null`: the node answers. */
export type Override = (
  params: readonly unknown[],
) => { result: unknown } | { error: { code: number; message: string } } | null;

export class AnvilFacade {
  /** By method. */
  readonly overrides = new Map<string, Override>();
  /** Methods of the questions, in order. */
  readonly asked: string[] = [];
  /** Of every answer, in place of the node's; `null`: as it is. */
  refuseWith: { status: number; headers: Record<string, string> } | null = null;
  /** `false`: several calls in one request are refused. */
  takesBatches = true;
  readonly #anvil: AnvilProcess;
  #server: Server | null = null;
  #port = 0;
  #held: Promise<void> = Promise.resolve();
  readonly #answering = new Set<Promise<void>>();
  readonly #feeds = new Set<WebSocket>();
  #lastPush: string | null = null;

  static async start(anvil: AnvilProcess): Promise<AnvilFacade> {
    const facade = new AnvilFacade(anvil);
    await facade.connect();
    return facade;
  }

  private constructor(anvil: AnvilProcess) {
    this.#anvil = anvil;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get wsUrl(): string {
    return `ws://127.0.0.1:${this.#port}`;
  }

  /** Nobody asks anything in between. */
  async atOnce<T>(work: () => Promise<T>): Promise<T> {
    const before = this.#held;
    const done = Promise.withResolvers<void>();
    this.#held = done.promise;
    await before;
    await Promise.all(this.#answering);
    try {
      return await work();
    } finally {
      done.resolve();
    }
  }

  async disconnect(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    for (const feed of this.#feeds) feed.terminate();
    if (!server) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
  }

  /** On the same port as before. */
  async connect(): Promise<void> {
    const server = createServer((request, response) => {
      // Whoever asked hears of trouble as of a broken connection.
      const answering = this.#held
        .then(() => this.#answer(request, response))
        .catch(() => void response.destroy())
        .finally(() => this.#answering.delete(answering));
      this.#answering.add(answering);
    });
    const feeds = new WebSocketServer({ server });
    feeds.on("connection", (client) => this.#feed(client));
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

  /** The last push once more, to everybody. */
  repeat(): void {
    if (this.#lastPush === null) return;
    for (const feed of this.#feeds) feed.send(this.#lastPush);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    if (this.refuseWith) {
      response.writeHead(this.refuseWith.status, this.refuseWith.headers).end();
      return;
    }
    const body = JSON.parse(Buffer.concat(parts).toString()) as Message | Message[];
    response.writeHead(200, { "content-type": "application/json" });
    if (Array.isArray(body) && !this.takesBatches) {
      response.end(JSON.stringify({ jsonrpc: "2.0", id: null, error: { code: -32_600, message: "no batches here" } }));
      return;
    }
    const answers = await this.#forward([body].flat());
    response.end(JSON.stringify(Array.isArray(body) ? answers : answers[0]));
  }

  async #forward(messages: readonly Message[]): Promise<readonly object[]> {
    const own = new Map<unknown, object>();
    for (const { id, method, params = [] } of messages) {
      this.asked.push(method);
      const answer = this.overrides.get(method)?.(params) ?? null;
      if (answer) own.set(id, { jsonrpc: "2.0", id, ...answer });
    }
    const rest = messages.filter(({ id }) => !own.has(id));
    if (rest.length === 0) return [...own.values()];
    const response = await fetch(this.#anvil.url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(rest),
    });
    return [...own.values(), ...((await response.json()) as object[])];
  }

  #feed(client: WebSocket): void {
    const upstream = new WebSocket(this.#anvil.wsUrl);
    const waiting: string[] = [];
    this.#feeds.add(client);
    const end = () => {
      this.#feeds.delete(client);
      client.terminate();
      upstream.terminate();
    };
    for (const side of [client, upstream]) {
      // A way that breaks is what this is for.
      side.on("error", end);
      side.on("close", end);
    }
    client.on("message", (bytes) => {
      if (upstream.readyState === WebSocket.OPEN) upstream.send(String(bytes));
      else waiting.push(String(bytes));
    });
    upstream.on("open", () => {
      for (const message of waiting) upstream.send(message);
    });
    upstream.on("message", (bytes) => {
      const text = String(bytes);
      if (text.includes("eth_subscription")) this.#lastPush = text;
      client.send(text);
    });
  }
}
