/** A client of Transak's channels: the stock `pusher-js`, on one channel, noting every event that it hears. */
import PusherServerLibrary from "pusher";
import PusherModule, { type ChannelAuthorizationHandler, type ChannelAuthorizationOptions } from "pusher-js";
import { SANDBOX_PUSHER_APP } from "../../src/config/pusher.ts";
import { until } from "../until.ts";

/** The types describe a default export; Node takes the whole module for it. */
const Pusher = PusherModule as unknown as typeof PusherModule.default;
type PusherInstance = InstanceType<typeof Pusher>;

export interface Heard {
  event: string;
  data: unknown;
}

/** What an order is known by in a test. */
export interface ToldOrder extends Record<string, unknown> {
  id: string;
  status: string;
  eventId: string;
  replayed?: true;
  statusHistories: { status: string; createdAt: string }[];
}

/** The backend of the sandbox's Pusher app: authorises any client for any private channel. */
const backend = new PusherServerLibrary({
  appId: SANDBOX_PUSHER_APP.id,
  key: SANDBOX_PUSHER_APP.keys[0] as string,
  secret: SANDBOX_PUSHER_APP.secret as string,
  cluster: "local",
  encryptionMasterKeyBase64: (SANDBOX_PUSHER_APP.encryptionMasterKey as Buffer).toString("base64"),
});

const authorize: ChannelAuthorizationHandler = ({ socketId, channelName }, callback) =>
  callback(null, backend.authorizeChannel(socketId, channelName));

export class TransakClient {
  /** Order events only. */
  readonly heard: Heard[] = [];
  /** Everything that `bind_global` is given, as an unmodified client sees it. */
  readonly names: string[] = [];
  /** `pusher:subscription_error`. */
  refused: { type: string; error: string; status: number } | null = null;
  #subscribed = false;
  readonly #pusher: PusherInstance;
  readonly #channel: string;

  /** Not waited for: see `subscribed`. */
  constructor(port: number, channel: string) {
    this.#channel = channel;
    this.#pusher = new Pusher(SANDBOX_PUSHER_APP.keys[0] as string, {
      cluster: "local",
      wsHost: "127.0.0.1",
      wsPort: port,
      forceTLS: false,
      enabledTransports: ["ws"],
      channelAuthorization: { customHandler: authorize } as ChannelAuthorizationOptions,
    });
    this.#pusher.subscribe(channel).bind_global((event: string, data: unknown) => this.#hear(event, data));
  }

  static async open(port: number, channel: string): Promise<TransakClient> {
    const client = new TransakClient(port, channel);
    await client.subscribed();
    return client;
  }

  /** Resolves when the client is subscribed, or was refused. */
  async subscribed(): Promise<this> {
    await until(`the subscription to ${this.#channel}`, () => this.#subscribed || this.refused !== null);
    return this;
  }

  /** Of a channel that is not signed. */
  get orders(): readonly ToldOrder[] {
    return this.heard.map(({ data }) => data as ToldOrder);
  }

  /** `ORDER_CREATED AWAITING_PAYMENT_FROM_USER`, … */
  get told(): readonly string[] {
    return this.heard.map(({ event, data }) => `${event} ${(data as ToldOrder).status}`);
  }

  async hears(count: number): Promise<void> {
    await until(
      () => `${count} events in ${JSON.stringify(this.heard.map(({ event }) => event))}`,
      () => this.heard.length >= count,
    );
  }

  /** For a while: see `comeBack`. */
  leave(): void {
    this.#pusher.disconnect();
  }

  /** On a new connection. */
  async comeBack(): Promise<void> {
    this.#subscribed = false;
    this.#pusher.disconnect();
    this.#pusher.connect();
    await this.subscribed();
  }

  close(): void {
    this.#pusher.disconnect();
  }

  #hear(event: string, data: unknown): void {
    this.names.push(event);
    if (event === "pusher:subscription_succeeded") this.#subscribed = true;
    else if (event === "pusher:subscription_error") this.refused = data as NonNullable<TransakClient["refused"]>;
    else this.heard.push({ event, data });
  }
}
