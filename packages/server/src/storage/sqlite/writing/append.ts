/** One command: payment row, transfers, stored answer, records, topics. The caller undoes it when it does not succeed. */
import type { StockLevel } from "@paybell/protocol";
import { TRANSFER_COLUMNS } from "../../columns.ts";
import { STOCK_CHANGED, stockData } from "../../products.ts";
import { recordId } from "../../record-id.ts";
import type { Stored } from "../../records.ts";
import type {
  TopicList,
  Values,
  WireCommand,
  WirePayment,
  WireProduct,
  WireRecord,
  WireUnattributed,
} from "../wire.ts";
import type { Transaction } from "./commit.ts";
import { eraseTraces } from "./erase.ts";
import { isKeyUsed, storeAnswer } from "./idempotency.ts";
import { changeProduct } from "./products.ts";
import {
  ERASE_PAYMENT,
  FIND_TRANSFER,
  INSERT_PAYMENT,
  INSERT_RECORD,
  INSERT_SHARED_ADDRESS,
  INSERT_TOPIC,
  INSERT_TRANSFER,
  UPDATE_PAYMENT,
  UPDATE_PAYMENT_INDEXED,
  UPSERT_TRANSFER,
} from "./statements.ts";
import { moveStock, orderProblem } from "./stock.ts";

export function appendCommand(transaction: Transaction, command: WireCommand): Stored {
  switch (command.kind) {
    case "payment":
      return appendPayment(transaction, command);
    case "unattributed":
      return appendUnattributed(transaction, command);
    case "product":
      return appendProduct(transaction, command);
  }
}

function appendPayment(transaction: Transaction, command: WirePayment): Stored {
  const { id, transfers, newTransfers, records, idempotency, stock } = command;
  const { connection } = transaction;
  requireContiguous(command);
  const refused = command.expectedSequence === 0 ? insert(transaction, command) : update(transaction, command);
  if (refused) return refused;
  for (const values of transfers) {
    if (connection.run(UPSERT_TRANSFER, ...values) === 0) return { ok: false, reason: "transfer_credited" };
  }
  for (const values of newTransfers) {
    if (connection.run(INSERT_TRANSFER, ...values) === 0) return { ok: false, reason: whose(transaction, id, values) };
  }
  const levels = stock ? moveStock(transaction, command, stock) : NO_LEVELS;
  if ("ok" in levels) return orAnswered(transaction, command, levels);
  const isPaid = transfers.length + newTransfers.length > 0;
  if (isPaid && command.derivationIndex !== null) markIndexUsed(transaction, command);
  const answer = idempotency && { ...idempotency, paymentIds: [...new Set([id, ...(idempotency.paymentIds ?? [])])] };
  if (answer && !storeAnswer(connection, answer)) return { ok: false, reason: "idempotency" };
  const firstOffset = transaction.head + 1;
  for (const record of records) writeRecord(transaction, command, id, record);
  if (stock) writeLevels(transaction, command, stock, levels);
  if (command.erased) eraseTraces(connection, id);
  return stored(firstOffset, records.length, levels);
}

function appendProduct(transaction: Transaction, command: WireProduct): Stored {
  const changed = changeProduct(transaction, command);
  if ("ok" in changed) return changed;
  const { idempotency } = command;
  if (idempotency && !storeAnswer(transaction.connection, idempotency)) return { ok: false, reason: "idempotency" };
  const firstOffset = transaction.head + 1;
  writeLevels(transaction, command, command, changed.levels);
  return stored(firstOffset, 0, changed.levels);
}

const NO_LEVELS: readonly StockLevel[] = [];

function stored(firstOffset: number, events: number, levels: readonly StockLevel[]): Stored {
  const count = events + levels.length;
  return levels.length === 0 ? { ok: true, firstOffset, count } : { ok: true, firstOffset, count, levels };
}

type Refused = Exclude<Stored, { ok: true }>;

/** A request that was carried out already is in its own way: whoever repeats it wants its first answer. */
function orAnswered({ connection }: Transaction, { idempotency }: WirePayment, refused: Refused): Refused {
  return idempotency && isKeyUsed(connection, idempotency) ? { ok: false, reason: "idempotency" } : refused;
}

