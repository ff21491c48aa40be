/** `GET /v1/events`: everything that happened behind a cursor; with `waitMs` it waits for something to happen. */
import type { FastifyRequest } from "fastify";
import { type Static, Type } from "typebox";
import { responses } from "../answers.ts";
import type { RouteContext } from "../api.ts";
import type { HttpApiDeps, PollRequest } from "../deps.ts";
import { CursorParameter, IntegerParameter, integerParameter, Query } from "../query.ts";
import { readablePayment } from "../readable-payment.ts";
import { secretCaller } from "../request-auth.ts";
import { EventRef } from "../schemas.ts";

const DEFAULT_LIMIT = 100;

export function events({ api, deps }: RouteContext): void {
  const { pageSize, longPollMs } = deps.limits;
  const limits = { minimum: 1, maximum: pageSize, default: Math.min(DEFAULT_LIMIT, pageSize) };
  const waits = { minimum: 0, maximum: longPollMs, default: 0 };
  const EventsQuery = Query({
    after: CursorParameter("A `position`, or `next`. Left out: from the beginning."),
    limit: IntegerParameter(limits, "Events in one answer."),
    waitMs: IntegerParameter(waits, "Wait so long for the first event, milliseconds."),
    paymentId: Type.Optional(Type.String({ description: "Only this payment's; needs no key.", maxLength: 100 })),
  });
  api.route({
    method: "GET",
    url: "/v1/events",
    config: { access: "public" },
    schema: {
      operationId: "listEvents",
      summary: "Read events behind a cursor",
      description: "Without `paymentId` it needs a secret key, and gives all events of the merchant.",
      tags: ["events"],
      querystring: EventsQuery,
      response: responses(
        { 200: Type.Object({ events: Type.Array(EventRef), next: Type.String() }) },
        "unauthorized",
        "forbidden",
        "not_found",
        "invalid_cursor",
        "cursor_expired",
        "too_many_connections",
      ),
    },
    handler: async (request, reply) => {
      const gone = new AbortController();
      reply.raw.once("close", () => gone.abort());
      // Gone before anybody listened.
      if (reply.raw.destroyed) gone.abort();
      const query = request.query as Static<typeof EventsQuery>;
      const { events: found, next } = await deps.feeds.poll({
        ...(await scopeOf(request, query.paymentId, deps)),
        after: query.after ?? null,
        limit: integerParameter(query.limit, limits),
        waitMs: integerParameter(query.waitMs, waits),
        remoteAddress: deps.proxies.clientAddress(request.raw),
        signal: gone.signal,
      });
      return { events: [...found], next };
    },
  });
}

async function scopeOf(
  request: FastifyRequest,
  paymentId: string | undefined,
  deps: HttpApiDeps,
): Promise<Pick<PollRequest, "scope" | "merchantId" | "audience">> {
  if (paymentId === undefined) {
    const { merchantId } = secretCaller(request);
    return { scope: { merchantId }, merchantId, audience: "merchant" };
  }
  const { audience, state } = await readablePayment(deps.payments, request.caller, paymentId);
  return { scope: { paymentId }, merchantId: state.payment.merchantId, audience };
}
