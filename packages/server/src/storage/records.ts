/** Records on the main thread: those that a commit wrote, made again from the commands (nothing of them is read back), and
 * those that were read. */
import type { EventData, EventType, StockLevel } from "@paybell/protocol";
import type { AppendCommand, AppendResult, LogRecord, NewRecord } from "../log/event-log.ts";
import { distinct, type Topic } from "../log/topic.ts";
import { STOCK_CHANGED, stockData, stockTopics } from "./products.ts";
import { recordId } from "./record-id.ts";

/** For each command of an append: where its records are, or why there are none. */
export type Stored =
  | {
      ok: true;
      firstOffset: number;
      count: number;
      /** Products whose numbers changed, as they then are: the last ones of these records. */
      levels?: readonly StockLevel[];
    }
  | Exclude<AppendResult, { ok: true }>;

/** A row of `log_records`. `data` and `topics` stay JSON until somebody needs them. */
export interface RecordRow {
  offset: number;
  id: string;
  type: string;
  merchant_id: string;
  payment_id: string | null;
  sequence: number | null;
  at_ms: number;
  data: string;
  topics: string;
}

/** A `ReadPage` of rows. */
export interface RowPage {
  rows: readonly RecordRow[];
  next: number;
  head: number;
}

/** What the callers of an append are told. */
export function resultsOf(
  epoch: string,
  commands: readonly AppendCommand[],
  stored: readonly Stored[],
): readonly AppendResult[] {
  return commands.map((command, at) => {
    const result = stored[at];
    if (!result) throw new Error("The writer gave no answer to a command.");
    return result.ok ? { ok: true, records: recordsOfCommand(epoch, command, result) } : result;
  });
}

function recordsOfCommand(
  epoch: string,
  command: AppendCommand,
  { firstOffset, count, levels = [] }: Extract<Stored, { ok: true }>,
): LogRecord[] {
  if (count === 0) return [];
  const told = [...toldOf(command), ...levels.map((level) => levelTold(command, level))];
  return told.map((record, at) => {
    const offset = firstOffset + at;
    return { offset, id: recordId(epoch, offset), ...record };
  });
}

type Told = Omit<LogRecord, "offset" | "id">;

/** What a command itself tells. */
function toldOf(command: AppendCommand): Told[] {
  if (command.kind === "product") return [];
  const events: readonly NewRecord[] =
    command.kind === "payment" ? command.events : [{ ...command.event, sequence: null }];
  const { merchantId, id: paymentId } = command.kind === "payment" ? command.payment : { ...command, id: null };
  const topics = distinct(command.topics);
  return events.map(({ type, sequence, atMs, data }) => ({
    type,
    merchantId,
    paymentId,
    sequence,
    atMs,
    data,
    topics,
  }));
}

/** What the writer found: the numbers of a product after it. */
function levelTold(command: AppendCommand, level: StockLevel): Told {
  const { merchantId } = command.kind === "payment" ? command.payment : command;
  return {
    type: STOCK_CHANGED,
    merchantId,
    paymentId: null,
    sequence: null,
    atMs: timeOf(command),
    data: stockData(level),
    topics: stockTopics(merchantId),
  };
}

function timeOf(command: AppendCommand): number {
  switch (command.kind) {
    case "payment":
      return command.payment.updatedAtMs;
    case "unattributed":
      return command.event.atMs;
    case "product":
      return command.atMs;
  }
}

export function recordFromRow(row: RecordRow): LogRecord {
  return {
    offset: row.offset,
    id: row.id,
    type: row.type as EventType,
    merchantId: row.merchant_id,
    paymentId: row.payment_id,
    sequence: row.sequence,
    atMs: row.at_ms,
    data: JSON.parse(row.data) as EventData,
    topics: JSON.parse(row.topics) as Topic[],
  };
}
