/** The Pusher transport on a real HTTP server, with a protocol of the test's own. */
import { createHmac } from "node:crypto";
import { SANDBOX_PUSHER_APP } from "../src/config/pusher.ts";
import { TrustedProxies } from "../src/transports/client-address.ts";
import { firstOf } from "../src/transports/http-server.ts";
import type { PusherApp } from "../src/transports/pusher/apps.ts";
import { PusherTransport } from "../src/transports/pusher/transport.ts";
import { ChannelNews } from "./channel-news.ts";
import { type TestClient, TransportServer, type TransportServerOptions } from "./transport-server.ts";
import { until } from "./until.ts";

export const APP = SANDBOX_PUSHER_APP;
export const SECRET = String(APP.secret);
/** An app of one merchant. */
export const SHOP_APP: PusherApp = {
  id: "shop-app",
  keys: ["shop-key"],
  secret: "the secret of the shop's app",
  encryptionMasterKey: null,
  merchantId: "shop",
};
/** An app for public channels only. */
export const OPEN_APP: PusherApp = {
  id: "open-app",
  keys: ["open-key"],
  secret: null,
  encryptionMasterKey: null,
  merchantId: null,
};

export class PusherServer extends TransportServer {
  readonly news = new ChannelNews();
  readonly pusher: PusherTransport;

  constructor(options: TransportServerOptions = {}) {
    super(options);
    this.pusher = new PusherTransport({
      apps: [APP, SHOP_APP, OPEN_APP],
      routes: [this.news],
      sockets: this.sockets,
      connections: this.connections,
      proxies: new TrustedProxies([]),
      clock: this.clock,
      limits: this.limits,
      onError: (error) => this.errors.push(error),
    });
    this.serve(
      firstOf(
        [this.pusher.wire],
        () => null,
        (_request, response) => response.writeHead(404).end(),
      ),
    );
  }

  /** A client that was told its socket id. */
  async connect(path = "/app/paybell?protocol=7"): Promise<{ client: TestClient; socketId: string }> {
    const client = await this.open(path);
    await until("the connection to be established", () => client.received.length > 0);
    return { client, socketId: socketIdIn(client.received[0]) };
  }

  async subscribed(channel: string): Promise<TestClient> {
    const { client } = await this.connect();
    client.send({ event: "pusher:subscribe", data: { channel } });
    await until("the subscription", () => client.received.length > 1);
    return client;
  }
}

function socketIdIn(text: string | undefined): string {
  const { data } = JSON.parse(text ?? "{}") as { data: string };
  return (JSON.parse(data) as { socket_id: string }).socket_id;
}

/** What a backend gives its client. */
export function authOf(text: string, app = APP): string {
  return `${app.keys[0]}:${createHmac("sha256", app.secret ?? "")
    .update(text)
    .digest("hex")}`;
}
