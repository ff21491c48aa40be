/** Payments and transfers as rows, and back. Amounts are decimal strings, lists and objects are JSON. */
import { orderStatus } from "../payments/order.ts";
import { isOpen, type Payment } from "../payments/payment.ts";
import type { BlockRef, Transfer } from "../payments/transfer.ts";

/** What every database knows. */
export type Row = Record<string, string | number | null>;

const json = (value: unknown): string | null => (value === null ? null : JSON.stringify(value));
const parsed = <T>(value: string | null): T | null => (value === null ? null : (JSON.parse(value) as T));

/** How each column of a row is made. */
type ColumnsOf<R extends Row, From> = {
  readonly [column in keyof R as string extends column ? never : column]: (from: From) => R[column];
};

/** A row of `payments`. */
export interface PaymentRow extends Row {
  id: string;
  merchant_id: string;
  chain: string;
  asset: string;
  decimals: number;
  amount: string | null;
  address: string | null;
  match: string | null;
  recipient: string | null;
  derivation_index: number | null;
  uri: string | null;
  reference: string | null;
  customer: string | null;
  items: string | null;
  metadata: string | null;
  stock: Payment["stock"];
  order_status: string | null;
  status: Payment["status"];
  is_open: number;
  amount_state: Payment["amountState"];
  delivery: Payment["delivery"];
  flags: string;
  received: string;
  covering_tx_id: string | null;
  confirmations: number;
  confirmations_required: number;
  final_confirmations: number;
  claimed_at_ms: number | null;
  claimed_tx_id: string | null;
  sequence: number;
  created_at_ms: number;
  updated_at_ms: number;
  expires_at_ms: number | null;
  monitor_until_ms: number | null;
  deadline_ms: number | null;
  erased_at_ms: number | null;
}

/** A row of `transfers`. */
export interface TransferRow extends Row {
  merchant_id: string;
  payment_id: string;
  chain: string;
  tx_id: string;
  idx: string;
  asset: string;
  amount: string;
  recipient: string;
  status: Transfer["status"];
  confirmations: number;
  block_height: number | null;
  block_hash: string | null;
  block_time_ms: number | null;
  first_seen_at_ms: number;
  replaceable: number;
  replaced_by: string | null;
  spends: string;
  due_height: number | null;
}

/** What is stored of a payment, column by column: an update asks for a third of them. */
export const PAYMENT_VALUES = {
  id: (payment) => payment.id,
  merchant_id: (payment) => payment.merchantId,
  chain: (payment) => payment.chain,
  asset: (payment) => payment.asset,
  decimals: (payment) => payment.decimals,
  amount: (payment) => payment.amountAtomic?.toString() ?? null,
  address: (payment) => payment.address,
  match: (payment) => json(payment.match),
  recipient: (payment) => payment.recipient,
  derivation_index: (payment) => payment.derivationIndex,
  uri: (payment) => payment.uri,
  reference: (payment) => payment.reference,
  customer: (payment) => payment.customer,
  items: (payment) => json(payment.items),
  metadata: (payment) => json(payment.metadata),
  stock: (payment) => payment.stock,
  // Nobody asks for the orders of an erased payment, and its customer may order again.
  order_status: (payment) => (payment.erasedAtMs === null ? orderStatus(payment) : null),
  status: (payment) => payment.status,
  is_open: (payment) => (isOpen(payment.status) && payment.erasedAtMs === null ? 1 : 0),
  amount_state: (payment) => payment.amountState,
  delivery: (payment) => payment.delivery,
  flags: (payment) => JSON.stringify(payment.flags),
  received: (payment) => payment.receivedAtomic.toString(),
  covering_tx_id: (payment) => payment.coveringTxId,
  confirmations: (payment) => payment.confirmations,
  confirmations_required: (payment) => payment.policy.confirmationsRequired,
  final_confirmations: (payment) => payment.policy.finalConfirmations,
  claimed_at_ms: (payment) => payment.claimedAtMs,
  claimed_tx_id: (payment) => payment.claimedTxId,
  sequence: (payment) => payment.sequence,
  created_at_ms: (payment) => payment.createdAtMs,
  updated_at_ms: (payment) => payment.updatedAtMs,
  expires_at_ms: (payment) => payment.expiresAtMs,
  monitor_until_ms: (payment) => payment.monitorUntilMs,
  // Time has nothing to say of an erased payment.
  deadline_ms: (payment) => (payment.erasedAtMs === null ? payment.deadlineMs : null),
  erased_at_ms: (payment) => payment.erasedAtMs,
} satisfies ColumnsOf<PaymentRow, Payment>;

