/** The events that clients hear, encoded. */
import { ERRORS, type ErrorCode } from "@paybell/protocol";
import type { Published } from "../../fanout/published.ts";
import type { EventLog, LogRecord } from "../../log/event-log.ts";
import type { EventPacket } from "../../transports/socketio/connection.ts";
import { eventPacket } from "../../transports/socketio/event-packet.ts";
import { markText } from "./mark.ts";
import { orderNews } from "./order-news.ts";

/** The document's own text. */
const CONFIRMED = "Your purchase has been confirmed. You can now place new orders.";

/**
 * What a record becomes, in order; made once for all who hear it.
 * @param log whose positions mark where a client stands that has heard them; `null`: they are not marked, since something
 *   older is still on its way to this client
 */
export function packetsOf(published: Published, log: Pick<EventLog, "epoch"> | null): readonly EventPacket[] {
  return published.encodeOnce(log === null ? "crypto-shop/unmarked" : "crypto-shop", (record) => {
    const events = record.type === "stock.changed" ? stockEvents(record) : orderEvents(record);
    return events.map(([name, body], at) => {
      if (log === null) return eventPacket(name, [body]);
      const had = at === events.length - 1 ? null : at + 1;
      return eventPacket(name, [body], markText(log, { offset: record.offset, had }));
    });
  });
}

type Event = readonly [name: string, body: object];

/** Made of nothing but the record: a repeated event is the same to the byte, which is how it is known again. */
function orderEvents(record: LogRecord): readonly Event[] {
  const news = orderNews(record);
  if (!news) return [];
  const { orderId, status, confirmedBy } = news;
  const timestamp = new Date(record.atMs).toISOString();
  const updated: Event = ["order:updated", { orderId, status, timestamp }];
  if (confirmedBy === null) return [updated];
  return [updated, ["transaction:confirmed", { orderId, txHash: confirmedBy, message: CONFIRMED, timestamp }]];
}

/** `stock`: what can still be ordered; units that are reserved are gone for everybody else. */
function stockEvents({ data, atMs }: LogRecord): readonly Event[] {
  if (!data.stock) return [];
  const { productId, available } = data.stock;
  return [["stock:updated", { productId, stock: available, timestamp: new Date(atMs).toISOString() }]];
}

/** Paybell's addition: the document has no word for a refusal. */
export function errorEvent(code: ErrorCode, message: string = ERRORS[code].meaning): EventPacket {
  return eventPacket("error", [{ code, message }]);
}
