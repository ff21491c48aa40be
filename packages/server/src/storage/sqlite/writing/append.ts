/** One command: payment row, transfers, stored answer, records, topics. The caller undoes it when it does not succeed. */
import type { NewRecord, PaymentCommand, UnattributedCommand } from "../../../log/event-log.ts";
import type { Topic } from "../../../log/topic.ts";
import type { Payment } from "../../../payments/payment.ts";
import type { Transfer } from "../../../payments/transfer.ts";
import { recordId } from "../record-id.ts";
import { paymentToRow, transferToRow } from "../rows.ts";
import type { Stored, Transaction } from "./commit.ts";
import { eraseTraces } from "./erase.ts";
import { storeAnswer } from "./idempotency.ts";
import {
  CHANGING_COLUMNS,
  ERASE_PAYMENT,
  ERASED_COLUMNS,
  FIND_TRANSFER,
  INDEXED_COLUMNS,
  INSERT_PAYMENT,
  INSERT_RECORD,
  INSERT_TOPIC,
  INSERT_TRANSFER,
  PAYMENT_COLUMNS,
  TRANSFER_COLUMNS,
  UPDATE_INDEXED,
  UPDATE_PAYMENT,
  UPSERT_TRANSFER,
} from "./statements.ts";

export function appendCommand(transaction: Transaction, command: PaymentCommand | UnattributedCommand): Stored {
  return command.kind === "payment" ? appendPayment(transaction, command) : appendUnattributed(transaction, command);
}

function appendPayment(transaction: Transaction, command: PaymentCommand): Stored {
  const { payment, transfers, newTransfers = [], events, topics, idempotency } = command;
  requireContiguous(command);
  const refused = command.expectedSequence === 0 ? insert(transaction, command) : update(transaction, command);
  if (refused) return { ok: false, reason: refused };
  for (const transfer of transfers) {
    if (!upsertTransfer(transaction, payment, transfer)) return { ok: false, reason: "transfer_credited" };
  }
  for (const transfer of newTransfers) {
    const refusal = insertTransfer(transaction, payment, transfer);
    if (refusal) return { ok: false, reason: refusal };
  }
  const isPaid = transfers.length + newTransfers.length > 0;
  if (isPaid && payment.derivationIndex !== null) markIndexUsed(transaction, payment);
  const answer = idempotency && { ...idempotency, paymentIds: [payment.id] };
  if (answer && !storeAnswer(transaction.connection, answer)) return { ok: false, reason: "idempotency" };
  const firstOffset = transaction.head + 1;
  for (const event of events) writeRecord(transaction, payment.merchantId, payment.id, event, topics);
  if (payment.erasedAtMs !== null) eraseTraces(transaction.connection, payment.id);
  return { ok: true, firstOffset, count: events.length };
}

function appendUnattributed(transaction: Transaction, command: UnattributedCommand): Stored {
  const { merchantId, chain, txId, index, creditTimeMs, event, topics } = command;
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
  writeRecord(transaction, merchantId, null, { ...event, sequence: null }, topics);
  return { ok: true, firstOffset, count: 1 };
}

/** A gap in a payment's sequence would be a mistake of this program; it must not reach the log. */
function requireContiguous({ expectedSequence, payment, events }: PaymentCommand): void {
  const last = expectedSequence + events.length;
  if (payment.sequence === last && events.every((event, at) => event.sequence === expectedSequence + 1 + at)) return;
  throw new Error(
    `Payment ${payment.id}: decided at sequence ${expectedSequence} with events ${events.map((event) => event.sequence).join(", ")}, but the payment says ${payment.sequence}.`,
  );
}

function insert(
  { connection }: Transaction,
  { payment, derivedFrom }: PaymentCommand,
): "conflict" | "address_in_use" | null {
  if (connection.get("SELECT 1 FROM payments WHERE id = ?", payment.id)) return "conflict";
  const row = paymentToRow(payment);
  const taken = connection.get(
    "SELECT 1 FROM payments WHERE chain = ? AND recipient = ? AND merchant_id = ? AND is_open = 1",
    payment.chain,
    payment.recipient,
    payment.merchantId,
  );
  if (taken && row.is_open === 1) return "address_in_use";
  connection.run(INSERT_PAYMENT, ...PAYMENT_COLUMNS.map((column) => row[column] ?? null), derivedFrom ?? null);
  return null;
}

function update({ connection }: Transaction, { payment, expectedSequence }: PaymentCommand): "conflict" | null {
  const row = paymentToRow(payment);
  const values = CHANGING_COLUMNS.map((column) => row[column] ?? null);
  if (connection.run(UPDATE_PAYMENT, ...values, payment.id, expectedSequence) === 0) return "conflict";
  const indexed = INDEXED_COLUMNS.map((column) => row[column] ?? null);
  connection.run(UPDATE_INDEXED, ...indexed, payment.id, ...indexed);
  if (payment.erasedAtMs !== null) {
    connection.run(ERASE_PAYMENT, ...ERASED_COLUMNS.map((column) => row[column] ?? null), payment.id);
  }
  return null;
}

function insertTransfer(
  { connection }: Transaction,
  payment: Payment,
  transfer: Transfer,
): "conflict" | "transfer_credited" | null {
  const row = transferToRow(payment, transfer);
  const values = TRANSFER_COLUMNS.map((column) => row[column] ?? null);
  if (connection.run(INSERT_TRANSFER, ...values) === 1) return null;
  const name = [transfer.chain, transfer.txId, transfer.index, payment.merchantId] as const;
  const known = connection.get<{ payment_id: string }>(FIND_TRANSFER, ...name);
  return known?.payment_id === payment.id ? "conflict" : "transfer_credited";
}

/** Returns false when the transfer belongs to another payment of this merchant. */
function upsertTransfer({ connection }: Transaction, payment: Payment, transfer: Transfer): boolean {
  const row = transferToRow(payment, transfer);
  return connection.run(UPSERT_TRANSFER, ...TRANSFER_COLUMNS.map((column) => row[column] ?? null)) === 1;
}

/** The address at this index was paid: the gap behind it starts anew. */
function markIndexUsed({ connection }: Transaction, payment: Payment): void {
  connection.run(
    `UPDATE derivation_cursors SET last_used_index = max(last_used_index, ?1)
     WHERE chain = ?2 AND derived_from = (SELECT derived_from FROM payments WHERE id = ?3)`,
    payment.derivationIndex,
    payment.chain,
    payment.id,
  );
}

function writeRecord(
  transaction: Transaction,
  merchantId: string,
  paymentId: string | null,
  event: NewRecord,
  topics: readonly Topic[],
): void {
  const { connection, epoch } = transaction;
  transaction.head += 1;
  const offset = transaction.head;
  const distinct = [...new Set(topics)];
  connection.run(
    INSERT_RECORD,
    offset,
    recordId(epoch, offset),
    event.type,
    merchantId,
    paymentId,
    event.sequence,
    event.atMs,
    JSON.stringify(event.data),
    JSON.stringify(distinct),
  );
  for (const topic of distinct) connection.run(INSERT_TOPIC, topic, offset);
}
