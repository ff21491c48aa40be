/** The draft as rows: a few statements, sent at once, whose numbers of rows must be what the draft says. */

import { TRANSFER_COLUMNS } from "../../columns.ts";
import type { PaymentRow } from "../../rows.ts";
import { arrayOf, columnsOf } from "../arrays.ts";
import type { Connection, Parameter, Value } from "../connection.ts";
import { Raced } from "../errors.ts";
import type { Draft } from "./draft.ts";
import { eraseTraces } from "./erase.ts";
import * as sql from "./statements.ts";

/**
 * Writes everything; the counter of the log is taken when all else is locked. Returns the offset of the newest record before
 * these, 0 where there are none to write.
 * @throws Raced: somebody else has written one of the rows meanwhile
 */
export async function store(connection: Connection, draft: Draft): Promise<number> {
  const work = new Statements(connection);
  storePayments(work, draft);
  storeTransfers(work, draft);
  storeAnswers(work, draft);
  storeProducts(work, draft);
  storeRest(work, draft);
  const [before] = await Promise.all([storeRecords(connection, draft), work.done()]);
  await eraseTraces(connection, [...draft.erased.keys()]);
  return before;
}

/** Statements under way. */
class Statements {
  readonly #connection: Connection;
  readonly #asked: Promise<void>[] = [];

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** @param rows how many must be written; `null`: any number */
  run(statement: string, rows: number | null, parameters: readonly Parameter[]): void {
    const asked = this.#connection.run(statement, ...parameters).then((written) => {
      if (rows !== null && written !== rows) throw new Raced(`${written} of ${rows} rows could be written.`);
    });
    this.#asked.push(asked);
  }

  /** All of some rows must be written. */
  all<C extends string>(
    statement: string,
    rows: readonly { readonly [column in C]: Value }[],
    columns: readonly C[],
  ): void {
    if (rows.length > 0) this.run(statement, rows.length, columnsOf(rows, columns));
  }

  /** Whether they are there already or not. */
  any<C extends string>(
    statement: string,
    rows: readonly { readonly [column in C]: Value }[],
    columns: readonly C[],
  ): void {
    if (rows.length > 0) this.run(statement, null, columnsOf(rows, columns));
  }

  async done(): Promise<void> {
    await Promise.all(this.#asked);
  }
}

function storePayments(work: Statements, draft: Draft): void {
  const inserted: (PaymentRow & { derived_from: string | null })[] = [];
  const updated: PaymentRow[] = [];
  const erased: PaymentRow[] = [];
  for (const { write, derivedFrom } of draft.payments.values()) {
    if (write?.kind === "insert") inserted.push({ ...write.row, derived_from: derivedFrom });
    if (write?.kind !== "update") continue;
    updated.push(write.row);
    if (write.isErased) erased.push(write.row);
  }
  work.all(sql.INSERT_PAYMENTS, inserted, sql.NEW_PAYMENT_COLUMNS);
  work.all(sql.UPDATE_PAYMENTS, updated, sql.CHANGED_COLUMNS);
  work.all(sql.ERASE_PAYMENTS, erased, sql.ERASURE_COLUMNS);
}

function storeTransfers(work: Statements, draft: Draft): void {
  const rows = [...draft.transfers.values()].flatMap(({ row }) => (row ? [row] : []));
  work.all(sql.UPSERT_TRANSFERS, rows, TRANSFER_COLUMNS);
  const unattributed = inOrder(draft.unattributed).filter(({ isChanged }) => isChanged);
  const isNew = unattributed.filter((each) => each.isNew).map(({ row }) => row);
  const isKnown = unattributed.filter((each) => !each.isNew).map(({ row }) => row);
  work.all(sql.INSERT_UNATTRIBUTED, isNew, sql.UNATTRIBUTED_COLUMNS);
  work.all(sql.UPDATE_UNATTRIBUTED, isKnown, sql.UNATTRIBUTED_COLUMNS);
}

function storeAnswers(work: Statements, draft: Draft): void {
  const stored = inOrder(draft.answers).flatMap(({ answer, replaces }) => (answer ? [{ answer, replaces }] : []));
  const rows = stored.map(({ answer }) => ({
    merchant_id: answer.merchantId,
    key: answer.key,
    request_hash: answer.requestHash,
    http_status: answer.httpStatus,
    body: answer.body,
    at_ms: answer.atMs,
    payment_id: answer.paymentIds?.[0] ?? null,
  }));
  const replaced = rows.filter((_, at) => stored[at]?.replaces);
  const others = stored.flatMap(({ answer: { merchantId, key, paymentIds = [] } }) =>
    paymentIds.slice(1).map((paymentId) => ({ payment_id: paymentId, merchant_id: merchantId, key })),
  );
  work.any(sql.DELETE_ANSWERS, replaced, ["merchant_id", "key"]);
  work.all(sql.INSERT_ANSWERS, rows, sql.ANSWER_COLUMNS);
  work.any(sql.INSERT_ANSWERED, others, sql.ANSWERED_COLUMNS);
}

function storeProducts(work: Statements, draft: Draft): void {
  const of = (kind: "insert" | "update") =>
    inOrder(draft.products).flatMap(({ row, write }) => (write === kind ? [row] : []));
  work.all(sql.INSERT_PRODUCTS, of("insert"), sql.PRODUCT_COLUMNS);
  work.all(sql.UPDATE_PRODUCTS, of("update"), sql.PRODUCT_COLUMNS);
}

function storeRest(work: Statements, draft: Draft): void {
  work.any(sql.INSERT_SHARED_ADDRESSES, inOrder(draft.sharedAddresses), sql.SHARED_COLUMNS);
  work.any(sql.MARK_USED, inOrder(draft.usedIndexes), sql.USED_COLUMNS);
  work.all(sql.UPSERT_PROGRESS, inOrder(draft.progress), sql.PROGRESS_COLUMNS);
}

/** Returns the head before. */
async function storeRecords(connection: Connection, { records, counts }: Draft): Promise<number> {
  const changed = [...counts].filter(([, by]) => by !== 0).sort(([a], [b]) => (a < b ? -1 : 1));
  const counted = [arrayOf(changed.map(([status]) => status)), arrayOf(changed.map(([, by]) => by))];
  if (records.length === 0) {
    if (changed.length > 0) await connection.run(sql.COUNT_PAYMENTS, ...counted);
    return 0;
  }
  const topics = records.flatMap(({ told }, at) => told.topics.map((topic) => ({ topic, place: at + 1 })));
  const rows = records.map((record) => ({
    type: record.type,
    merchant_id: record.merchantId,
    payment_id: record.paymentId,
    sequence: record.sequence,
    at_ms: record.atMs,
    data: record.data,
    topics: record.told.json,
  }));
  const raised = await connection.get<{ head: number }>(
    sql.TELL,
    rows.length,
    ...counted,
    ...columnsOf(topics, ["topic", "place"]),
    ...columnsOf(rows, sql.RECORD_COLUMNS),
  );
  if (!raised) throw new Error("The row of meta is missing.");
  return raised.head - rows.length;
}

/** By their keys: rows that two processes write are locked in one order. */
function inOrder<V>(map: ReadonlyMap<string, V>): V[] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value);
}
