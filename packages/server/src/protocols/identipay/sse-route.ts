/**
 * `GET /sse/transactions/{transactionId}`: the messages of the WebSocket as server-sent events, unnamed, so that they
 * reach `onmessage`. identiPay describes this path and does not have it yet.
 *
 * An EventSource comes back by itself whenever a response ends, and is then told anew how the transaction stands. After
 * "Transaction not found" that would go on for ever; so that message has an id, and a client that comes back with it is
 * answered 204, at which an EventSource gives up.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { ErrorCode } from "@paybell/protocol";
import { Type } from "typebox";
import type { Published } from "../../fanout/published.ts";
import type { Api } from "../../http/api.ts";
import { refuseStream } from "../../transports/sse/begin.ts";
import { sseMessage, sseRetry } from "../../transports/sse/message.ts";
import { SseConnection } from "../../transports/sse/sse-connection.ts";
import type { IdentipayContext } from "./context.ts";
import { identipayRefusal } from "./refusal.ts";
import { type FeedClient, TransactionFeed } from "./transaction-feed.ts";

/** `id:` of the message after which there is nothing to come back for. */
const NOTHING_MORE = "end";
/** Where there was no place, a client comes back after this pause, milliseconds. */
const FULL_RETRY_MS = 30_000;

export function transactionEvents(api: Api, context: IdentipayContext): void {
  api.route({
    method: "GET",
    url: "/sse/transactions/:transactionId",
    config: { access: "public", refusal: identipayRefusal },
    schema: {
      operationId: "identipayTransactionEvents",
      summary: "Follow an identiPay transaction by server-sent events",
      tags: ["identipay"],
      params: Type.Object({ transactionId: Type.String() }),
      produces: ["text/event-stream"],
      response: {
        200: Type.String({ description: "The messages of the WebSocket, as unnamed events." }),
        204: Type.Null({ description: "Nothing more will come: do not come back." }),
      },
    },
    handler: async (request, reply) => {
      if (request.headers["last-event-id"] === NOTHING_MORE) return reply.code(204).send(null);
      for (const [name, value] of Object.entries(reply.getHeaders())) {
        if (value !== undefined) reply.raw.setHeader(name, value);
      }
      const client = openClient(context, request.raw, reply.raw);
      reply.hijack();
      if (!client) return reply;
      const feed = new TransactionFeed(context, request.params.transactionId, client);
      client.onClose(() => feed.close());
      void feed.follow();
      return reply;
    },
  });
}

/** `null`: there is no place, and it was asked to come back. @throws PaybellError too_many_connections: nothing was written */
function openClient(context: IdentipayContext, request: IncomingMessage, response: ServerResponse): SseClient | null {
  try {
    return new SseClient(context, response, context.proxies.clientAddress(request));
  } catch (error) {
    refuseStream(request, response, error);
    return null;
  }
}

class SseClient implements FeedClient {
  readonly remoteAddress: string;
  readonly #connection: SseConnection;

  /** @throws PaybellError too_many_connections: nothing was written */
  constructor(context: IdentipayContext, response: ServerResponse, remoteAddress: string) {
    const { connections, limits, clock } = context;
    this.remoteAddress = remoteAddress;
    this.#connection = SseConnection.open({
      response,
      connections,
      protocol: "identipay-sse",
      remoteAddress,
      limits,
      clock,
    });
  }

  onClose(listener: () => void): void {
    this.#connection.onClose(listener);
  }

  tell(json: string, published: Published | null): void {
    const message = () => sseMessage({ data: json });
    this.#connection.send(published?.encodeOnce("identipay/sse", message) ?? message());
  }

  refuse(code: "not_found" | "too_many_connections", json: string): void {
    const last = code === "not_found" ? { id: NOTHING_MORE, data: json } : { data: json };
    if (code === "too_many_connections") this.#connection.send(sseRetry(FULL_RETRY_MS));
    this.#connection.send(sseMessage(last));
    this.end(code);
  }

  end(code: ErrorCode): void {
    this.#connection.end(code);
  }

  writable(): Promise<void> {
    return this.#connection.writable();
  }
}
