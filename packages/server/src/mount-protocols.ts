/**
 * Which protocol is served on which transport: the second half of the composition root. A protocol is added here and
 * nowhere else.
 */
import type { ErrorCode } from "@paybell/protocol";
import type { Logger } from "pino";
import type { Config } from "./config/config.ts";
import type { Mount, SandboxControls } from "./http/deps.ts";
import type { ChainRegistry } from "./ingest/chain-registry.ts";
import type { Ingest } from "./ingest/ingest.ts";
import type { SharedCounts } from "./kit/node-counts.ts";
import type { ProductStore, SessionStore } from "./log/store.ts";
import { registerBlockonomicsRest } from "./protocols/blockonomics/rest.ts";
import { blockonomicsRoute } from "./protocols/blockonomics/route.ts";
import { cryptoShop } from "./protocols/crypto-shop/crypto-shop.ts";
import { identipay } from "./protocols/identipay/identipay.ts";
import { nativeStream } from "./protocols/native/stream.ts";
import type { ProtocolContext } from "./protocols/protocol.ts";
import { pusherHttp } from "./protocols/pusher/pusher.ts";
import { transak } from "./protocols/transak/transak.ts";
import { tributary } from "./protocols/tributary/tributary.ts";
import type { TrustedProxies } from "./transports/client-address.ts";
import type { Connections } from "./transports/connections.ts";
import type { Wire } from "./transports/http-server.ts";
import { PusherTransport } from "./transports/pusher/transport.ts";
import type { SocketIoTransport } from "./transports/socketio/transport.ts";
import type { WebSocketTransport } from "./transports/websocket/server.ts";

export interface Transports {
  sockets: WebSocketTransport;
  socketIo: SocketIoTransport;
  connections: Connections;
  counts: SharedCounts;
  proxies: TrustedProxies;
}

export interface ProtocolParts extends ProtocolContext {
  config: Config;
  ingest: Ingest;
  registry: ChainRegistry;
  productStore: ProductStore;
  sessions: SessionStore;
  logger: Pick<Logger, "warn">;
  /** `null` in live mode. */
  sandbox: SandboxControls | null;
}

export interface Mounted {
  /** Who is asked, in this order, whether a request or an upgrade is his, before the HTTP API. */
  wires: readonly Wire[];
  /** What protocols put on the HTTP API. */
  mounts: readonly Mount[];
}

export function mountProtocols(parts: ProtocolParts, transports: Transports): Mounted {
  const { sockets, socketIo, connections, counts, proxies } = transports;
  const { config, ingest, registry } = parts;
  const identiPay = identipay({ ...parts, connections, counts, proxies, settings: config.identipay });
  const { replayWindowMs } = config;
  const countRefusal = (code: ErrorCode) => connections.countRefusal(code);
  const tributaryParts = tributary({ ...parts, replayWindowMs, countRefusal });
  socketIo.mount(tributaryParts.route);
  const shop = cryptoShop({
    ...parts,
    replayWindowMs,
    products: parts.productStore,
    onRefused: (refusal) => {
      connections.countRefusal(refusal.code);
      parts.logger.warn(refusal, "a join was refused");
    },
  });
  socketIo.mount(shop.route);
  sockets.mount(nativeStream(parts, registry));
  sockets.mount(blockonomicsRoute(parts, registry));
  sockets.mount(identiPay.route);
  const transakParts = transak({
    ...parts,
    replayWindowMs,
    onRefused: (refusal) => {
      connections.countRefusal(refusal.code);
      parts.logger.warn(refusal, "a subscription was refused");
    },
  });
  const pusher = new PusherTransport({
    ...parts,
    apps: config.pusher.apps,
    routes: [transakParts.route],
    sockets,
    connections,
    proxies,
  });
  return {
    wires: [sockets, socketIo, pusher.wire],
    mounts: [
      (api, posts) => registerBlockonomicsRest(api, { ingest, registry, posts }),
      identiPay.http,
      tributaryParts.http,
      shop.http,
      transakParts.http,
      pusherHttp(pusher, parts),
    ],
  };
}
