/**
 * gRPC-web over HTTP/1.1 on loopback: POST /package.Service/Method, messages in frames of 5 bytes (flag, length) and
 * then the message, trailers in a last frame with flag 0x80.
 * Source: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { IMessageType } from "@protobuf-ts/runtime";
import { LoopbackServer } from "../loopback-server.ts";

/** As gRPC numbers them. */
export const GRPC = { OK: 0, NOT_FOUND: 5, UNIMPLEMENTED: 12 } as const;

export class GrpcRefusal extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

export interface GrpcMethod {
  name: string;
  serverStreaming: boolean;
  I: IMessageType<object>;
  O: IMessageType<object>;
}

export interface GrpcService {
  typeName: string;
  methods: readonly GrpcMethod[];
}

/** An open stream to one client. */
export interface GrpcStream {
  send(message: object): void;
  /** Breaks the connection. */
  break(): void;
  closed: boolean;
}

export interface GrpcHandlers {
  /** @throws GrpcRefusal */
  unary(method: string, request: object): object;
  /** @throws GrpcRefusal */
  stream(method: string, request: object, stream: GrpcStream): void;
  /** Headers of every answer. */
  metadata(): Record<string, string>;
}

const CONTENT_TYPE = "application/grpc-web+proto";
const TRAILERS = 0x80;

export class GrpcWebServer extends LoopbackServer {
  readonly #services: readonly GrpcService[];
  readonly #handlers: GrpcHandlers;
  /** Sent instead of every answer. */
  raw: { status: number; headers?: Record<string, string>; body?: string } | null = null;
  /** How often each method was called. */
  readonly calls = new Map<string, number>();

  constructor(services: readonly GrpcService[], handlers: GrpcHandlers) {
    super();
    this.#services = services;
    this.#handlers = handlers;
  }

  protected override serve(request: IncomingMessage, body: Buffer, response: ServerResponse): void {
    if (this.raw) {
      response.writeHead(this.raw.status, this.raw.headers).end(this.raw.body);
      return;
    }
    this.#answer(request.url ?? "", body, response);
  }

  #answer(path: string, body: Buffer, response: ServerResponse): void {
    const [, service, name] = path.split("/");
    const method = this.#services
      .find(({ typeName }) => typeName === service)
      ?.methods.find((known) => known.name === name);
    this.calls.set(name ?? "", (this.calls.get(name ?? "") ?? 0) + 1);
    const headers = { "content-type": CONTENT_TYPE, ...this.#handlers.metadata() };
    try {
      if (!method) throw new GrpcRefusal(GRPC.UNIMPLEMENTED, `${path} is not simulated`);
      const request = method.I.fromBinary(body.subarray(5));
      if (method.serverStreaming) this.#stream(method, request, response, headers);
      else {
        const message = frame(0, method.O.toBinary(this.#handlers.unary(method.name, request)));
        response.writeHead(200, headers).end(Buffer.concat([message, frame(TRAILERS, "grpc-status:0\r\n")]));
      }
    } catch (error) {
      if (!(error instanceof GrpcRefusal)) throw error;
      const status = { "grpc-status": String(error.code), "grpc-message": encodeURIComponent(error.message) };
      response.writeHead(200, { ...headers, ...status }).end();
    }
  }

  #stream(method: GrpcMethod, request: object, response: ServerResponse, headers: Record<string, string>): void {
    const stream: GrpcStream = {
      send: (message) => response.write(frame(0, method.O.toBinary(message))),
      break: () => response.destroy(),
      closed: false,
    };
    response.on("close", () => {
      stream.closed = true;
    });
    response.writeHead(200, headers).flushHeaders();
    this.#handlers.stream(method.name, request, stream);
  }
}

function frame(flag: number, content: Uint8Array | string): Buffer {
  const body = Buffer.from(content);
  const header = Buffer.alloc(5);
  header.writeUInt8(flag, 0);
  header.writeUInt32BE(body.length, 1);
  return Buffer.concat([header, body]);
}
