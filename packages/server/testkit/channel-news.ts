/** A protocol of a few lines, to test the Pusher transport with: the test says what happens on a channel. */
import { PaybellError } from "../src/kit/errors.ts";
import type {
  ChannelEvent,
  ChannelFeed,
  ChannelName,
  ChannelRoute,
  SubscribeRequest,
  Subscription,
} from "../src/transports/pusher/channels.ts";

export class ChannelNews implements ChannelRoute {
  readonly protocol = "news";
  readonly subscriptions: Subscription[] = [];
  readonly requests: SubscribeRequest[] = [];
  /** Base name of a channel → its owner: nobody else may authorise clients for it. */
  readonly owners = new Map<string, string>();
  /** Base name of a channel → what a new subscriber gets of the past. */
  readonly past = new Map<string, readonly ChannelEvent[]>();
  closes = 0;
  /** Whatever a test wants to happen while a channel is looked up. */
  beforeOpen: (subscription: Subscription) => Promise<void> = async () => undefined;
  beforeStart: () => Promise<void> = async () => undefined;
  /** Whatever a test wants to happen while the channel's owner is looked up. */
  beforeAuthorize: () => Promise<void> = async () => undefined;

  async open(subscription: Subscription, request: SubscribeRequest): Promise<ChannelFeed | null> {
    const { base } = subscription.channel;
    await this.beforeOpen(subscription);
    if (base.startsWith("nobody")) return null;
    if (base.startsWith("refused")) throw new PaybellError("forbidden", "This feed is not open");
    this.requests.push(request);
    this.subscriptions.push(subscription);
    const past = this.past.get(base) ?? [];
    return {
      start: async () => {
        await this.beforeStart();
        if (!subscription.channel.cached) for (const event of past) subscription.send(event);
      },
      lastEvent: async () => past.at(-1) ?? null,
      close: () => {
        this.closes += 1;
        this.subscriptions.splice(this.subscriptions.indexOf(subscription), 1);
      },
    };
  }

  async mayAuthorize({ base }: ChannelName, merchantId: string): Promise<boolean> {
    await this.beforeAuthorize();
    return this.owners.get(base) === merchantId;
  }

  /** To everybody on the channels with this base name; the same event, so that it is encoded once per channel. */
  publish(base: string, event: ChannelEvent): void {
    for (const subscription of this.subscriptions) if (subscription.channel.base === base) subscription.send(event);
  }
}
