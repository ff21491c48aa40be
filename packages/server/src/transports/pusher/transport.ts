/** Pusher Channels protocol 7 as one transport: everything that its clients can reach. */
import type { Wire } from "../http-server.ts";
import type { WebSocketTransport } from "../websocket/server.ts";
import { type PusherApp, PusherApps } from "./apps.ts";
import type { ChannelName } from "./channels.ts";
import { type FallbackParts, PusherFallback } from "./fallback.ts";
import { Occupancy } from "./occupancy.ts";
import { isOfMerchant, type SessionContext } from "./session.ts";
import { pusherSocketRoutes } from "./socket-route.ts";

export interface PusherTransportOptions
  extends Omit<SessionContext, "occupancy">,
    Pick<FallbackParts, "connections" | "proxies" | "clock"> {
  apps: readonly PusherApp[];
  sockets: WebSocketTransport;
}

export class PusherTransport {
  readonly apps: PusherApps;
  readonly occupancy = new Occupancy();
  /** The HTTP fallback; the WebSocket paths are on the WebSocket transport. */
  readonly wire: Wire;
  readonly #context: SessionContext;

  /** Mounts its paths on the WebSocket transport. */
  constructor({ apps, sockets, connections, proxies, clock, routes, limits, onError }: PusherTransportOptions) {
    this.apps = new PusherApps(apps);
    const context: SessionContext = { routes, limits, onError, occupancy: this.occupancy };
    this.#context = context;
    for (const route of pusherSocketRoutes(this.apps, context)) sockets.mount(route);
    this.wire = new PusherFallback({ apps: this.apps, context, connections, proxies, clock });
  }

  /** May this merchant authorise clients for the channel? */
  isOfMerchant(channel: ChannelName, merchantId: string): Promise<boolean> {
    return isOfMerchant(this.#context.routes, channel, merchantId);
  }
}
