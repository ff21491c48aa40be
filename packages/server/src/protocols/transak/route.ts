/**
 * Transak's channels: `{orderId}`, `{API_KEY}_{partnerOrderId}` and `{API_KEY}`, each also in its `private-` and
 * `private-encrypted-` form, where the merchant's backend authorises each client and every field is told.
 *
 * - Nothing but order events is sent on them: clients take whatever they hear there for one.
 * - An order that is not there: the subscription succeeds and stays silent, as Pusher knows no unknown channels.
 * - A partner order id with characters that Pusher allows in no channel cannot be followed by this protocol.
 * Source: the document, "Channels".
 */
import { PaybellError } from "../../kit/errors.ts";
import { type Topic, topics } from "../../log/topic.ts";
import type { ChannelFeed, ChannelRoute, SubscribeRequest, Subscription } from "../../transports/pusher/channels.ts";
import { isOwnChannel, merchantOfKey, refusalNow, refuseIfClosed } from "./access.ts";
import { type ChannelTarget, targetOf } from "./channel.ts";
import type { TransakContext } from "./context.ts";
import type { Form } from "./encode.ts";
import { TransakFeed } from "./feed.ts";
import { signingToken } from "./tokens.ts";

type KeyTarget = Exclude<ChannelTarget, { kind: "order" }>;

export function transakRoute(context: TransakContext): ChannelRoute {
  return {
    protocol: "transak",
    open: async (subscription, request) => {
      const target = targetOf(subscription.channel.base);
      if (target === null) return null;
      try {
        return target.kind === "order"
          ? await openOrder(context, subscription, target.orderId)
          : await openByKey(context, subscription, request, target);
      } catch (error) {
        if (error instanceof PaybellError) tellRefusal(context, subscription, target, error);
        throw error;
      }
    },
    mayAuthorize: (channel, merchantId) => isOwnChannel(context, channel, merchantId),
  };
}

function tellRefusal(
  context: TransakContext,
  { remoteAddress }: Subscription,
  { kind: channel }: ChannelTarget,
  { code, message }: PaybellError,
): void {
  context.onRefused({ channel, code, message, remoteAddress });
}

async function openOrder(
  context: TransakContext,
  subscription: Subscription,
  orderId: string,
): Promise<ChannelFeed | null> {
  const snapshot = await context.payments.snapshot(orderId);
  if (!snapshot) return null;
  subscription.serve(snapshot.state.payment.merchantId);
  return new TransakFeed(context, subscription, {
    topic: topics.payment(orderId),
    form: subscription.channel.kind === "public" ? "public" : "full",
    replay: "latest",
    refusal: async () => null,
  });
}

async function openByKey(
  context: TransakContext,
  subscription: Subscription,
  { headers }: SubscribeRequest,
  target: KeyTarget,
): Promise<ChannelFeed> {
  const { channel } = subscription;
  const merchantId = await merchantOfKey(context, target.key, headers.host);
  await refuseIfClosed(context, target, channel, merchantId);
  const form = formOf(target, channel.kind);
  if (form === "jwt" && (await signingToken(context, merchantId)) === null) {
    throw new PaybellError("forbidden", "There is no access token yet: POST /partners/api/v2/refresh-token.");
  }
  subscription.serve(merchantId);
  return new TransakFeed(context, subscription, {
    topic: topicOf(target, merchantId),
    form,
    // A cache channel has one last event.
    replay: target.kind === "merchant" && !channel.cached ? "window" : "latest",
    refusal: (published) => refusalNow(context, target, channel, published),
  });
}

function topicOf(target: KeyTarget, merchantId: string): Topic {
  return target.kind === "merchant" ? topics.merchant(merchantId) : topics.reference(merchantId, target.reference);
}

/** The public API-key channel is for the merchant's backend: it alone can verify what is on it. But anyone can read it. */
function formOf({ kind }: KeyTarget, access: Subscription["channel"]["kind"]): Form {
  if (access !== "public") return "full";
  return kind === "merchant" ? "jwt" : "public";
}
