/**
 * What clients of Crypto Shop, Tributary and Transak are to hear of a history of the log, written from their documents
 * and DESIGN.md, not from the code that tells them; and how what they heard compares with it (promises 2 and 3).
 */
import type { EventData, EventType, OrderStatus, PaymentEvent, PaymentSummary } from "@paybell/protocol";

/** What is told in order, and what of it. The order between two of the first is nobody's promise. */
export type Told = readonly [about: string, what: string];

/** To those who follow all customers and the stock. Of payments that are never short of stock. */
export function cryptoShopNews(events: readonly PaymentEvent[]): Told[] {
  return events.flatMap(({ type, at, data: { payment, stock } }): Told[] => {
    if (stock) return [[stock.productId, `stock ${stock.available} ${at}`]];
    if (!isOrder(payment)) return [];
    const told = orderStatusAfter(type, payment);
    if (told === "completed") {
      return [
        [payment.id, `order completed ${at}`],
        [payment.id, `confirmed by ${payment.txId} ${at}`],
      ];
    }
    return told === null ? [] : [[payment.id, `order ${told} ${at}`]];
  });
}

/** `null`: it tells nothing. */
function orderStatusAfter(type: EventType, { status, expiresAt, updatedAt }: PaymentSummary): OrderStatus | null {
  switch (type) {
    case "payment.created":
    case "payment.reversed":
    case "payment.late":
      return "pending";
    case "payment.confirming":
      return expiresAt !== null && updatedAt >= expiresAt ? "pending" : null;
    case "payment.paid":
    case "payment.recovered":
      return status === "paid" || status === "final" ? "completed" : null;
    case "payment.expired":
    case "payment.cancelled":
    case "payment.failed":
      return "cancelled";
    default:
      return null;
  }
}

/** To those who follow all references. Of a payment with an amount each time that it is paid, of a standing one each
 * transfer that is confirmed; again after a reorganisation. */
export function tributaryNews(events: readonly PaymentEvent[]): Told[] {
  return events.flatMap(({ type, data }): Told[] => {
    const { payment, reference, transfers } = data;
    if (!payment || !reference) return [];
    if (payment.amount === null) return standingNews(type, data, reference);
    const isPaid = payment.status === "paid" || payment.status === "final";
    if ((type !== "payment.paid" && type !== "payment.recovered") || !isPaid) return [];
    const sum = transfers.reduce((total, { amount }) => total + BigInt(amount), 0n);
    return [[reference, `executed ${sum} by ${payment.txId}`]];
  });
}

function standingNews(type: EventType, { transfers, from }: EventData, reference: string): Told[] {
  const isNews = type === "transfer.confirmed" || (type === "transfer.final" && from !== "confirmed");
  return isNews ? transfers.map(({ amount, txId }) => [reference, `executed ${amount} by ${txId}`]) : [];
}

const STATUS: Readonly<Partial<Record<PaymentSummary["status"], string>>> = {
  pending: "ORDER_CREATED AWAITING_PAYMENT_FROM_USER",
  confirming: "ORDER_PROCESSING PROCESSING",
  paid: "ORDER_PROCESSING PROCESSING",
  final: "ORDER_PROCESSING PROCESSING",
  reversed: "ORDER_FAILED FAILED",
  expired: "ORDER_FAILED EXPIRED",
  cancelled: "ORDER_FAILED CANCELLED",
};

/** To those who follow all orders. Of payments that are bought, and not delivered. */
export function transakNews(events: readonly PaymentEvent[]): Told[] {
  const last = new Map<string, string>();
  return events.flatMap(({ data: { payment } }): Told[] => {
    const step = isOrder(payment) && STATUS[payment.status];
    if (!step || last.get(payment.id) === step) return [];
    last.set(payment.id, step);
    return [[payment.id, step]];
  });
}

/** A standing payment is none. */
function isOrder(payment: PaymentSummary | null): payment is PaymentSummary {
  return payment !== null && payment.amount !== null;
}

/** What is wrong: `missing` may still come, `wrong` may never be. */
export interface Comparison {
  missing: readonly string[];
  wrong: readonly string[];
}

export interface ComparisonOptions {
  /** What the history repeats is told once on each connection. */
  once?: boolean;
}

/** On each connection what was told of one thing must be a piece of what was to be told, without a gap and nothing
 * twice; all connections together must have all of it. */
export function compareNews(
  connections: readonly (readonly Told[])[],
  expected: readonly Told[],
  { once = false }: ComparisonOptions = {},
): Comparison {
  const stories = storiesOf(expected);
  const heard = new Map([...stories].map(([about, story]) => [about, story.map(() => false)]));
  const wrong: string[] = [];
  for (const [nth, connection] of connections.entries()) {
    for (const [about, piece] of storiesOf(connection)) {
      const story = stories.get(about) ?? [];
      const places = placesOf(piece, story, once);
      if (places.length === 0) wrong.push(`connection ${nth}, ${about}: ${piece}; it was ${story}`);
      for (const place of places.flat()) (heard.get(about) as boolean[])[place] = true;
    }
  }
  const missing = [...stories].flatMap(([about, story]) => {
    const wasHeard = (what: string) => story.some((told, place) => told === what && heard.get(about)?.[place]);
    const isMissing = (what: string, place: number) => !(once ? wasHeard(what) : heard.get(about)?.[place]);
    return story.filter(isMissing).map((what) => `${about} ${what}`);
  });
  return { missing, wrong };
}

function storiesOf(told: readonly Told[]): Map<string, string[]> {
  const stories = new Map<string, string[]>();
  for (const [about, what] of told) {
    const story = stories.get(about);
    if (story) story.push(what);
    else stories.set(about, [what]);
  }
  return stories;
}

/** Where the piece may stand in the story: for each beginning the places that it covers. */
function placesOf(piece: readonly string[], story: readonly string[], once: boolean): number[][] {
  return [...story.keys()].map((from) => placesFrom(from, piece, story, once)).filter((places) => places.length > 0);
}

function placesFrom(from: number, piece: readonly string[], story: readonly string[], once: boolean): number[] {
  const places: number[] = [];
  const told = new Set<string>();
  for (let place = from; places.length < piece.length; place += 1) {
    const what = story[place];
    if (what === undefined) return [];
    if (once && told.has(what)) continue;
    if (what !== piece[places.length]) return [];
    told.add(what);
    places.push(place);
  }
  return places;
}