function appendUnattributed(transaction: Transaction, command: WireUnattributed): Stored {
  const { merchantId, chain, txId, index, creditTimeMs, records } = command;
  const { connection } = transaction;
  const isNew = connection.run(
    `INSERT INTO unattributed_transfers (merchant_id, chain, tx_id, idx, credit_time_ms) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT DO NOTHING`,
    merchantId,
    chain,
    txId,
    index,
    creditTimeMs,
  );
  const firstOffset = transaction.head + 1;
  if (isNew === 0) {
    connection.run(
      `UPDATE unattributed_transfers SET credit_time_ms = ?1
       WHERE merchant_id = ?2 AND chain = ?3 AND tx_id = ?4 AND idx = ?5 AND credit_time_ms > ?1`,
      creditTimeMs,
      merchantId,
      chain,
      txId,
      index,
    );
    return { ok: true, firstOffset, count: 0 };
  }
  for (const record of records) writeRecord(transaction, command, null, record);
  return { ok: true, firstOffset, count: records.length };
}

/** A gap in a payment's sequence would be a mistake of this program; it must not reach the log. */
function requireContiguous({ id, expectedSequence, sequence, records }: WirePayment): void {
  const last = expectedSequence + records.length;
  if (sequence === last && records.every(([, own], at) => own === expectedSequence + 1 + at)) return;
  throw new Error(
    `Payment ${id}: decided at sequence ${expectedSequence} with events ${records.map(([, own]) => own).join(", ")}, but the payment says ${sequence}.`,
  );
}

function insert(transaction: Transaction, command: WirePayment): Refused | null {
  const { connection } = transaction;
  const { id, merchantId, chain, payment, opensOn, derivedFrom, shared } = command;
  if (connection.get("SELECT 1 FROM payments WHERE id = ?", id)) return { ok: false, reason: "conflict" };
  const isTaken =
    opensOn !== null &&
    connection.get(
      "SELECT 1 FROM payments WHERE chain = ? AND recipient = ? AND merchant_id = ? AND is_open = 1",
      chain,
      opensOn,
      merchantId,
    );
  if (isTaken) return { ok: false, reason: "address_in_use" };
  const problem = orderProblem(transaction, command);
  if (problem) return orAnswered(transaction, command, problem);
  connection.run(INSERT_PAYMENT, ...payment, derivedFrom);
  if (shared) connection.run(INSERT_SHARED_ADDRESS, chain, shared.recipient, merchantId, shared.address);
  return null;
}

function update({ connection }: Transaction, command: WirePayment): Refused | null {
  const { id, payment, indexed, erased, expectedSequence } = command;
  const isChanged =
    connection.run(UPDATE_PAYMENT, ...payment, id, expectedSequence, ...indexed) > 0 ||
    connection.run(UPDATE_PAYMENT_INDEXED, ...payment, ...indexed, id, expectedSequence) > 0;
  if (!isChanged) return { ok: false, reason: "conflict" };
  if (erased) connection.run(ERASE_PAYMENT, ...erased, id);
  return null;
}

const NAME_COLUMNS = (["chain", "tx_id", "idx", "merchant_id"] as const).map((name) => TRANSFER_COLUMNS.indexOf(name));

/** Of a transfer that the merchant has already. */
function whose({ connection }: Transaction, paymentId: string, values: Values): "conflict" | "transfer_credited" {
  const name = NAME_COLUMNS.map((at) => values[at] ?? null);
  const known = connection.get<{ payment_id: string }>(FIND_TRANSFER, ...name);
  return known?.payment_id === paymentId ? "conflict" : "transfer_credited";
}

/** The address at this index was paid: the gap behind it starts anew. Most were paid before: then nothing is written. */
function markIndexUsed({ connection }: Transaction, { id, chain, derivationIndex }: WirePayment): void {
  connection.run(
    `UPDATE derivation_cursors SET last_used_index = ?1
     WHERE chain = ?2 AND derived_from = (SELECT derived_from FROM payments WHERE id = ?3) AND last_used_index < ?1`,
    derivationIndex,
    chain,
    id,
  );
}

function writeLevels(
  transaction: Transaction,
  { merchantId }: WirePayment | WireProduct,
  { atMs, told }: { atMs: number; told: TopicList },
  levels: readonly StockLevel[],
): void {
  for (const level of levels) {
    const record: WireRecord = [STOCK_CHANGED, null, atMs, JSON.stringify(stockData(level))];
    writeRecord(transaction, { merchantId, ...told }, null, record);
  }
}

function writeRecord(
  transaction: Transaction,
  { merchantId, topics, topicsJson }: TopicList & { merchantId: string },
  paymentId: string | null,
  [type, sequence, atMs, data]: WireRecord,
): void {
  const { connection, epoch } = transaction;
  transaction.head += 1;
  const offset = transaction.head;
  const id = recordId(epoch, offset);
  connection.run(INSERT_RECORD, offset, id, type, merchantId, paymentId, sequence, atMs, data, topicsJson);
  for (const topic of topics) connection.run(INSERT_TOPIC, topic, offset);
}
