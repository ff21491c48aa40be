/**
 * Which protocol is served on which transport: the second half of the composition root. A protocol is added here and
 * nowhere else.
 */
import type { ErrorCode } from "@paybell/protocol";
import type { Config } from "./config/config.ts";
import type { Mount, SandboxControls } from "./http/deps.ts";
import type { ChainRegistry } from "./ingest/chain-registry.ts";
import type { Ingest } from "./ingest/ingest.ts";
import { registerBlockonomicsRest } from "./protocols/blockonomics/rest.ts";
import { blockonomicsRoute } from "./protocols/blockonomics/route.ts";
import { identipay } from "./protocols/identipay/identipay.ts";
import { nativeStream } from "./protocols/native/stream.ts";
import type { ProtocolContext } from "./protocols/protocol.ts";
import { tributary } from "./protocols/tributary/tributary.ts";
import type { TrustedProxies } from "./transports/client-address.ts";
import type { Connections } from "./transports/connections.ts";
import type { Wire } from "./transports/http-server.ts";
import type { ChannelRoute } from "./transports/pusher/channels.ts";
import { PusherTransport } from "./transports/pusher/transport.ts";
import type { SocketIoTransport } from "./transports/socketio/transport.ts";
import type { WebSocketTransport } from "./transports/websocket/server.ts";

export interface Transports {
  sockets: WebSocketTransport;
  socketIo: SocketIoTransport;
  connections: Connections;
  proxies: TrustedProxies;
}

export interface ProtocolParts extends ProtocolContext {
  config: Config;
  ingest: Ingest;
  registry: ChainRegistry;
  /** `null` in live mode. */
  sandbox: SandboxControls | null;
}

export interface Mounted {
  /** Who is asked, in this order, whether a request or an upgrade is his, before the HTTP API. */
  wires: readonly Wire[];
  /** What protocols put on the HTTP API. */
  mounts: readonly Mount[];
}

export function mountProtocols(parts: ProtocolParts, { sockets, socketIo, connections, proxies }: Transports): Mounted {
  const { config, ingest, registry } = parts;
  const identiPay = identipay({ ...parts, connections, proxies, settings: config.identipay });
  const { replayWindowMs } = config;
  const countRefusal = (code: ErrorCode) => connections.countRefusal(code);
  const tributaryParts = tributary({ ...parts, replayWindowMs, countRefusal });
  socketIo.mount(tributaryParts.route);
  sockets.mount(nativeStream(parts, registry));
  sockets.mount(blockonomicsRoute(parts, registry));
  sockets.mount(identiPay.route);
  const { limits, onError } = parts;
  const channels: readonly ChannelRoute[] = [];
  new PusherTransport({ apps: config.pusher.apps, routes: channels, sockets, limits, onError });
  return {
    wires: [sockets, socketIo],
    mounts: [
      (api, posts) => registerBlockonomicsRest(api, { ingest, registry, posts }),
      identiPay.http,
      tributaryParts.http,
    ],
  };
}
