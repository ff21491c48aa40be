/** Pusher Channels protocol 7 as one transport: everything that its clients and its backends can reach. */
import type { WebSocketTransport } from "../websocket/server.ts";
import { type PusherApp, PusherApps } from "./apps.ts";
import { Occupancy } from "./occupancy.ts";
import type { SessionContext } from "./session.ts";
import { pusherSocketRoutes } from "./socket-route.ts";

export interface PusherTransportOptions extends Omit<SessionContext, "occupancy"> {
  apps: readonly PusherApp[];
  sockets: WebSocketTransport;
}

export class PusherTransport {
  readonly apps: PusherApps;
  readonly occupancy = new Occupancy();

  /** Mounts its paths on the WebSocket transport. */
  constructor({ apps, sockets, ...rest }: PusherTransportOptions) {
    this.apps = new PusherApps(apps);
    const context: SessionContext = { ...rest, occupancy: this.occupancy };
    for (const route of pusherSocketRoutes(this.apps, context)) sockets.mount(route);
  }
}
