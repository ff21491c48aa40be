/**
 * One client's side of the protocol, whatever carries its messages: what it is told at first, its pings, its
 * subscriptions. Source: Pusher Channels protocol 7.
 */
import { randomInt } from "node:crypto";
import type { ErrorCode } from "@paybell/protocol";
import { PaybellError } from "../../kit/errors.ts";
import type { Limits } from "../../kit/limits.ts";
import type { PusherApp } from "./apps.ts";
import { isPresence, parseChannelName } from "./channel-name.ts";
import type { ChannelName, ChannelRoute, SubscribeRequest } from "./channels.ts";
import {
  connectionEstablished,
  type Incoming,
  PONG,
  parseMessage,
  pusherError,
  subscriptionError,
  subscriptionSucceeded,
} from "./messages.ts";
import type { Occupancy } from "./occupancy.ts";
import type { Outgoing } from "./outgoing.ts";
import { isAuthorised } from "./signatures.ts";
import { ChannelSubscription } from "./subscription.ts";

/** What carries the messages of one client: a WebSocket, or pusher-js's HTTP fallback. */
export interface PusherLink {
  readonly remoteAddress: string;
  readonly closed: boolean;
  /** Never blocks; a client that lets too much wait is ended with `slow_consumer`. */
  send(message: Outgoing): void;
  /** @throws PaybellError too_many_connections */
  serve(merchantId: string): void;
  /** Resolves when little enough waits, or the connection has ended. */
  writable(): Promise<void>;
  end(code: ErrorCode): void;
}

/** What all sessions share. */
export interface SessionContext {
  routes: readonly ChannelRoute[];
  occupancy: Occupancy;
  limits: Limits;
  onError: (error: unknown) => void;
}

/** Client events are refused with the one code that the protocol documents for them. */
const CLIENT_EVENT_REJECTED = 4301;
const MAX_SOCKET_ID_PART = 2 ** 47;

export class PusherSession {
  /** Random: nobody can have a subscription signed for the connection of somebody else. */
  readonly socketId = `${randomInt(1, MAX_SOCKET_ID_PART)}.${randomInt(1, MAX_SOCKET_ID_PART)}`;
  readonly #context: SessionContext;
  readonly #link: PusherLink;
  readonly #app: PusherApp;
  readonly #request: SubscribeRequest;
  readonly #subscriptions = new Map<string, ChannelSubscription>();
  #closed = false;

  constructor(
    context: SessionContext,
    link: PusherLink,
    app: PusherApp,
    request: Omit<SubscribeRequest, "appMerchantId">,
  ) {
    this.#context = context;
    this.#link = link;
    this.#app = app;
    this.#request = { ...request, appMerchantId: app.merchantId };
    link.send(connectionEstablished(this.socketId, context.limits.pusherActivityTimeoutMs));
  }

  /** One message at a time, in order. Rejects only with what is this side's fault. */
  onMessage(text: string): void | Promise<void> {
    const message = parseMessage(text);
    if (message === null) {
      this.#tell('A message must be a JSON object like {"event":"pusher:ping","data":{}}');
      return;
    }
    switch (message.event) {
      case "pusher:ping":
        this.#link.send(PONG);
        return;
      case "pusher:pong":
        return;
      case "pusher:subscribe":
        return this.#subscribe(message);
      case "pusher:unsubscribe":
        this.#unsubscribe(message);
        return;
      default:
        this.#refuse(message.event);
    }
  }

  /** The client is gone. */
  close(): void {
    this.#closed = true;
    for (const subscription of this.#subscriptions.values()) subscription.close();
    this.#subscriptions.clear();
  }

  #refuse(event: string): void {
    if (event.startsWith("client-")) {
      this.#tell("Client events are not passed on: what happens here comes from payments only", CLIENT_EVENT_REJECTED);
    } else if (event === "pusher:signin") {
      this.#tell("There are no users to sign in here: subscribe to private channels instead");
    } else {
      this.#tell("This event is not known: subscribe, unsubscribe and ping are");
    }
  }

