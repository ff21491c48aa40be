/** What is stored agrees with itself, and with what was answered. */
import { expect } from "vitest";
import type { LogRecord } from "../../src/log/event-log.ts";
import { topics } from "../../src/log/topic.ts";
import type { Acknowledged } from "../append-storm.ts";
import type { VictimProcess } from "../victim-process.ts";
import type { OpenStore } from "./home.ts";

export async function wholeLog({ log }: OpenStore): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  for (let offset = 0; ; ) {
    const page = await log.readAfter(offset, { limit: 1_000 });
    records.push(...page.records);
    offset = page.next;
    if (page.next === page.head) return records;
  }
}

/** Log, rows and topics tell the same story. */
export async function expectConsistent(store: OpenStore, records: readonly LogRecord[]): Promise<void> {
  expect(records.map(({ offset }) => offset)).toEqual(records.map((_, at) => at + 1));
  const byPayment = Map.groupBy(records, ({ paymentId }) => paymentId as string);
  for (const [paymentId, own] of byPayment) {
    expect(own.map(({ sequence }) => sequence)).toEqual(own.map((_, at) => at + 1));
    const snapshot = await store.payments.snapshot(paymentId);
    expect(snapshot?.state.payment.sequence).toBe(own.length);
    expect(snapshot?.state.transfers).toHaveLength(own.length - 1);
    const page = await store.log.readAfter(0, { topics: [topics.payment(paymentId)], limit: 100 });
    expect(page.records).toEqual(own);
  }
}

/** What `appendForEver` has printed; a line that was cut off by the kill is none. */
export function acknowledgedBy({ lines }: VictimProcess): Acknowledged[] {
  return lines.filter((line) => line.endsWith("}")).map((line) => JSON.parse(line) as Acknowledged);
}

export function expectAcknowledged(acknowledged: readonly Acknowledged[], records: readonly LogRecord[]): void {
  const stored = acknowledged.map(({ offset }) => records[offset - 1]);
  expect(stored.map((record) => [record?.paymentId, record?.sequence])).toEqual(
    acknowledged.map(({ paymentId, sequence }) => [paymentId, sequence]),
  );
}
