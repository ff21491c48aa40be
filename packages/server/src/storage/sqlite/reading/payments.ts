/** Payments with their transfers: for a decision, for a client, for a list. */
import type { SQLInputValue } from "node:sqlite";
import { PAYMENT_STATUSES, type PaymentStatus } from "@paybell/protocol";
import type { PaymentQuery, Snapshot } from "../../../log/store.ts";
import type { Payment, PaymentState } from "../../../payments/payment.ts";
import type { Transfer } from "../../../payments/transfer.ts";
import type { ListAnchor } from "../../list-anchor.ts";
import { type PaymentRow, paymentFromRow, type TransferRow, transferFromRow } from "../../rows.ts";
import type { Connection } from "../connection.ts";
import { head } from "./log.ts";

/** Transfers that a client is shown of one payment. */
const SHOWN_TRANSFERS = 100;
/** Of each payment in a list. */
const LISTED_TRANSFERS = 10;
/** A page with more transfers than this ends early, so that no read is long; at least one payment is on it. */
const LISTED_TRANSFERS_PER_PAGE = 5_000;

interface NumberedRow extends TransferRow {
  number: number;
}

export interface DecisionRequest {
  paymentId: string;
  concerning?: readonly { txId: string; index: string }[];
}

export function loadForDecision(
  connection: Connection,
  requests: readonly DecisionRequest[],
): readonly (PaymentState | null)[] {
  return connection.read(() =>
    requests.map((request) => {
      const payment = findPayment(connection, request.paymentId);
      if (!payment) return null;
      const transfers =
        payment.amountAtomic === null
          ? transfersConcerned(connection, payment, request.concerning ?? [])
          : allTransfers(connection, payment);
      return { payment, transfers };
    }),
  );
}

export function snapshot(connection: Connection, paymentId: string): Snapshot | null {
  return connection.read(() => {
    const payment = findPayment(connection, paymentId);
    if (!payment) return null;
    const state = { payment, transfers: newestTransfers(connection, payment, SHOWN_TRANSFERS) };
    return { state, offset: head(connection) };
  });
}

export function latestOnAddress(
  connection: Connection,
  merchantId: string,
  chain: string,
  recipient: string,
): Snapshot | null {
  return connection.read(() => {
    const row = connection.get<PaymentRow>(
      `SELECT * FROM payments WHERE chain = ? AND recipient = ? AND merchant_id = ?
       ORDER BY created_at_ms DESC, rowid DESC LIMIT 1`,
      chain,
      recipient,
      merchantId,
    );
    // An older payment must not speak for one that was erased.
    if (!row || row.erased_at_ms !== null) return null;
    const payment = paymentFromRow(row);
    return { state: { payment, transfers: newestTransfers(connection, payment, 1) }, offset: head(connection) };
  });
}

export function list(
  connection: Connection,
  query: Omit<PaymentQuery, "after">,
  after: ListAnchor | null,
): { payments: readonly PaymentState[]; next: ListAnchor | null } {
  const conditions = ["merchant_id = ?", "erased_at_ms IS NULL"];
  const parameters: SQLInputValue[] = [query.merchantId];
  const only = (condition: string, ...values: SQLInputValue[]) => {
    conditions.push(condition);
    parameters.push(...values);
  };
  if (query.reference !== undefined) only("reference = ?", query.reference);
  if (query.customer !== undefined) only("customer = ?", query.customer);
  if (query.status !== undefined) only("status = ?", query.status);
  if (query.order !== undefined) only("order_status IS NOT NULL");
  if (query.order !== undefined && query.order !== "any") only("order_status = ?", query.order);
  if (after) only("(created_at_ms, id) < (?, ?)", after.createdAtMs, after.id);
  return connection.read(() => {
    const rows = connection.all<PaymentRow>(
      `SELECT * FROM payments WHERE ${conditions.join(" AND ")} ORDER BY created_at_ms DESC, id DESC LIMIT ?`,
      ...parameters,
      query.limit + 1,
    );
    const payments: PaymentState[] = [];
    let listed = 0;
    for (const row of rows.slice(0, query.limit)) {
      const payment = paymentFromRow(row);
      const transfers = newestTransfers(connection, payment, LISTED_TRANSFERS);
      payments.push({ payment, transfers });
      listed += transfers.length;
      if (listed > LISTED_TRANSFERS_PER_PAGE) break;
    }
    const last = rows.length > payments.length ? payments.at(-1)?.payment : undefined;
    return { payments, next: last ? { createdAtMs: last.createdAtMs, id: last.id } : null };
  });
}

/** As the transactions that wrote the payments have counted them, see migration 0003. */
export function countByStatus(connection: Connection): Record<PaymentStatus, number> {
  const counts = Object.fromEntries(PAYMENT_STATUSES.map((status) => [status, 0])) as Record<PaymentStatus, number>;
  const rows = connection.all<{ status: PaymentStatus; payments: number }>(
    "SELECT status, payments FROM payment_counts",
  );
  for (const { status, payments } of rows) counts[status] = payments;
  return counts;
}

function findPayment(connection: Connection, id: string): Payment | null {
  const row = connection.get<PaymentRow>("SELECT * FROM payments WHERE id = ? AND erased_at_ms IS NULL", id);
  return row ? paymentFromRow(row) : null;
}

function allTransfers(connection: Connection, payment: Payment): Transfer[] {
  return connection
    .all<TransferRow>("SELECT * FROM transfers WHERE payment_id = ? ORDER BY number", payment.id)
    .map(transferFromRow);
}

/** The newest `limit`, in the order in which they became known. */
function newestTransfers(connection: Connection, payment: Payment, limit: number): Transfer[] {
  return connection
    .all<TransferRow>("SELECT * FROM transfers WHERE payment_id = ? ORDER BY number DESC LIMIT ?", payment.id, limit)
    .reverse()
    .map(transferFromRow);
}

function transfersConcerned(
  connection: Connection,
  payment: Payment,
  concerning: readonly { txId: string; index: string }[],
): Transfer[] {
  const rows = new Map<number, NumberedRow>();
  for (const { txId, index } of concerning) {
    const row = connection.get<NumberedRow>(
      "SELECT * FROM transfers WHERE chain = ? AND tx_id = ? AND idx = ? AND merchant_id = ?",
      payment.chain,
      txId,
      index,
      payment.merchantId,
    );
    if (row && row.payment_id === payment.id) rows.set(row.number, row);
  }
  return [...rows.values()].sort((a, b) => a.number - b.number).map(transferFromRow);
}
