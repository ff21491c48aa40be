/** What the commands of a commit rest on: read once for all of them; leases, payments and products locked in one order. */
import type { ProductRow } from "../../products.ts";
import { arrayOf } from "../arrays.ts";
import type { Connection } from "../connection.ts";
import { answerKey, transferKey, unattributedKey } from "./append.ts";
import { Draft, keyOf } from "./draft.ts";
import type {
  PreparedCall,
  PreparedPayment,
  PreparedProduct,
  PreparedUnattributed,
  UnattributedRow,
} from "./prepare.ts";
import {
  FIND_ANSWERS,
  FIND_OPEN,
  FIND_PENDING,
  FIND_TRANSFERS,
  FIND_UNATTRIBUTED,
  LOCK_LEASES,
  LOCK_PAYMENTS,
  LOCK_PRODUCTS,
} from "./statements.ts";

interface LockedPayment {
  id: string;
  merchant_id: string;
  chain: string;
  recipient: string | null;
  customer: string | null;
  derived_from: string | null;
  sequence: number;
  status: string;
  is_open: number;
  order_status: string | null;
  erased_at_ms: number | null;
}

/** Lists of keys, each named once. */
class Keys {
  readonly #keys = new Map<string, readonly string[]>();

  add(...parts: string[]): void {
    this.#keys.set(keyOf(...parts), parts);
  }

  get size(): number {
    return this.#keys.size;
  }

  names(): IterableIterator<string> {
    return this.#keys.keys();
  }

  /** One array per part; in one order, so that rows that are locked are so in one order. */
  columns(): string[] {
    const rows = [...this.#keys.values()].sort((a, b) => (keyOf(...a) < keyOf(...b) ? -1 : 1));
    return (rows[0] ?? []).map((_, part) => arrayOf(rows.map((row) => row[part] as string)));
  }
}

/** What is to be read. */
class Wanted {
  readonly leases = new Keys();
  readonly payments = new Keys();
  readonly products = new Keys();
  readonly transfers = new Keys();
  readonly open = new Keys();
  readonly pending = new Keys();
  readonly answers = new Keys();
  readonly unattributed = new Keys();

  constructor(calls: readonly PreparedCall[]) {
    for (const { commands, fence } of calls) {
      if (fence) this.leases.add(fence.lease);
      for (const command of commands) {
        if (command.kind === "payment") this.#payment(command);
        else if (command.kind === "product") this.#product(command);
        else this.#unattributed(command);
      }
    }
  }

  #payment({
    id,
    merchantId,
    row,
    expectedSequence,
    transfers,
    newTransfers,
    stock,
    idempotency,
  }: PreparedPayment): void {
    this.payments.add(id);
    for (const each of [...transfers, ...newTransfers]) {
      this.transfers.add(each.chain, each.tx_id, each.idx, each.merchant_id);
    }
    if (expectedSequence === 0 && row.is_open === 1 && row.recipient !== null) {
      this.open.add(row.chain, row.recipient, merchantId);
    }
    if (stock?.order) this.pending.add(merchantId, stock.order.customer);
    for (const { productId } of [...(stock?.lines ?? []), ...(stock?.order?.prices ?? [])])
      this.products.add(productId);
    if (idempotency) this.answers.add(idempotency.merchantId, idempotency.key);
  }

  #product({ productId, change, idempotency }: PreparedProduct): void {
    this.products.add(productId);
    if (change.type === "create") this.products.add(change.row.id);
    if (idempotency) this.answers.add(idempotency.merchantId, idempotency.key);
  }

  #unattributed({ row }: PreparedUnattributed): void {
    this.unattributed.add(row.merchant_id, row.chain, row.tx_id, row.idx);
  }
}

/** Everything is asked at once; the locks come first. */
export async function load(connection: Connection, calls: readonly PreparedCall[]): Promise<Draft> {
  const wanted = new Wanted(calls);
  const ask = async <R>(sql: string, keys: Keys): Promise<R[]> =>
    keys.size === 0 ? [] : connection.all<R>(sql, ...keys.columns());
  const [leases, payments, products, transfers, open, pending, answers, unattributed] = await Promise.all([
    ask<{ lease: string; token: number }>(LOCK_LEASES, wanted.leases),
    ask<LockedPayment>(LOCK_PAYMENTS, wanted.payments),
    ask<ProductRow>(LOCK_PRODUCTS, wanted.products),
    ask<Parameters<typeof transferKey>[0]>(FIND_TRANSFERS, wanted.transfers),
    ask<OpenRow>(FIND_OPEN, wanted.open),
    ask<PendingRow>(FIND_PENDING, wanted.pending),
    ask<{ merchant_id: string; key: string; at_ms: number }>(FIND_ANSWERS, wanted.answers),
    ask<UnattributedRow>(FIND_UNATTRIBUTED, wanted.unattributed),
  ]);
  const draft = new Draft();
  for (const { lease, token } of leases) draft.tokens.set(lease, token);
  for (const row of payments) draft.payments.set(row.id, toPayment(row));
  for (const row of products) draft.products.set(row.id, { row, write: null });
  for (const row of transfers) draft.transfers.set(transferKey(row), { paymentId: row.payment_id, row: null });
  fill(draft.openOn, wanted.open, open, openKey);
  fill(draft.pendingOf, wanted.pending, pending, pendingKey);
  for (const { merchant_id: merchantId, key, at_ms: atMs } of answers) {
    draft.answers.set(answerKey({ merchantId, key }), { atMs, answer: null, replaces: false });
  }
  for (const row of unattributed) draft.unattributed.set(unattributedKey(row), { row, isNew: false, isChanged: false });
  return draft;
}

export interface OpenRow {
  chain: string;
  recipient: string;
  merchant_id: string;
  id: string;
}
export const openKey = (row: OpenRow) => keyOf(row.chain, row.recipient, row.merchant_id);

export interface PendingRow {
  merchant_id: string;
  customer: string;
  id: string;
}
export const pendingKey = (row: PendingRow) => keyOf(row.merchant_id, row.customer);

function fill<R extends { id: string }>(
  sets: Map<string, ReadonlySet<string>>,
  keys: Keys,
  rows: readonly R[],
  keyOfRow: (row: R) => string,
): void {
  for (const key of keys.names()) sets.set(key, new Set());
  for (const row of rows) (sets.get(keyOfRow(row)) as Set<string>).add(row.id);
}

function toPayment(row: LockedPayment) {
  return {
    id: row.id,
    merchantId: row.merchant_id,
    chain: row.chain,
    recipient: row.recipient,
    customer: row.customer,
    derivedFrom: row.derived_from,
    sequence: row.sequence,
    status: row.status,
    isOpen: row.is_open === 1,
    orderStatus: row.order_status,
    isErased: row.erased_at_ms !== null,
    write: null,
  };
}
