/**
 * The part of Pusher's HTTP API that asks: which channels are occupied, and by how many. What publishes is refused: events
 * come from the log only. Signed with the app's secret; errors are plain text, as Pusher's are.
 * Source: Pusher Channels, "HTTP API reference".
 */
import { Type } from "typebox";
import type { Api } from "../../http/api.ts";
import type { Clock } from "../../kit/clock.ts";
import { PaybellError } from "../../kit/errors.ts";
import type { Limits } from "../../kit/limits.ts";
import type { PusherApp } from "../../transports/pusher/apps.ts";
import { isPresence } from "../../transports/pusher/channel-name.ts";
import { signatureProblem } from "../../transports/pusher/request-signature.ts";
import type { PusherTransport } from "../../transports/pusher/transport.ts";

export interface PusherHttpDeps {
  pusher: Pick<PusherTransport, "apps" | "occupancy">;
  clock: Clock;
  limits: Pick<Limits, "pusherChannelsListed">;
  onError: (error: unknown) => void;
}

/** Asked with these, and answered with them. */
const SUBSCRIPTION_COUNT = "subscription_count";
const USER_COUNT = "user_count";

const AUTH_QUERY = {
  auth_key: Type.Optional(Type.String()),
  auth_timestamp: Type.Optional(Type.String()),
  auth_version: Type.Optional(Type.String()),
  auth_signature: Type.Optional(Type.String()),
};
/** Whatever else stands in the query is signed like the rest, and changes nothing. */
const open = { additionalProperties: true };
const info = Type.Optional(Type.String({ maxLength: 200, description: "`subscription_count`" }));
const Count = Type.Object({ subscription_count: Type.Optional(Type.Integer()) });

export function pusherHttpApi(api: Api, deps: PusherHttpDeps): void {
  // A scope of its own: only here bodies are texts, whatever their type, and errors are plain text.
  api.register(async (scope: Api) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", { parseAs: "string" }, (_request, body, done) => done(null, body));
    scope.setErrorHandler((error, _request, reply) => {
      const { status, text } = plain(error, deps.onError);
      reply.code(status).type("text/plain; charset=utf-8").send(text);
    });
    scope.addHook("preHandler", async ({ method, url, params, body }) => {
      const { appId } = params as { appId: string };
      const signed = { method, url, body: typeof body === "string" ? body : "" };
      const problem = signatureProblem(deps.pusher.apps.withId(appId), signed, deps.clock.nowMs());
      if (problem) throw new PaybellError("unauthorized", problem);
    });
    listChannels(scope, deps);
    describeChannel(scope, deps);
    refusePublishing(scope);
  });
}

function listChannels(scope: Api, { pusher, limits }: PusherHttpDeps): void {
  scope.route({
    method: "GET",
    url: "/apps/:appId/channels",
    config: { access: "open" },
    schema: {
      operationId: "pusherChannels",
      summary: "Channels that somebody is on",
      description: "Signed with the app's secret, as Pusher's libraries do it.",
      tags: ["pusher"],
      params: Type.Object({ appId: Type.String() }),
      querystring: Type.Object(
        { ...AUTH_QUERY, filter_by_prefix: Type.Optional(Type.String({ maxLength: 200 })), info },
        open,
      ),
      response: { 200: Type.Object({ channels: Type.Record(Type.String(), Count) }) },
    },
    handler: async ({ params, query }) => {
      const app = appOf(pusher, params.appId);
      const { filter_by_prefix: prefix = "" } = query;
      const withCount = asks(query.info, prefix);
      const channels: [string, object][] = [];
      for (const [channel, count] of pusher.occupancy.of(app.id)) {
        if (!channel.startsWith(prefix)) continue;
        if (channels.length >= limits.pusherChannelsListed) {
          const what = `More than ${limits.pusherChannelsListed} channels are occupied: narrow it by filter_by_prefix`;
          throw new PaybellError("payload_too_large", what);
        }
        channels.push([channel, withCount ? { [SUBSCRIPTION_COUNT]: count } : {}]);
      }
      // Not by assignment: a channel may be called `__proto__`.
      return { channels: Object.fromEntries(channels) };
    },
  });
}

function describeChannel(scope: Api, { pusher }: PusherHttpDeps): void {
  scope.route({
    method: "GET",
    url: "/apps/:appId/channels/:channel",
    config: { access: "open" },
    schema: {
      operationId: "pusherChannel",
      summary: "Is anybody on this channel?",
      description: "Signed with the app's secret, as Pusher's libraries do it.",
      tags: ["pusher"],
      params: Type.Object({ appId: Type.String(), channel: Type.String() }),
      querystring: Type.Object({ ...AUTH_QUERY, info }, open),
      response: { 200: Type.Object({ occupied: Type.Boolean(), subscription_count: Type.Optional(Type.Integer()) }) },
    },
    handler: async ({ params, query }) => {
      const count = pusher.occupancy.count(appOf(pusher, params.appId).id, params.channel);
      const withCount = asks(query.info, params.channel);
      return { occupied: count > 0, ...(withCount ? { [SUBSCRIPTION_COUNT]: count } : {}) };
    },
  });
}

function refusePublishing(scope: Api): void {
  for (const path of ["events", "batch_events"]) {
    scope.route({
      method: "POST",
      url: `/apps/:appId/${path}`,
      config: { access: "open" },
      schema: { hide: true },
      handler: async () => {
        throw new PaybellError("forbidden", "Events cannot be published here: they come from payments only");
      },
    });
  }
}

/** The app was found before: the call is signed with its secret. */
function appOf(pusher: PusherHttpDeps["pusher"], id: string): PusherApp {
  const app = pusher.apps.withId(id);
  if (!app) throw new PaybellError("unauthorized", "There is no such app");
  return app;
}

/** Is the number of subscriptions asked for? Other attributes are left out of the answer, as Pusher does.
 * @throws PaybellError invalid_request where it cannot be counted */
function asks(attributes: string | undefined, channel: string): boolean {
  const asked = (attributes ?? "").split(",");
  if (asked.includes(USER_COUNT) && !isPresence(channel)) {
    throw new PaybellError("invalid_request", "user_count may only be requested for presence channels");
  }
  return asked.includes(SUBSCRIPTION_COUNT);
}

function plain(error: unknown, onError: (error: unknown) => void): { status: number; text: string } {
  if (error instanceof PaybellError) return { status: error.spec.httpStatus, text: error.message };
  // The framework's own: a body that is too large, a query that is not as it should be.
  const { statusCode = 500, message } = error as { statusCode?: number; message: string };
  if (statusCode < 500) return { status: statusCode, text: message };
  onError(error);
  return { status: 500, text: "Paybell failed; the log of the server says why" };
}
