/**
 * Who may follow what. An order's id is a capability. `{API_KEY}` and `{API_KEY}_{partnerOrderId}` are not: the key is
 * public and references are guessed, so in live mode the merchant has to open them; or his backend signs the private
 * form of the channel, which needs no opening. In the sandbox everything is open.
 * Source: DESIGN.md, "Who may listen".
 */
import type { ErrorCode } from "@paybell/protocol";
import type { Published } from "../../fanout/published.ts";
import { PaybellError } from "../../kit/errors.ts";
import type { MerchantSettings } from "../../log/store.ts";
import type { ChannelName } from "../../transports/pusher/channels.ts";
import { type ChannelTarget, targetOf } from "./channel.ts";
import type { TransakContext } from "./context.ts";

type KeyTarget = Exclude<ChannelTarget, { kind: "order" }>;

const SETTING = { reference: "openReferences", merchant: "openOrders" } as const;
const OPTION = { reference: "--open-references", merchant: "--open-orders" } as const;

/** The merchant whose API key it is.
 * @throws PaybellError unauthorized; forbidden for a secret key, whether it exists or not */
export async function merchantOfKey(context: TransakContext, key: string, host: string | undefined): Promise<string> {
  if (key.startsWith("sk_")) {
    throw new PaybellError(
      "forbidden",
      "A secret key has no place in the name of a channel: use the publishable key, and replace the secret one.",
    );
  }
  const merchantId = await context.authenticator.merchantOf({ host, publishableKey: key });
  if (merchantId === null) throw new PaybellError("unauthorized", "There is no such API key.");
  return merchantId;
}

/** @throws PaybellError forbidden: the merchant has not opened this channel */
export async function refuseIfClosed(
  context: TransakContext,
  target: KeyTarget,
  channel: ChannelName,
  merchantId: string,
): Promise<void> {
  if (isOpen(context, target, channel, await settingsOf(context, channel, merchantId))) return;
  throw new PaybellError(
    "forbidden",
    `This channel can be guessed, so it is closed: put private-encrypted- before its name, which the merchant's backend authorises, or open it (paybell merchants settings, ${OPTION[target.kind]} on).`,
  );
}

/** Asked of each record, once for all who follow by the same key: a key may be revoked, a channel closed again. */
export function refusalNow(
  context: TransakContext,
  target: KeyTarget,
  channel: ChannelName,
  published: Published,
): Promise<ErrorCode | null> {
  return published.encodeOnce(`transak/refusal/${target.kind}/${channel.kind}/${target.key}`, () =>
    findRefusal(context, target, channel, published),
  );
}

async function findRefusal(
  context: TransakContext,
  target: KeyTarget,
  channel: ChannelName,
  published: Published,
): Promise<ErrorCode | null> {
  const { merchantId } = published.record;
  const owner = await context.authenticator.callerOf(target.key);
  if (owner?.kind !== "publishable" || owner.merchantId !== merchantId) return "unauthorized";
  const settings = await published.encodeOnce(`transak/settings/${channel.kind}`, () =>
    settingsOf(context, channel, merchantId),
  );
  return isOpen(context, target, channel, settings) ? null : "forbidden";
}

/** May this merchant's backend sign the private form of the channel? */
export async function isOwnChannel(
  context: TransakContext,
  channel: ChannelName,
  merchantId: string,
): Promise<boolean> {
  const target = targetOf(channel.base);
  if (target === null) return false;
  if (target.kind === "order") {
    return (await context.payments.snapshot(target.orderId))?.state.payment.merchantId === merchantId;
  }
  const owner = await context.authenticator.callerOf(target.key);
  return owner?.kind === "publishable" && owner.merchantId === merchantId;
}

/** `null`: none is needed. */
async function settingsOf(
  { mode, merchants }: TransakContext,
  channel: ChannelName,
  merchantId: string,
): Promise<MerchantSettings | null> {
  return mode === "sandbox" || channel.kind !== "public" ? null : merchants.settings(merchantId);
}

function isOpen(
  { mode }: TransakContext,
  { kind }: KeyTarget,
  channel: ChannelName,
  settings: MerchantSettings | null,
): boolean {
  return mode === "sandbox" || channel.kind !== "public" || settings?.[SETTING[kind]] === true;
}
