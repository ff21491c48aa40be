/**
 * Clients of Crypto Shop, Tributary and Transak with the libraries that such clients use, coming back as those libraries
 * do. Each notes what it was told, connection by connection, in the words of `testkit/expected-news.ts`.
 */
import jwt from "jsonwebtoken";
import type { Options } from "pusher-js";
import { SANDBOX_PUSHER_APP } from "../../src/config/pusher.ts";
import { SANDBOX_PUBLISHABLE_KEY } from "../../src/http/keys.ts";
import type { Told } from "../expected-news.ts";
import { PUSHER_VERSIONS, type PusherClass } from "./pusher-js.ts";
import { type ClientOptions, SocketIoClient } from "./socketio.ts";

const ACCESS_TOKEN = "at_sandbox_paybell";
/** A client of Pusher's that is found twice, so far apart, to have no connection begins anew. */
const IMPATIENCE_MS = 500;

export interface Witness {
  readonly name: string;
  /** Of Pusher's clients: each subscription of each channel. */
  readonly connections: readonly (readonly Told[])[];
  close(): void;
}

/** When a Socket.IO client says what it wants to hear: a library from 4.6 on may say it only once. */
export type Asks = "once" | "at each connect";

/** What a client of Pusher's may use: a WebSocket, or the HTTP fallback. The library itself gives streaming up for polling
 * after it was cut twice. */
export const PUSHER_WAYS = {
  WebSocket: ["ws"],
  streaming: ["xhr_streaming", "xhr_polling"],
  polling: ["xhr_polling"],
} as const satisfies Record<string, Options["enabledTransports"]>;
export type PusherWay = keyof typeof PUSHER_WAYS;

interface SocketIoWitnessOptions {
  url: string;
  client: ClientOptions;
  asks: Asks;
  /** Of the library; left out: the newest. */
  version?: string;
}

// biome-ignore lint/suspicious/noExplicitAny: what comes is put into words, and compared.
type Reader = (name: string, body: any) => Told | null;

function socketIoWitness(name: string, given: SocketIoWitnessOptions, asked: unknown[][], read: Reader): Witness {
  const client = new SocketIoClient(given.url, given.client, given.version);
  const { socket } = client;
  const connections: Told[][] = [];
  const ask = () => {
    for (const [event, ...args] of asked) socket.emit(String(event), ...args);
  };
  socket.on("connect", () => connections.push([]));
  if (given.asks === "once") socket.once("connect", ask);
  else socket.on("connect", ask);
  socket.onAny((event: string, body: unknown) => {
    const told = read(event, body);
    if (told) connections.at(-1)?.push(told);
  });
  return { name: `${name}, asks ${given.asks}`, connections, close: () => client.close() };
}

/** Joins customers, and the shop's stock where asked for. */
export function cryptoShopWitness(
  options: SocketIoWitnessOptions & { customers: readonly string[]; products: boolean },
): Witness {
  const asked = options.customers.map((customer) => ["join-user", customer]);
  if (options.products) asked.push(["join-products"]);
  return socketIoWitness(`Crypto Shop over ${options.client.transports}`, options, asked, (event, body) => {
    const { timestamp } = body;
    if (event === "error" && body.code === "shutting_down") return null;
    if (event === "order:updated") return [body.orderId, `order ${body.status} ${timestamp}`];
    if (event === "transaction:confirmed") return [body.orderId, `confirmed by ${body.txHash} ${timestamp}`];
    if (event === "stock:updated") return [body.productId, `stock ${body.stock} ${timestamp}`];
    return ["refused", `${event} ${JSON.stringify(body)}`];
  });
}

export function tributaryWitness(options: SocketIoWitnessOptions & { trackingIds: readonly string[] }): Witness {
  const asked = options.trackingIds.map((trackingId) => ["subscribe", { trackingId }]);
  const all = { ...options, client: { path: "/ws/v1", ...options.client } };
  return socketIoWitness(`Tributary over ${options.client.transports}`, all, asked, (event, { data }) => {
    if (event === "ack" || isGoodbye(event, data)) return null;
    if (event === "payment") return [data.trackingId, `${data.status} ${data.amountAtomic} by ${data.signature}`];
    return ["refused", `${event} ${JSON.stringify(data)}`];
  });
}

/** The server says that it is being restarted, as it leaves. */
function isGoodbye(event: string, data: { code: string; message: string }): boolean {
  return event === "error" && data.code === "CONNECTION_ERROR" && data.message.includes("restarted");
}

interface PusherWitnessOptions {
  version?: string;
  /** It is left to the library when it comes back. */
  isPatient?: boolean;
}

/** One pusher-js, on any number of channels. Where a connection is refused, the library itself waits 15 seconds, then 30,
 * before it tries again; a careful integrator does not let it wait. */
export class TransakWitness implements Witness {
  readonly name: string;
  readonly connections: Told[][] = [];
  /** `statusHistories` of what came last, by order. */
  readonly histories = new Map<string, readonly string[]>();
  readonly #pusher: InstanceType<PusherClass>;
  readonly #now = new Map<string, Told[]>();
  readonly #watch: NodeJS.Timeout | undefined;
  #misses = 0;

  constructor(port: number, way: PusherWay, { version = "newest", isPatient = false }: PusherWitnessOptions = {}) {
    this.name = `Transak over ${way}, pusher-js ${version}`;
    const Pusher = PUSHER_VERSIONS[version] as PusherClass;
    const options: Options = {
      cluster: "local",
      wsHost: "127.0.0.1",
      wsPort: port,
      httpHost: "127.0.0.1",
      httpPort: port,
      forceTLS: false,
      enableStats: false,
      enabledTransports: [...PUSHER_WAYS[way]],
    };
    this.#pusher = new Pusher(String(SANDBOX_PUSHER_APP.keys[0]), options);
    if (!isPatient) this.#watch = setInterval(() => this.#beginAnew(), IMPATIENCE_MS);
  }

  /** Everything that the merchant's backend hears. */
  static ofMerchant(port: number, way: PusherWay, options: PusherWitnessOptions = {}): TransakWitness {
    const witness = new TransakWitness(port, way, options);
    witness.follow(SANDBOX_PUBLISHABLE_KEY);
    return witness;
  }

  follow(channel: string): void {
    this.#pusher.subscribe(channel).bind_global((event: string, data: unknown) => this.#hear(channel, event, data));
  }

  close(): void {
    clearInterval(this.#watch);
    this.#pusher.disconnect();
  }

  #beginAnew(): void {
    if (this.#pusher.connection.state === "connected") this.#misses = 0;
    else this.#misses += 1;
    if (this.#misses < 2) return;
    this.#misses = 0;
    this.#pusher.disconnect();
    this.#pusher.connect();
  }

  #hear(channel: string, event: string, data: unknown): void {
    if (event === "pusher:subscription_succeeded") {
      const connection: Told[] = [];
      this.#now.set(channel, connection);
      this.connections.push(connection);
    } else if (event.startsWith("pusher:")) this.connections.push([["refused", `${event} ${JSON.stringify(data)}`]]);
    else this.#now.get(channel)?.push(this.#read(channel, event, data));
  }

  #read(channel: string, event: string, data: unknown): Told {
    const isSigned = channel === SANDBOX_PUBLISHABLE_KEY;
    const order = (isSigned ? jwt.verify(String(data), ACCESS_TOKEN) : data) as {
      id: string;
      status: string;
      statusHistories: { status: string }[];
    };
    this.histories.set(
      order.id,
      order.statusHistories.map(({ status }) => status),
    );
    return [order.id, `${event} ${order.status}`];
  }
}
