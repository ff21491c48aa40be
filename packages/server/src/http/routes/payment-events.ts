/** `GET /v1/payments/{id}/events`: server-sent events. */
import type { FastifyReply, FastifyRequest } from "fastify";
import { Type } from "typebox";
import { StoreUnavailable } from "../../log/event-log.ts";
import { askToComeBack, isEventSource, refuseStream } from "../../transports/sse/begin.ts";
import { as, responses } from "../answers.ts";
import type { RouteContext } from "../api.ts";
import { bearerKey } from "../authenticator.ts";
import { NoQuery, PaymentIdParams } from "../query.ts";
import { readablePayment } from "../readable-payment.ts";

const streams = ({ raw: request }: FastifyRequest, { raw: response }: FastifyReply) => ({ request, response });

export function paymentEvents({ api, deps }: RouteContext): void {
  api.route({
    method: "GET",
    url: "/v1/payments/:id/events",
    config: { access: "public" },
    schema: {
      operationId: "streamPaymentEvents",
      summary: "Follow a payment by server-sent events",
      description: "`id:` is the position, `event:` the kind, `data:` JSON. Give `Last-Event-ID` to go on behind it.",
      tags: ["events"],
      params: PaymentIdParams,
      querystring: NoQuery,
      headers: Type.Object({
        "last-event-id": Type.Optional(Type.String({ description: "The last `id:` received.", maxLength: 300 })),
      }),
      response: responses(
        { 200: as("text/event-stream", Type.String(), "A stream of events.") },
        "unauthorized",
        "not_found",
        "invalid_cursor",
        "cursor_expired",
        "too_many_connections",
      ),
    },
    handler: async (request, reply) => {
      for (const [name, value] of Object.entries(reply.getHeaders())) {
        if (value !== undefined) reply.raw.setHeader(name, value);
      }
      try {
        const { id } = request.params;
        const { audience, state } = await readablePayment(deps.payments, request.caller, id);
        const { merchantId } = state.payment;
        const key = bearerKey(request.headers.authorization);
        // An EventSource sends an empty Last-Event-ID where the stream has told it to forget.
        const after = request.headers["last-event-id"] || null;
        const remoteAddress = deps.proxies.clientAddress(request.raw);
        await deps.feeds.stream(
          { paymentId: id, merchantId, audience, key, after, remoteAddress },
          streams(request, reply),
        );
      } catch (error) {
        if (error instanceof StoreUnavailable && isEventSource(request)) {
          request.log.error({ err: error }, "the database does not answer: a stream was asked to come back");
          askToComeBack(reply.raw);
        } else refuseStream(request, reply.raw, error);
      }
      reply.hijack();
    },
  });
}
