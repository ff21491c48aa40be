/**
 * The contract between the Pusher transport and the protocols mounted on it. The transport owns bytes (WebSocket and
 * pusher-js's HTTP fallback), the connection's life, channel names, signatures, caching and limits; a protocol owns what
 * comes on its channels.
 * Source: Pusher Channels protocol 7.
 */
import type { IncomingMessage } from "node:http";
import type { ErrorCode } from "@paybell/protocol";

/** What a channel's name says about it. */
export interface ChannelName {
  /** As the client writes it, prefixes included. */
  readonly full: string;
  /** Without its prefixes. */
  readonly base: string;
  readonly kind: "public" | "private" | "private-encrypted";
  /** A `cache-` channel: who subscribes gets the last event, or `pusher:cache_miss`. */
  readonly cached: boolean;
}

/** An event on one channel, before it is encoded. */
export interface ChannelEvent {
  /** At most 200 characters, not beginning with `pusher`. */
  readonly name: string;
  /** The `data` member: sent as a JSON string of this text. On an encrypted channel the transport encrypts it. */
  readonly data: string;
}

/** One client on one channel. */
export interface Subscription {
  readonly channel: ChannelName;
  /** The connection's, `\d+.\d+`. */
  readonly socketId: string;
  readonly remoteAddress: string;
  /** The client unsubscribed, or its connection has ended. */
  readonly closed: boolean;
  /** Who gives the same `ChannelEvent` object to several subscriptions of a channel has it encoded once for all.
   * Never blocks; a client that lets more than `bufferedBytes` wait is ended with `slow_consumer`. */
  send(event: ChannelEvent): void;
  /** It serves this merchant from now on; harmless if repeated.
   * @throws PaybellError too_many_connections (`connectionsPerMerchant`); the connection stays open */
  serve(merchantId: string): void;
  /** Resolves when little enough waits for another page of the past, or the subscription is closed. */
  writable(): Promise<void>;
  /** Ends the connection with the Pusher close code of this error. */
  end(code: ErrorCode): void;
}

/** Where the request came from, to find the merchant of what carries no key. */
export interface SubscribeRequest {
  readonly url: URL;
  readonly headers: IncomingMessage["headers"];
  /** The app key that the client connected with. */
  readonly appKey: string;
  /** Whose app that is, by the configuration; `null`: nobody's in particular. */
  readonly appMerchantId: string | null;
}

/** A protocol's side of one subscription. */
export interface ChannelFeed {
  /** Called once the client was told that it is subscribed: the snapshot, then what follows. Not awaited for long
   * feeds: resolves when live. A rejection ends the connection with `internal_error`. */
  start(): Promise<void>;
  /** Asked on `cache-` channels only, before `start`: the last event of the channel, sent at once; `null` (and a feed
   * without this): the client is told `pusher:cache_miss`. `start` then need not send it again. */
  lastEvent?(): Promise<ChannelEvent | null>;
  /** The client unsubscribed or is gone. Called once. */
  close(): void;
}

export interface ChannelRoute {
  /** For metrics and logs: `transak`. */
  readonly protocol: string;
  /**
   * Asked for each subscription whose name is well-formed and whose signature, where the channel needs one, was right.
   * `null`: not a channel of this protocol. The next one is asked; a channel of nobody (Pusher knows no unknown
   * channels) is subscribed to with success and stays silent.
   * @throws PaybellError for a refused one: told by `pusher:subscription_error` with the error's HTTP status, its text
   */
  open(subscription: Subscription, request: SubscribeRequest): Promise<ChannelFeed | null>;
  /** Does this merchant's secret key let him authorise clients for this private channel? Asked by `POST /pusher/auth`,
   * and where the app belongs to a merchant, also for channels that were signed with its secret. */
  mayAuthorize(channel: ChannelName, merchantId: string): Promise<boolean>;
}
