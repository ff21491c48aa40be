/** What Pusher's libraries for backends reach over HTTP. */
import type { Mount } from "../../http/deps.ts";
import type { PusherTransport } from "../../transports/pusher/transport.ts";
import type { ProtocolContext } from "../protocol.ts";
import { pusherAuthorise } from "./authorise.ts";
import { pusherHttpApi } from "./http-api.ts";

/** To be mounted on the HTTP API. */
export function pusherHttp(
  pusher: PusherTransport,
  { clock, limits, onError }: Pick<ProtocolContext, "clock" | "limits" | "onError">,
): Mount {
  return (api) => {
    pusherAuthorise(api, { pusher, limits });
    pusherHttpApi(api, { pusher, clock, limits, onError });
  };
}
