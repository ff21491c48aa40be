/** One command, decided against the draft. The caller takes it back when it does not succeed. */
import type { StockLevel } from "@paybell/protocol";
import type { IdempotentAnswer } from "../../../log/event-log.ts";
import { KEPT_MS } from "../../answers.ts";
import { CHANGING_COLUMNS, CHANGING_TRANSFER_COLUMNS, ERASED_COLUMNS, INDEXED_COLUMNS } from "../../columns.ts";
import { STOCK_CHANGED, stockData } from "../../products.ts";
import type { Stored } from "../../records.ts";
import type { PaymentRow, TransferRow } from "../../rows.ts";
import { type Draft, type DraftPayment, keyOf } from "./draft.ts";
import {
  type Prepared,
  type PreparedPayment,
  type PreparedProduct,
  type PreparedUnattributed,
  stockTopicList,
} from "./prepare.ts";
import { changeProduct } from "./products.ts";
import { moveStock, orderProblem } from "./stock.ts";

/** `firstOffset` counts from the end of the log: 1 is the record behind it. */
export function appendCommand(draft: Draft, command: Prepared): Stored {
  switch (command.kind) {
    case "payment":
      return appendPayment(draft, command);
    case "unattributed":
      return appendUnattributed(draft, command);
    case "product":
      return appendProduct(draft, command);
  }
}

type Refused = Exclude<Stored, { ok: true }>;
const NO_LEVELS: readonly StockLevel[] = [];

function appendPayment(draft: Draft, command: PreparedPayment): Stored {
  const { id, merchantId, row, stock, idempotency, told } = command;
  requireContiguous(command);
  const refused = command.expectedSequence === 0 ? insert(draft, command) : update(draft, command);
  if (refused) return refused;
  for (const transfer of command.transfers) {
    if (!creditTransfer(draft, transfer)) return { ok: false, reason: "transfer_credited" };
  }
  for (const transfer of command.newTransfers) {
    const known = draft.transfers.get(transferKey(transfer));
    if (known) return { ok: false, reason: known.paymentId === id ? "conflict" : "transfer_credited" };
    creditTransfer(draft, transfer);
  }
  const levels = stock ? moveStock(draft, command, stock) : NO_LEVELS;
  if ("ok" in levels) return orAnswered(draft, command, levels);
  if (command.transfers.length + command.newTransfers.length > 0) markIndexUsed(draft, command);
  const answer = idempotency && { ...idempotency, paymentIds: [...new Set([id, ...(idempotency.paymentIds ?? [])])] };
  if (answer && !storeAnswer(draft, answer)) return { ok: false, reason: "idempotency" };
  const firstOffset = draft.records.length + 1;
  for (const record of command.records) draft.tell({ ...record, merchantId, paymentId: id, told });
  tellLevels(draft, merchantId, row.updated_at_ms, levels);
  if (row.erased_at_ms !== null) draft.set(draft.erased, id, true);
  return stored(firstOffset, command.records.length, levels);
}

function appendProduct(draft: Draft, command: PreparedProduct): Stored {
  const changed = changeProduct(draft, command);
  if ("ok" in changed) return changed;
  if (command.idempotency && !storeAnswer(draft, command.idempotency)) return { ok: false, reason: "idempotency" };
  const firstOffset = draft.records.length + 1;
  tellLevels(draft, command.merchantId, command.atMs, changed.levels);
  return stored(firstOffset, 0, changed.levels);
}

function appendUnattributed(draft: Draft, { row, record, told }: PreparedUnattributed): Stored {
  const key = unattributedKey(row);
  const known = draft.unattributed.get(key);
  const firstOffset = draft.records.length + 1;
  if (known) {
    const isEarlier = row.credit_time_ms < known.row.credit_time_ms;
    if (isEarlier) draft.set(draft.unattributed, key, { row, isNew: known.isNew, isChanged: true });
    return { ok: true, firstOffset, count: 0 };
  }
  draft.set(draft.unattributed, key, { row, isNew: true, isChanged: true });
  draft.tell({ ...record, merchantId: row.merchant_id, paymentId: null, told });
  return { ok: true, firstOffset, count: 1 };
}

export const transferKey = ({ chain, tx_id, idx, merchant_id }: TransferRow) => keyOf(chain, tx_id, idx, merchant_id);
export const unattributedKey = (row: PreparedUnattributed["row"]) =>
  keyOf(row.merchant_id, row.chain, row.tx_id, row.idx);
export const answerKey = ({ merchantId, key }: Pick<IdempotentAnswer, "merchantId" | "key">) => keyOf(merchantId, key);

function stored(firstOffset: number, events: number, levels: readonly StockLevel[]): Stored {
  const count = events + levels.length;
  return levels.length === 0 ? { ok: true, firstOffset, count } : { ok: true, firstOffset, count, levels };
}

/** A request that was carried out already is in its own way: whoever repeats it wants its first answer. */
function orAnswered(draft: Draft, { idempotency }: PreparedPayment, refused: Refused): Refused {
  const known = idempotency && draft.answers.get(answerKey(idempotency));
  const isUsed = known && known.atMs >= idempotency.atMs - KEPT_MS;
  return isUsed ? { ok: false, reason: "idempotency" } : refused;
}