export function paymentToRow(payment: Payment): PaymentRow {
  return rowOf(PAYMENT_VALUES, payment) as PaymentRow;
}

export function paymentFromRow(row: PaymentRow): Payment {
  return {
    id: row.id,
    merchantId: row.merchant_id,
    chain: row.chain,
    asset: row.asset,
    decimals: row.decimals,
    amountAtomic: row.amount === null ? null : BigInt(row.amount),
    address: row.address,
    match: parsed(row.match),
    recipient: row.recipient,
    derivationIndex: row.derivation_index,
    uri: row.uri,
    reference: row.reference,
    customer: row.customer,
    items: parsed(row.items),
    metadata: parsed(row.metadata),
    stock: row.stock,
    status: row.status,
    amountState: row.amount_state,
    delivery: row.delivery,
    flags: parsed<Payment["flags"]>(row.flags) ?? [],
    receivedAtomic: BigInt(row.received),
    coveringTxId: row.covering_tx_id,
    confirmations: row.confirmations,
    policy: {
      confirmationsRequired: row.confirmations_required,
      finalConfirmations: row.final_confirmations,
    },
    claimedAtMs: row.claimed_at_ms,
    claimedTxId: row.claimed_tx_id,
    sequence: row.sequence,
    createdAtMs: row.created_at_ms,
    updatedAtMs: row.updated_at_ms,
    expiresAtMs: row.expires_at_ms,
    monitorUntilMs: row.monitor_until_ms,
    deadlineMs: row.deadline_ms,
    erasedAtMs: row.erased_at_ms,
  };
}

/** A transfer and the payment that it is credited to. */
export interface Credited {
  payment: Payment;
  transfer: Transfer;
}

/** What is stored of a transfer, column by column. */
export const TRANSFER_VALUES = {
  merchant_id: ({ payment }) => payment.merchantId,
  payment_id: ({ payment }) => payment.id,
  chain: ({ transfer }) => transfer.chain,
  tx_id: ({ transfer }) => transfer.txId,
  idx: ({ transfer }) => transfer.index,
  asset: ({ transfer }) => transfer.asset,
  amount: ({ transfer }) => transfer.amountAtomic.toString(),
  recipient: ({ transfer }) => transfer.recipient,
  status: ({ transfer }) => transfer.status,
  confirmations: ({ transfer }) => transfer.confirmations,
  block_height: ({ transfer }) => transfer.block?.height ?? null,
  block_hash: ({ transfer }) => transfer.block?.hash ?? null,
  block_time_ms: ({ transfer }) => transfer.block?.timeMs ?? null,
  first_seen_at_ms: ({ transfer }) => transfer.firstSeenAtMs,
  replaceable: ({ transfer }) => (transfer.replaceable ? 1 : 0),
  replaced_by: ({ transfer }) => transfer.replacedBy,
  spends: ({ transfer }) => JSON.stringify(transfer.spends),
  due_height: ({ transfer }) => transfer.dueHeight,
} satisfies ColumnsOf<TransferRow, Credited>;

export function transferToRow(payment: Payment, transfer: Transfer): TransferRow {
  return rowOf(TRANSFER_VALUES, { payment, transfer }) as TransferRow;
}

/** A whole row. */
function rowOf<From>(values: Readonly<Record<string, (from: From) => Row[string]>>, from: From): Row {
  const row: Row = {};
  for (const column of Object.keys(values)) row[column] = values[column]?.(from) ?? null;
  return row;
}

export function transferFromRow(row: TransferRow): Transfer {
  return {
    chain: row.chain,
    txId: row.tx_id,
    index: row.idx,
    asset: row.asset,
    amountAtomic: BigInt(row.amount),
    recipient: row.recipient,
    status: row.status,
    confirmations: row.confirmations,
    block: blockOf(row),
    firstSeenAtMs: row.first_seen_at_ms,
    replaceable: row.replaceable === 1,
    replacedBy: row.replaced_by,
    spends: parsed<string[]>(row.spends) ?? [],
    dueHeight: row.due_height,
  };
}

function blockOf(row: TransferRow): BlockRef | null {
  const { block_height: height, block_hash: hash, block_time_ms: timeMs } = row;
  return height === null || hash === null || timeMs === null ? null : { height, hash, timeMs };
}
