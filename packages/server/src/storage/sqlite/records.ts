/** Records on the main thread: those that a commit wrote, made again from the commands (the writer answers with offsets
 * only, so that nothing is copied back between the threads), and those that were read. */
import type { EventData, EventType, StockLevel } from "@paybell/protocol";
import type { AppendCall, AppendCommand, AppendResult, LogRecord, NewRecord } from "../../log/event-log.ts";
import { distinct, type Topic } from "../../log/topic.ts";
import { STOCK_CHANGED, stockData, stockTopics } from "./products.ts";
import type { RecordRow } from "./reading/log.ts";
import { recordId } from "./record-id.ts";
import { fromWire } from "./rpc.ts";
import type { Stored, StoredCall } from "./writing/commit.ts";

export type Appended = PromiseSettledResult<readonly AppendResult[]>;

/** What the callers of an append get. */
export function appendedFrom(
  epoch: string,
  calls: readonly AppendCall[],
  stored: readonly StoredCall[],
): readonly Appended[] {
  return calls.map(({ commands }, at): Appended => {
    const outcome = stored[at];
    if (!outcome) throw new Error("The writer gave no answer to a call.");
    if (!outcome.ok) return { status: "rejected", reason: fromWire(outcome.error) };
    return { status: "fulfilled", value: resultsOf(epoch, commands, outcome.value) };
  });
}

function resultsOf(
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
