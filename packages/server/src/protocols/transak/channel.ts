/**
 * What a channel's name asks for: `{orderId}`, `{API_KEY}_{partnerOrderId}` or `{API_KEY}`. All keys that Paybell makes
 * have one length and no `_` behind their prefix, so a name is taken apart in one way, whatever the reference holds.
 * Source: the document, "Channels"; DESIGN.md, "Who may listen".
 */
import { isPaymentId } from "../../payments/payment-id.ts";

export type ChannelTarget =
  | { kind: "order"; orderId: string }
  | { kind: "reference"; key: string; reference: string }
  | { kind: "merchant"; key: string };

/** `pk_live_…`, `sk_sandbox_…`: letters and digits behind the prefix. */
const KEY = /^([ps]k_(?:live|sandbox)_[0-9A-Za-z]+)(?:_(.+))?$/;

/** `null`: not one of Transak's channels.
 * @param base the channel's name without its prefixes */
export function targetOf(base: string): ChannelTarget | null {
  if (isPaymentId(base)) return { kind: "order", orderId: base };
  const [, key, reference] = KEY.exec(base) ?? [];
  if (key === undefined) return null;
  return reference === undefined ? { kind: "merchant", key } : { kind: "reference", key, reference };
}
