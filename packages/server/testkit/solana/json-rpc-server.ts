/** Solana's JSON-RPC over HTTP and, on the same port, its WebSocket with the one subscription `slotSubscribe`. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { WebSocketServer } from "ws";
import { onceFree } from "../bitcoind/once-free.ts";

export class RpcRefusal extends Error {
  readonly code: number;
  readonly data: unknown;

  constructor(code: number, message: string, data?: unknown) {
    super(message);
    this.code = code;
    this.data = data;
  }
}

export type RpcHandler = (method: string, params: readonly unknown[]) => unknown;

const { rawJSON } = JSON as unknown as { rawJSON(text: string): object };
/** Whole numbers beyond what JavaScript holds are written as such, as a node does. */
const withBigNumbers = (_: string, value: unknown): unknown =>
  typeof value === "bigint" ? rawJSON(`${value}`) : value;

const asJson = (value: unknown): string => JSON.stringify(value, withBigNumbers);
const written = new WeakMap<object, string>();

/** A list that is long and answered often: each part of it is written once, however often it is told. */
export class Written {
  readonly text: string;

  constructor(parts: readonly object[]) {
    const texts = parts.map((part) => {
      const text = written.get(part) ?? asJson(part);
      written.set(part, text);
      return text;
    });
    this.text = `[${texts.join()}]`;
  }
}

export class JsonRpcServer {
  readonly #handler: RpcHandler;
  #server: Server | null = null;
  #sockets: WebSocketServer | null = null;
  #port = 0;
  /** Sent instead of an answer. */
  raw: { status: number; headers?: Record<string, string>; body: string } | null = null;
  /** How often each method was called. */
  readonly calls = new Map<string, number>();
  /** Headers of the last question. */
  lastHeaders: IncomingMessage["headers"] = {};

  constructor(handler: RpcHandler) {
    this.#handler = handler;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get wsUrl(): string {
    return `ws://127.0.0.1:${this.#port}`;
  }

  /** Subscribers at this moment. */
  get listeners(): number {
    return this.#sockets?.clients.size ?? 0;
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
    this.#sockets = new WebSocketServer({ server });
    this.#sockets.on("connection", (socket) =>
      socket.on("message", (text) => {
        const { id, method } = JSON.parse(String(text));
        const answer =
          method === "slotSubscribe" ? { result: 0 } : { error: { code: -32601, message: "Method not found" } };
        socket.send(JSON.stringify({ jsonrpc: "2.0", id, ...answer }));
      }),
    );
  }

  /** Breaks what is connected, too. */
  async close(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    this.#server = null;
    for (const socket of this.#sockets?.clients ?? []) socket.terminate();
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  }

  /** A new slot, to whoever has subscribed. */
  push(slot: number, root: number): void {
    const params = { result: { parent: slot - 1, root, slot }, subscription: 0 };
    const text = JSON.stringify({ jsonrpc: "2.0", method: "slotNotification", params });
    for (const socket of this.#sockets?.clients ?? []) socket.send(text);
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    this.lastHeaders = request.headers;
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { status, headers = {}, body } = this.raw ?? this.#answer(Buffer.concat(chunks).toString());
      response.writeHead(status, { "content-type": "application/json", ...headers }).end(body);
    });
  }

  #answer(text: string): { status: number; headers?: Record<string, string>; body: string } {
    const { id, method, params = [] } = JSON.parse(text) as { id: unknown; method: string; params?: unknown[] };
    this.calls.set(method, (this.calls.get(method) ?? 0) + 1);
    const reply = (answer: object) => ({ status: 200, body: asJson({ jsonrpc: "2.0", id, ...answer }) });
    try {
      const result = this.#handler(method, params);
      const { transactions } = (result ?? {}) as { transactions?: unknown };
      if (!(transactions instanceof Written)) return reply({ result });
      const { body } = reply({ result: { ...(result as object), transactions: [] } });
      return { status: 200, body: body.replace('"transactions":[]', () => `"transactions":${transactions.text}`) };
    } catch (error) {
      if (!(error instanceof RpcRefusal)) throw error;
      const { code, message, data } = error;
      return reply({ error: { code, message, ...(data === undefined ? {} : { data }) } });
    }
  }
}
