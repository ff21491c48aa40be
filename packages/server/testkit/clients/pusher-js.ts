/** The official client of Pusher, at three versions, as somebody else's backend or page has it. */
import PusherServerLibrary from "pusher";
import type PusherTypes from "pusher-js";
import PusherNewest from "pusher-js";
import Pusher70 from "pusher-js-7.0";
import Pusher80 from "pusher-js-8.0";
import { SANDBOX_PUSHER_APP } from "../../src/config/pusher.ts";
import { until } from "../until.ts";

/** The types describe a default export; Node takes the whole module for it. */
export type PusherClass = typeof PusherTypes.default;

export const PUSHER_VERSIONS: Readonly<Record<string, PusherClass>> = {
  "7.0": Pusher70 as unknown as PusherClass,
  "8.0": Pusher80 as unknown as PusherClass,
  newest: PusherNewest as unknown as PusherClass,
};

/** A backend that authorises whoever asks. */
export const pusherBackend = new PusherServerLibrary({
  appId: SANDBOX_PUSHER_APP.id,
  key: String(SANDBOX_PUSHER_APP.keys[0]),
  secret: String(SANDBOX_PUSHER_APP.secret),
  cluster: "local",
  encryptionMasterKeyBase64: String(SANDBOX_PUSHER_APP.encryptionMasterKey?.toString("base64")),
});

/** One client that notes everything. */
export class PusherJsClient {
  readonly pusher: InstanceType<PusherClass>;
  /** Channel, event and data of all that came on channels. */
  readonly heard: [channel: string, event: string, data: unknown][] = [];
  /** Codes of the errors of its connection. */
  readonly errorCodes: unknown[] = [];
  connects = 0;

  constructor(version: string, port: number, { useTLS = false, key = String(SANDBOX_PUSHER_APP.keys[0]) } = {}) {
    const Pusher = PUSHER_VERSIONS[version] as PusherClass;
    const options = {
      cluster: "local",
      wsHost: "127.0.0.1",
      wsPort: port,
      wssPort: port,
      forceTLS: useTLS,
      enabledTransports: ["ws"],
      // The form that all three versions know.
      authorizer: ({ name }: { name: string }) => ({
        authorize: (socketId: string, callback: (error: null, data: unknown) => void) =>
          callback(null, pusherBackend.authorizeChannel(socketId, name)),
      }),
    };
    this.pusher = new Pusher(key, options as unknown as ConstructorParameters<PusherClass>[1]);
    this.pusher.connection.bind("connected", () => (this.connects += 1));
    this.pusher.connection.bind("error", ({ data, error }: { data?: PusherFault; error?: { data?: PusherFault } }) =>
      this.errorCodes.push((data ?? error?.data)?.code),
    );
  }

  follow(channel: string): void {
    this.pusher
      .subscribe(channel)
      .bind_global((event: string, data: unknown) => this.heard.push([channel, event, data]));
  }

  /** So many times, over all its connections. */
  async subscribed(channel: string, times = 1): Promise<void> {
    const successes = () =>
      this.heard.filter(([name, event]) => name === channel && event === "pusher:subscription_succeeded").length;
    await until(
      () => `${times} subscriptions to ${channel}: ${this.pusher.connection.state}, ${JSON.stringify(this.heard)}`,
      () => successes() >= times,
    );
  }

  /** What came on channels, without what the protocol itself says. */
  get news(): [string, string, unknown][] {
    return this.heard.filter(([, event]) => !event.startsWith("pusher:"));
  }

  close(): void {
    this.pusher.disconnect();
  }
}

interface PusherFault {
  code?: number;
}
