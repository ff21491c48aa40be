/**
 * What clients of Crypto Shop, Tributary and Transak are to hear of a history of the log, written from their documents
 * and DESIGN.md, not from the code that tells them; and how what they heard compares with it (promises 2 and 3).
 */
import type { PaymentEvent, PaymentSummary } from "@paybell/protocol";

/** What is told in order, and what of it. The order between two of the first is nobody's promise. */
export type Told = readonly [about: string, what: string];

/** To those who follow all customers and the stock. */
export function cryptoShopNews(events: readonly PaymentEvent[]): Told[] {
  return events.flatMap(({ type, at, data: { payment, stock } }): Told[] => {
    if (stock) return [[stock.productId, `stock ${stock.available} ${at}`]];
    if (!payment) return [];
    if (type === "payment.created" || type === "payment.reversed") return [[payment.id, `order pending ${at}`]];
    if (type !== "payment.paid" && type !== "payment.recovered") return [];
    return [
      [payment.id, `order completed ${at}`],
      [payment.id, `confirmed by ${payment.txId} ${at}`],
    ];
  });
}

/** To those who follow all references. Of payments that were paid once, with what was due. */
export function tributaryNews(events: readonly PaymentEvent[]): Told[] {
  return events.flatMap(({ type, data }): Told[] => {
    const { payment, reference, transfers } = data;
    if (type !== "payment.paid" || !payment || !reference) return [];
    const sum = transfers.reduce((total, { amount }) => total + BigInt(amount), 0n);
    return [[reference, `executed ${sum} by ${payment.txId}`]];
  });
}

const STATUS: Readonly<Partial<Record<PaymentSummary["status"], string>>> = {
  pending: "ORDER_CREATED AWAITING_PAYMENT_FROM_USER",
  confirming: "ORDER_PROCESSING PROCESSING",
  paid: "ORDER_PROCESSING PROCESSING",
  final: "ORDER_PROCESSING PROCESSING",
  reversed: "ORDER_FAILED FAILED",
};

/** To those who follow all orders. Of payments that are bought, and not delivered. */
export function transakNews(events: readonly PaymentEvent[]): Told[] {
  const last = new Map<string, string>();
  return events.flatMap(({ data: { payment } }): Told[] => {
    const step = payment && STATUS[payment.status];
    if (!step || last.get(payment.id) === step) return [];
    last.set(payment.id, step);
    return [[payment.id, step]];
  });
}

/** What is wrong: `missing` may still come, `wrong` may never be. */
export interface Comparison {
  missing: readonly string[];
  wrong: readonly string[];
}

/** On each connection what was told of one thing must be a piece of what was to be told, without a gap and nothing
 * twice; all connections together must have all of it. */
export function compareNews(connections: readonly (readonly Told[])[], expected: readonly Told[]): Comparison {
  const stories = storiesOf(expected);
  const covered = new Map([...stories].map(([about, story]) => [about, story.map(() => false)]));
  const wrong: string[] = [];
  for (const [nth, connection] of connections.entries()) {
    for (const [about, heard] of storiesOf(connection)) {
      const places = placesOf(heard, stories.get(about) ?? []);
      if (places.length === 0) wrong.push(`connection ${nth}, ${about}: ${heard}; it was ${stories.get(about)}`);
      for (const at of places) covered.get(about)?.fill(true, at, at + heard.length);
    }
  }
  const missing = [...stories].flatMap(([about, story]) =>
    story.filter((_what, place) => !covered.get(about)?.[place]).map((what) => `${about} ${what}`),
  );
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

/** Where the part stands in the whole, one behind the other. */
function placesOf(part: readonly string[], whole: readonly string[]): number[] {
  return [...whole.keys()].filter((at) => part.every((what, place) => whole[at + place] === what));
}
