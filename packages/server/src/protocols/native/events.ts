/**
 * A record → the PaymentEvent of the native API, for two audiences. Public listeners know a payment's id and nothing
 * else: they get what is listed here by name, so that a field which is added later stays private until it is listed.
 * Source: DESIGN.md, "HTTP API" and "Who may listen".
 */
import type { EventData, PaymentEvent } from "@paybell/protocol";
import { positionAt } from "../../fanout/cursor.ts";
import type { Published } from "../../fanout/published.ts";
import type { Audience } from "../../http/deps.ts";
import type { EventLog, LogRecord } from "../../log/event-log.ts";

export type EpochOf = Pick<EventLog, "epoch">;

export function paymentEvent(record: LogRecord, audience: Audience, log: EpochOf): PaymentEvent {
  return {
    position: positionAt(log, record.offset),
    id: record.id,
    type: record.type,
    paymentId: record.paymentId,
    sequence: record.sequence,
    at: new Date(record.atMs).toISOString(),
    data: audience === "merchant" ? record.data : publicData(record.data),
  };
}

/** The event as JSON: made once for all listeners of this audience. */
export function eventJson(published: Published, audience: Audience, log: EpochOf): string {
  return published.encodeOnce(`native/${audience}`, (record) => JSON.stringify(paymentEvent(record, audience, log)));
}

function publicData(data: EventData): EventData {
  const shown: EventData = { payment: data.payment, transfers: data.transfers };
  if (data.reason !== undefined) shown.reason = data.reason;
  if (data.replacedBy !== undefined) shown.replacedBy = data.replacedBy;
  if (data.from !== undefined) shown.from = data.from;
  if (data.to !== undefined) shown.to = data.to;
  return shown;
}
