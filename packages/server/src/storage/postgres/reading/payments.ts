/** Payments with their transfers: for a decision, for a client, for a list. */
import { PAYMENT_STATUSES, type PaymentStatus } from "@paybell/protocol";
import type { PaymentQuery, Snapshot } from "../../../log/store.ts";
import type { PaymentState } from "../../../payments/payment.ts";
import type { ListAnchor } from "../../list-anchor.ts";
import { type PaymentRow, paymentFromRow, type TransferRow, transferFromRow } from "../../rows.ts";
import { arrayOf } from "../arrays.ts";
import type { Connection, Value } from "../connection.ts";

/** Transfers that a client is shown of one payment. */
const SHOWN_TRANSFERS = 100;
/** Of each payment in a list. */
const LISTED_TRANSFERS = 10;
/** A page with more transfers than this ends early, as in every store. */
const LISTED_TRANSFERS_PER_PAGE = 5_000;

/** A payment beside its transfers, in the order in which they became known; all of one moment. */
type StateRow = PaymentRow & { transfers: TransferRow[] | null };

/** The newest so many of `p`. */
const newestTransfers = (limit: number) => `(SELECT json_agg(t ORDER BY t.number) FROM (
    SELECT * FROM transfers WHERE payment_id = p.id ORDER BY number DESC LIMIT ${limit}
  ) t) AS transfers`;

export interface DecisionRequest {
  paymentId: string;
  concerning?: readonly { txId: string; index: string }[];
}

/** Of a standing payment those transfers that are asked for, of others all. */
const LOAD = `SELECT asked.place, p.*, CASE WHEN p.amount IS NULL THEN (
      SELECT json_agg(t ORDER BY t.number)
      FROM (SELECT DISTINCT "txId", "index" FROM json_to_recordset(asked.concerning) AS c ("txId" text, "index" text)) c
      JOIN transfers t ON t.chain = p.chain AND t.tx_id = c."txId" AND t.idx = c."index"
        AND t.merchant_id = p.merchant_id AND t.payment_id = p.id
    ) ELSE (SELECT json_agg(t ORDER BY t.number) FROM transfers t WHERE t.payment_id = p.id) END AS transfers
  FROM unnest($1::text[], $2::json[]) WITH ORDINALITY AS asked (id, concerning, place)
  JOIN payments p ON p.id = asked.id AND p.erased_at_ms IS NULL`;

export async function loadForDecision(
  connection: Connection,
  requests: readonly DecisionRequest[],
): Promise<readonly (PaymentState | null)[]> {
  const rows = await connection.all<StateRow & { place: number }>(
    LOAD,
    arrayOf(requests.map(({ paymentId }) => paymentId)),
    arrayOf(requests.map(({ concerning = [] }) => JSON.stringify(concerning.map(nameOf)))),
  );
  const byPlace = new Map(rows.map((row) => [row.place, row]));
  return requests.map((_, at) => {
    const row = byPlace.get(at + 1);
    return row ? stateOf(row) : null;
  });
}

/** Whatever else is known of it. */
const nameOf = ({ txId, index }: { txId: string; index: string }) => ({ txId, index });

const SNAPSHOT = `SELECT m.head, p.*, ${newestTransfers(SHOWN_TRANSFERS)}
  FROM meta m CROSS JOIN payments p WHERE p.id = $1 AND p.erased_at_ms IS NULL`;

export async function snapshot(connection: Connection, paymentId: string): Promise<Snapshot | null> {
  const row = await connection.get<StateRow & { head: number }>(SNAPSHOT, paymentId);
  return row ? { state: stateOf(row), offset: row.head } : null;
}

const LATEST = `SELECT m.head, p.*, ${newestTransfers(1)} FROM meta m CROSS JOIN (
    SELECT * FROM payments WHERE chain = $1 AND recipient = $2 AND merchant_id = $3
    ORDER BY created_at_ms DESC, number DESC LIMIT 1
  ) p`;

export async function latestOnAddress(
  connection: Connection,
  merchantId: string,
  chain: string,
  recipient: string,
): Promise<Snapshot | null> {
  const row = await connection.get<StateRow & { head: number }>(LATEST, chain, recipient, merchantId);
  // An older payment must not speak for one that was erased.
  return row && row.erased_at_ms === null ? { state: stateOf(row), offset: row.head } : null;
}

export async function list(
  connection: Connection,
  query: Omit<PaymentQuery, "after">,
  after: ListAnchor | null,
): Promise<{ payments: readonly PaymentState[]; next: ListAnchor | null }> {
  const { sql, parameters } = listStatement(query, after);
  const rows = await connection.all<StateRow>(sql, ...parameters);
  const payments: PaymentState[] = [];
  let listed = 0;
  for (const row of rows.slice(0, query.limit)) {
    const state = stateOf(row);
    payments.push(state);
    listed += state.transfers.length;
    if (listed > LISTED_TRANSFERS_PER_PAGE) break;
  }
  const last = rows.length > payments.length ? payments.at(-1)?.payment : undefined;
  return { payments, next: last ? { createdAtMs: last.createdAtMs, id: last.id } : null };
}

/** One row more than asked for: is there a next page? */
function listStatement(query: Omit<PaymentQuery, "after">, after: ListAnchor | null) {
  const parameters: Value[] = [];
  const place = (value: Value) => `$${parameters.push(value)}`;
  const conditions = [`merchant_id = ${place(query.merchantId)}`, "erased_at_ms IS NULL"];
  if (query.reference !== undefined) conditions.push(`reference = ${place(query.reference)}`);
  if (query.customer !== undefined) conditions.push(`customer = ${place(query.customer)}`);
  if (query.status !== undefined) conditions.push(`status = ${place(query.status)}`);
  if (query.order !== undefined) conditions.push("order_status IS NOT NULL");
  if (query.order !== undefined && query.order !== "any") conditions.push(`order_status = ${place(query.order)}`);
  if (after) conditions.push(`(created_at_ms, id) < (${place(after.createdAtMs)}, ${place(after.id)})`);
  const sql = `SELECT p.*, ${newestTransfers(LISTED_TRANSFERS)} FROM (
      SELECT * FROM payments WHERE ${conditions.join(" AND ")}
      ORDER BY created_at_ms DESC, id DESC LIMIT ${place(query.limit + 1)}
    ) p ORDER BY p.created_at_ms DESC, p.id DESC`;
  return { sql, parameters };
}

/** As the transactions that wrote the payments have counted them. */
export async function countByStatus(connection: Connection): Promise<Record<PaymentStatus, number>> {
  const counts = Object.fromEntries(PAYMENT_STATUSES.map((status) => [status, 0])) as Record<PaymentStatus, number>;
  const rows = await connection.all<{ status: PaymentStatus; payments: number }>(
    "SELECT status, payments FROM payment_counts",
  );
  for (const { status, payments } of rows) counts[status] = payments;
  return counts;
}

function stateOf(row: StateRow): PaymentState {
  return { payment: paymentFromRow(row), transfers: (row.transfers ?? []).map(transferFromRow) };
}