  #tell(message: string, code: number | null = null): void {
    this.#link.send(pusherError(message, code));
  }

  #unsubscribe({ data }: Incoming): void {
    const { channel } = data;
    if (typeof channel !== "string") {
      this.#tell("`channel` is missing");
      return;
    }
    const subscription = this.#subscriptions.get(channel);
    this.#subscriptions.delete(channel);
    subscription?.close();
  }

  async #subscribe({ data }: Incoming): Promise<void> {
    const { channel: full } = data;
    if (typeof full !== "string" || full === "") {
      this.#tell("`channel` is missing");
      return;
    }
    if (this.#subscriptions.has(full)) {
      this.#link.send(subscriptionSucceeded(full));
      return;
    }
    try {
      await this.#open(this.#channelOf(full), data);
    } catch (error) {
      if (!(error instanceof PaybellError)) throw error;
      this.#link.send(subscriptionError(full, error));
    }
  }

  /** @throws PaybellError invalid_request, not_supported, too_many_subscriptions */
  #channelOf(full: string): ChannelName {
    const { pusherChannelsPerConnection, pusherChannelNameChars } = this.#context.limits;
    if (this.#subscriptions.size >= pusherChannelsPerConnection) {
      throw new PaybellError(
        "too_many_subscriptions",
        `A connection has at most ${pusherChannelsPerConnection} channels`,
      );
    }
    if (isPresence(full)) throw new PaybellError("not_supported", "There are no presence channels here");
    const channel = parseChannelName(full, pusherChannelNameChars);
    if (channel) return channel;
    const allowed = `1 to ${pusherChannelNameChars} of A-Z a-z 0-9 _ - = @ , . ;`;
    throw new PaybellError("invalid_request", `This is no name of a channel; allowed are ${allowed}`);
  }

  async #open(channel: ChannelName, data: Incoming["data"]): Promise<void> {
    const { routes, occupancy, onError } = this.#context;
    if (channel.kind !== "public") await this.#authorise(channel, data);
    // It left while that was looked up: nobody would ever close what is opened now.
    if (this.#closed) return;
    const subscription = new ChannelSubscription({
      channel,
      socketId: this.socketId,
      link: this.#link,
      app: this.#app,
      occupancy,
      onError,
    });
    this.#subscriptions.set(channel.full, subscription);
    try {
      await subscription.open(routes, this.#request);
    } catch (error) {
      if (this.#subscriptions.get(channel.full) === subscription) this.#subscriptions.delete(channel.full);
      subscription.close();
      throw error;
    }
  }

  /** @throws PaybellError unauthorized, not_supported */
  async #authorise(channel: ChannelName, { auth, channel_data: channelData }: Incoming["data"]): Promise<void> {
    const app = this.#app;
    if (channelData !== undefined && typeof channelData !== "string") {
      throw new PaybellError("invalid_request", "`channel_data` must be a string");
    }
    if (app.secret === null) throw new PaybellError("not_supported", "This app has no secret, so no private channels");
    if (channel.kind === "private-encrypted" && app.encryptionMasterKey === null) {
      throw new PaybellError("not_supported", "This app has no master key, so no encrypted channels");
    }
    if (!isAuthorised(app, auth, { socketId: this.socketId, channel: channel.full, channelData })) {
      throw new PaybellError("unauthorized", "`auth` is not the signature of this channel for this connection");
    }
    if (app.merchantId !== null && !(await isOfMerchant(this.#context.routes, channel, app.merchantId))) {
      throw new PaybellError("forbidden", "The channel is not of the merchant whose app this is");
    }
  }
}

/** Does any protocol say so? */
export async function isOfMerchant(
  routes: readonly ChannelRoute[],
  channel: ChannelName,
  merchantId: string,
): Promise<boolean> {
  for (const route of routes) if (await route.mayAuthorize(channel, merchantId)) return true;
  return false;
}
