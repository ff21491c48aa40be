/**
 * `POST /pusher/auth`: lets a merchant's backend subscribe a client to a private channel of his. It needs his secret key,
 * so it is the backend that asks: either the client there, or a route of the backend that has checked who the user is. A
 * backend that knows the app's secret can sign by itself, with Pusher's library.
 * Source: Pusher Channels, "Authorizing users".
 */
import { Type } from "typebox";
import type { Api } from "../../http/api.ts";
import { PaybellError } from "../../kit/errors.ts";
import type { Limits } from "../../kit/limits.ts";
import type { PusherApp } from "../../transports/pusher/apps.ts";
import { parseChannelName } from "../../transports/pusher/channel-name.ts";
import type { ChannelName } from "../../transports/pusher/channels.ts";
import { authorise, sharedSecret } from "../../transports/pusher/signatures.ts";
import type { PusherTransport } from "../../transports/pusher/transport.ts";

export interface AuthoriseDeps {
  pusher: Pick<PusherTransport, "apps" | "isOfMerchant">;
  limits: Pick<Limits, "pusherChannelNameChars">;
}

const Body = Type.Object(
  {
    socket_id: Type.String({ pattern: "^[0-9]{1,20}\\.[0-9]{1,20}$" }),
    channel_name: Type.String(),
    channel_data: Type.Optional(Type.String({ maxLength: 10_000 })),
    app_key: Type.Optional(
      Type.String({ description: "Key that the client connected with. Left out: your own app, else the common one." }),
    ),
  },
  { additionalProperties: false },
);

export function pusherAuthorise(api: Api, deps: AuthoriseDeps): void {
  // A scope of its own: forms are taken here and nowhere else.
  api.register(async (scope: Api) => {
    const form = "application/x-www-form-urlencoded";
    scope.addContentTypeParser(form, { parseAs: "string" }, (_request, body, done) =>
      done(null, Object.fromEntries(new URLSearchParams(String(body)))),
    );
    route(scope, deps);
  });
}

function route(scope: Api, { pusher, limits }: AuthoriseDeps): void {
  scope.route({
    method: "POST",
    url: "/pusher/auth",
    schema: {
      operationId: "pusherAuth",
      summary: "Authorise a Pusher client for a private channel of yours",
      description: "A form, as pusher-js sends it, or JSON.",
      tags: ["pusher"],
      body: Body,
      response: {
        200: Type.Object({
          auth: Type.String(),
          channel_data: Type.Optional(Type.String()),
          shared_secret: Type.Optional(Type.String()),
        }),
      },
    },
    handler: async ({ body, caller }) => {
      // A route without `access` is for secret keys only; the key was checked before.
      if (!caller) throw new PaybellError("unauthorized", "This call needs a secret key.");
      const channel = privateChannel(body.channel_name, limits.pusherChannelNameChars);
      const app = appFor(pusher, caller.merchantId, body.app_key);
      if (!(await pusher.isOfMerchant(channel, caller.merchantId))) {
        throw new PaybellError("forbidden", "This is no channel of yours.");
      }
      const { socket_id: socketId, channel_data: channelData } = body;
      const auth = authorise(app, { socketId, channel: channel.full, channelData });
      return { auth, ...(channelData === undefined ? {} : { channel_data: channelData }), ...secretOf(channel, app) };
    },
  });
}

function privateChannel(name: string, maxChars: number): ChannelName {
  const channel = parseChannelName(name, maxChars);
  if (channel && channel.kind !== "public") return channel;
  throw new PaybellError("invalid_request", "channel_name must be that of a private channel.", {
    field: "channel_name",
  });
}

function appFor(
  { apps }: AuthoriseDeps["pusher"],
  merchantId: string,
  key: string | undefined,
): PusherApp & { secret: string } {
  const app = key === undefined ? apps.signingFor(merchantId) : apps.withKey(key);
  const isAllowed = app !== null && (app.merchantId === null || app.merchantId === merchantId);
  if (!isAllowed || app.secret === null) {
    throw new PaybellError("not_supported", "There is no app with a secret that signs for you: see pusher.apps.");
  }
  return { ...app, secret: app.secret };
}

function secretOf(channel: ChannelName, { encryptionMasterKey }: PusherApp): { shared_secret?: string } {
  if (channel.kind !== "private-encrypted") return {};
  if (encryptionMasterKey === null) {
    throw new PaybellError("not_supported", "The app has no encryptionMasterKey, so there are no encrypted channels.");
  }
  return { shared_secret: sharedSecret(channel, encryptionMasterKey).toString("base64") };
}