/** A gap in a payment's sequence would be a mistake of this program; it must not reach the log. */
function requireContiguous({ id, expectedSequence, row, records }: PreparedPayment): void {
  const last = expectedSequence + records.length;
  const own = records.map(({ sequence }) => sequence);
  if (row.sequence === last && own.every((sequence, at) => sequence === expectedSequence + 1 + at)) return;
  throw new Error(
    `Payment ${id}: decided at sequence ${expectedSequence} with events ${own.join(", ")}, but the payment says ${row.sequence}.`,
  );
}

function insert(draft: Draft, command: PreparedPayment): Refused | null {
  const { id, merchantId, row, derivedFrom, shared } = command;
  if (draft.payments.has(id)) return { ok: false, reason: "conflict" };
  const { chain, recipient } = row;
  const open = row.is_open === 1 && recipient !== null ? draft.openOn.get(keyOf(chain, recipient, merchantId)) : null;
  if (open && open.size > 0) return { ok: false, reason: "address_in_use" };
  const problem = orderProblem(draft, command);
  if (problem) return orAnswered(draft, command, problem);
  const blank = { status: "", isOpen: false, orderStatus: null, isErased: false, customer: row.customer };
  const payment = { id, merchantId, chain, recipient, derivedFrom, sequence: 0, ...blank };
  const isErased = row.erased_at_ms !== null;
  change(draft, payment, row, { kind: "insert", row, isErased });
  if (!isErased) draft.count(row.status, 1);
  if (shared) {
    const address = { chain, recipient: shared.recipient, merchant_id: merchantId, address: shared.address };
    draft.set(draft.sharedAddresses, keyOf(chain, shared.recipient, merchantId), address);
  }
  return null;
}

function update(draft: Draft, { id, row, expectedSequence }: PreparedPayment): Refused | null {
  const payment = draft.payments.get(id);
  if (!payment || payment.sequence !== expectedSequence) return { ok: false, reason: "conflict" };
  const erases = row.erased_at_ms !== null;
  const before = payment.write;
  const kind = before?.kind ?? "update";
  const columns = erases ? [...CHANGED, ...ERASED_COLUMNS] : CHANGED;
  const merged = before ? withColumns(before.row, row, columns) : row;
  change(draft, payment, row, { kind, row: merged, isErased: erases || before?.isErased === true });
  if (!payment.isErased) draft.count(payment.status, -1);
  if (!payment.isErased && !erases) draft.count(row.status, 1);
  return null;
}

const CHANGED = [...CHANGING_COLUMNS, ...INDEXED_COLUMNS] as const;

/** The payment as the command leaves it. */
function change(
  draft: Draft,
  payment: Omit<DraftPayment, "write">,
  row: PaymentRow,
  write: NonNullable<DraftPayment["write"]>,
): void {
  const { id, chain, recipient, merchantId } = payment;
  const isErased = payment.isErased || row.erased_at_ms !== null;
  const isOpen = row.is_open === 1;
  const orderStatus = row.order_status;
  const customer = write.row.erased_at_ms === null ? payment.customer : row.customer;
  const { sequence, status } = row;
  draft.set(draft.payments, id, { ...payment, customer, sequence, status, isOpen, orderStatus, isErased, write });
  if (recipient !== null) draft.mark(draft.openOn, keyOf(chain, recipient, merchantId), id, isOpen);
  const ordered = payment.customer;
  if (ordered !== null) draft.mark(draft.pendingOf, keyOf(merchantId, ordered), id, orderStatus === "pending");
}

/** `row` with some columns of another one. */
function withColumns<R extends object>(row: R, other: R, columns: readonly (keyof R)[]): R {
  const merged = { ...row };
  for (const column of columns) merged[column] = other[column];
  return merged;
}

/** New, or newly seen. False when it belongs to another payment of the merchant. */
function creditTransfer(draft: Draft, row: TransferRow): boolean {
  const key = transferKey(row);
  const known = draft.transfers.get(key);
  if (known && known.paymentId !== row.payment_id) return false;
  const merged = known?.row ? withColumns(known.row, row, CHANGING_TRANSFER_COLUMNS) : row;
  draft.set(draft.transfers, key, { paymentId: row.payment_id, row: merged });
  return true;
}

/** The address at this index was paid: the gap behind it starts anew. */
function markIndexUsed(draft: Draft, { id, row }: PreparedPayment): void {
  const { chain, derivation_index: index } = row;
  const derivedFrom = draft.payments.get(id)?.derivedFrom ?? null;
  if (index === null || derivedFrom === null) return;
  const key = keyOf(chain, derivedFrom);
  if ((draft.usedIndexes.get(key)?.last_used_index ?? -1) >= index) return;
  draft.set(draft.usedIndexes, key, { chain, derived_from: derivedFrom, last_used_index: index });
}

/** With the decision that it answers. Returns false when the key was used within the last 24 hours. */
function storeAnswer(draft: Draft, answer: IdempotentAnswer): boolean {
  const key = answerKey(answer);
  const known = draft.answers.get(key);
  if (known && known.atMs >= answer.atMs - KEPT_MS) return false;
  const replaces = known ? known.replaces || known.answer === null : false;
  draft.set(draft.answers, key, { atMs: answer.atMs, answer, replaces });
  return true;
}

function tellLevels(draft: Draft, merchantId: string, atMs: number, levels: readonly StockLevel[]): void {
  if (levels.length === 0) return;
  const told = stockTopicList(merchantId);
  for (const level of levels) {
    const record = { type: STOCK_CHANGED, sequence: null, atMs, data: JSON.stringify(stockData(level)) };
    draft.tell({ ...record, merchantId, paymentId: null, told });
  }
}
