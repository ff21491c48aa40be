/** What a client names a payment by: the payment's reference. */

/** On chain a tracking id is a memo of 64 bytes, filled up with zero bytes. */
const MEMO_BYTES = 64;

/**
 * The id without padding, from whatever a client sent; `null`: it is none. Ids are the same when their bytes in UTF-8
 * are: nothing is folded, cut or normalised. Half of a surrogate pair has no bytes in UTF-8, and more than 64 bytes have
 * no place in a memo. Zero bytes at the end are padding.
 */
export function trackingIdFrom(value: unknown): string | null {
  if (typeof value !== "string" || value.length > MEMO_BYTES || !value.isWellFormed()) return null;
  const trackingId = value.replace(/\0+$/, "");
  return trackingId === "" || Buffer.byteLength(value) > MEMO_BYTES ? null : trackingId;
}

/** The tracking id in the payload of a `subscribe` or `unsubscribe`, as it was sent and without padding. */
export function trackingIdIn(payload: unknown): { sent: string; trackingId: string } | null {
  if (typeof payload !== "object" || payload === null || !Object.hasOwn(payload, "trackingId")) return null;
  const sent: unknown = (payload as { trackingId: unknown }).trackingId;
  const trackingId = trackingIdFrom(sent);
  return trackingId === null ? null : { sent: sent as string, trackingId };
}
