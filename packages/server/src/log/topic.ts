/** Topics: what a subscription follows. Source: DESIGN.md, "Words". */
export type Topic = string & { readonly __topic: unique symbol };

const topic = (...parts: string[]): Topic => parts.join(":") as Topic;

export const topics = {
  payment: (paymentId: string): Topic => topic("payment", paymentId),
  customer: (merchantId: string, customer: string): Topic => topic("customer", merchantId, customer),
  reference: (merchantId: string, reference: string): Topic => topic("reference", merchantId, reference),
  address: (merchantId: string, chain: string, address: string): Topic => topic("address", merchantId, chain, address),
  merchant: (merchantId: string): Topic => topic("merchant", merchantId),
  stock: (merchantId: string): Topic => topic("stock", merchantId),
};

/** Each once. They are few, and nearly always different already. */
export function distinct(given: readonly Topic[]): readonly Topic[] {
  return given.every((one, at) => given.indexOf(one) === at) ? given : [...new Set(given)];
}

/** For those who got it wrong. */
export const TOPIC_FORMS = [
  "payment:{id}",
  "merchant:{id}",
  "customer:{merchant}:{customer}",
  "reference:{merchant}:{reference}",
  "address:{merchant}:{chain}:{address}",
  "stock:{merchant}",
];

export type TopicKind = keyof typeof topics;

/** Parts behind the kind. A map: an object would know `constructor` too. */
const PARTS: ReadonlyMap<string, number> = new Map<TopicKind, number>([
  ["payment", 1],
  ["merchant", 1],
  ["stock", 1],
  ["customer", 2],
  ["reference", 2],
  ["address", 3],
]);

/** Splits a topic that came from outside; `null` when it is none. Ids may contain `:` only in the last part. */
export function parseTopic(text: string): { kind: TopicKind; merchantId: string | null; parts: string[] } | null {
  const [kind = "", ...rest] = text.split(":");
  const count = PARTS.get(kind);
  if (count === undefined || rest.length < count) return null;
  const parts = [...rest.slice(0, count - 1), rest.slice(count - 1).join(":")];
  if (parts.some((part) => part === "")) return null;
  return { kind: kind as TopicKind, merchantId: kind === "payment" ? null : (parts[0] as string), parts };
}
