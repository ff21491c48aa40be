/** One client on one channel: what its protocol sends, from the first news to the end. */
import type { ErrorCode } from "@paybell/protocol";
import type { PusherApp } from "./apps.ts";
import type {
  ChannelEvent,
  ChannelFeed,
  ChannelName,
  ChannelRoute,
  SubscribeRequest,
  Subscription,
} from "./channels.ts";
import { cacheMiss, subscriptionSucceeded } from "./messages.ts";
import type { Occupancy } from "./occupancy.ts";
import { encodeEvent } from "./outgoing.ts";
import type { PusherLink } from "./session.ts";

export interface SubscriptionOptions {
  channel: ChannelName;
  socketId: string;
  link: PusherLink;
  app: PusherApp;
  occupancy: Occupancy;
  onError: (error: unknown) => void;
}

export class ChannelSubscription implements Subscription {
  readonly #options: SubscriptionOptions;
  #feed: ChannelFeed | null = null;
  #entered = false;
  #closed = false;

  constructor(options: SubscriptionOptions) {
    this.#options = options;
  }

  get channel(): ChannelName {
    return this.#options.channel;
  }

  get socketId(): string {
    return this.#options.socketId;
  }

  get remoteAddress(): string {
    return this.#options.link.remoteAddress;
  }

  get closed(): boolean {
    return this.#closed || this.#options.link.closed;
  }

  /** The first protocol that has something for the channel feeds it.
   * @throws PaybellError when it refuses; nothing was sent */
  async open(routes: readonly ChannelRoute[], request: SubscribeRequest): Promise<void> {
    const { channel, link, occupancy, app } = this.#options;
    const feed = await feedOf(routes, this, request);
    if (this.#closed) {
      feed?.close();
      return;
    }
    this.#feed = feed;
    this.#entered = true;
    occupancy.enter(app.id, channel.full);
    link.send(subscriptionSucceeded(channel.full));
    if (channel.cached) await this.#sendLast();
    // Not waited for: it may replay much, and the client may have other things to say meanwhile.
    if (!this.#closed) void feed?.start().catch((error: unknown) => this.#fail(error));
  }

  send(event: ChannelEvent): void {
    const { link, channel, app } = this.#options;
    if (!this.#closed) link.send(encodeEvent(event, channel, app));
  }

  serve(merchantId: string): void {
    this.#options.link.serve(merchantId);
  }

  writable(): Promise<void> {
    return this.#closed ? Promise.resolve() : this.#options.link.writable();
  }

  end(code: ErrorCode): void {
    this.#options.link.end(code);
  }

  /** The client unsubscribed or is gone. Harmless if repeated. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const { occupancy, app, channel, onError } = this.#options;
    if (this.#entered) occupancy.leave(app.id, channel.full);
    try {
      this.#feed?.close();
    } catch (error) {
      onError(error);
    }
  }

  async #sendLast(): Promise<void> {
    const last = (await this.#feed?.lastEvent?.()) ?? null;
    if (last) this.send(last);
    else if (!this.#closed) this.#options.link.send(cacheMiss(this.channel.full));
  }

  #fail(error: unknown): void {
    this.#options.onError(error);
    // Who has left the channel meanwhile keeps his connection.
    if (!this.#closed) this.end("internal_error");
  }
}

async function feedOf(
  routes: readonly ChannelRoute[],
  subscription: Subscription,
  request: SubscribeRequest,
): Promise<ChannelFeed | null> {
  for (const route of routes) {
    const feed = await route.open(subscription, request);
    if (feed) return feed;
  }
  return null;
}
