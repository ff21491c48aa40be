/** What a commit reads and writes. Lists come as arrays: the number of statements does not grow with that of the commands. */
import {
  CHANGING_COLUMNS,
  CHANGING_TRANSFER_COLUMNS,
  ERASED_COLUMNS,
  INDEXED_COLUMNS,
  PAYMENT_COLUMNS,
  TRANSFER_COLUMNS,
} from "../../columns.ts";
import { unnest } from "../arrays.ts";

/** Of the whole database: commits share it, one that must be alone does not. */
export const GATE = 0x70_61_79_62_65_01;

/** Enters the gate; the head as it was before. */
export const ENTER = `SELECT head, pg_advisory_xact_lock_shared(${GATE})::text AS entered FROM meta`;
export const ENTER_ALONE = `SELECT head, pg_advisory_xact_lock(${GATE})::text AS entered FROM meta`;

/** Shared: commits of one holder do not wait for each other, and whoever would take the lease waits for them. */
export const LOCK_LEASES = "SELECT lease, token FROM leases WHERE lease = ANY($1::text[]) ORDER BY lease FOR SHARE";

/** `no key`: a transfer that refers to the payment does not wait. */
export const LOCK_PAYMENTS = `SELECT id, merchant_id, chain, recipient, customer, derived_from, sequence, status, is_open,
    order_status, erased_at_ms
  FROM payments WHERE id = ANY($1::text[]) ORDER BY id FOR NO KEY UPDATE`;

export const LOCK_PRODUCTS = "SELECT * FROM products WHERE id = ANY($1::text[]) ORDER BY id FOR NO KEY UPDATE";

/** Rows that have one of the keys. A key at a time (`OFFSET 0` keeps it so): as a join it would be planned by what the
 * statistics say of a table, which may have been empty when they were made. */
function find(columns: string, table: string, keys: readonly string[], condition = ""): string {
  const isKey = keys.map((key) => `${key} = k.${key}_`).join(" AND ");
  return `SELECT found.* FROM ${unnest(keys)} AS k (${keys.map((key) => `${key}_`).join(", ")})
    CROSS JOIN LATERAL (SELECT ${columns} FROM ${table} WHERE ${isKey}${condition} OFFSET 0) found`;
}

const TRANSFER_NAME = ["chain", "tx_id", "idx", "merchant_id"] as const;
export const FIND_TRANSFERS = find([...TRANSFER_NAME, "payment_id"].join(", "), "transfers", TRANSFER_NAME);

const OPEN = ["chain", "recipient", "merchant_id"];
export const FIND_OPEN = find([...OPEN, "id"].join(", "), "payments", OPEN, " AND is_open = 1");

const ORDERED = ["merchant_id", "customer"];
export const FIND_PENDING = find([...ORDERED, "id"].join(", "), "payments", ORDERED, " AND order_status = 'pending'");

export const FIND_ANSWERS = find("merchant_id, key, at_ms", "idempotent_answers", ["merchant_id", "key"]);

const UNATTRIBUTED_NAME = ["merchant_id", "chain", "tx_id", "idx"] as const;
export const UNATTRIBUTED_COLUMNS = [...UNATTRIBUTED_NAME, "credit_time_ms"] as const;
export const FIND_UNATTRIBUTED = find(UNATTRIBUTED_COLUMNS.join(", "), "unattributed_transfers", UNATTRIBUTED_NAME);

const assignments = (columns: readonly string[]) => columns.map((column) => `${column} = k.${column}`).join(", ");

export const NEW_PAYMENT_COLUMNS = [...PAYMENT_COLUMNS, "derived_from"] as const;
/** In the order of the rows: their numbers say so. */
export const INSERT_PAYMENTS = `INSERT INTO payments (${NEW_PAYMENT_COLUMNS.join(", ")})
  SELECT * FROM ${unnest(NEW_PAYMENT_COLUMNS)} ON CONFLICT (id) DO NOTHING`;

export const CHANGED_COLUMNS = ["id", ...CHANGING_COLUMNS, ...INDEXED_COLUMNS] as const;
export const UPDATE_PAYMENTS = `UPDATE payments SET ${assignments(CHANGED_COLUMNS.slice(1))}
  FROM ${unnest(CHANGED_COLUMNS)} AS k (${CHANGED_COLUMNS.join(", ")}) WHERE payments.id = k.id`;

export const ERASURE_COLUMNS = ["id", ...ERASED_COLUMNS] as const;
export const ERASE_PAYMENTS = `UPDATE payments SET ${assignments(ERASURE_COLUMNS.slice(1))}
  FROM ${unnest(ERASURE_COLUMNS)} AS k (${ERASURE_COLUMNS.join(", ")}) WHERE payments.id = k.id`;

/** Changes no row where the transfer belongs to another payment of the merchant. */
export const UPSERT_TRANSFERS = `INSERT INTO transfers (${TRANSFER_COLUMNS.join(", ")})
  SELECT * FROM ${unnest(TRANSFER_COLUMNS)}
  ON CONFLICT (${TRANSFER_NAME.join(", ")}) DO UPDATE
    SET ${CHANGING_TRANSFER_COLUMNS.map((column) => `${column} = excluded.${column}`).join(", ")}
    WHERE transfers.payment_id = excluded.payment_id`;

export const SHARED_COLUMNS = ["chain", "recipient", "merchant_id", "address"] as const;
export const INSERT_SHARED_ADDRESSES = `INSERT INTO shared_addresses (${SHARED_COLUMNS.join(", ")})
  SELECT * FROM ${unnest(SHARED_COLUMNS)} ON CONFLICT DO NOTHING`;

export const INSERT_UNATTRIBUTED = `INSERT INTO unattributed_transfers (${UNATTRIBUTED_COLUMNS.join(", ")})
  SELECT * FROM ${unnest(UNATTRIBUTED_COLUMNS)} ON CONFLICT DO NOTHING`;
export const UPDATE_UNATTRIBUTED = `UPDATE unattributed_transfers u
  SET credit_time_ms = least(u.credit_time_ms, k.credit_time_ms)
  FROM ${unnest(UNATTRIBUTED_COLUMNS)} AS k (${UNATTRIBUTED_COLUMNS.join(", ")})
  WHERE ${UNATTRIBUTED_NAME.map((column) => `u.${column} = k.${column}`).join(" AND ")}`;

export const DELETE_ANSWERS = `DELETE FROM idempotent_answers a
  USING ${unnest(["merchant_id", "key"])} AS k (merchant_id, key) WHERE a.merchant_id = k.merchant_id AND a.key = k.key`;
export const ANSWER_COLUMNS = [
  "merchant_id",
  "key",
  "request_hash",
  "http_status",
  "body",
  "at_ms",
  "payment_id",
] as const;
export const INSERT_ANSWERS = `INSERT INTO idempotent_answers (${ANSWER_COLUMNS.join(", ")})
  SELECT * FROM ${unnest(ANSWER_COLUMNS)} ON CONFLICT DO NOTHING`;
export const ANSWERED_COLUMNS = ["payment_id", "merchant_id", "key"] as const;
export const INSERT_ANSWERED = `INSERT INTO answered_payments (${ANSWERED_COLUMNS.join(", ")})
  SELECT * FROM ${unnest(ANSWERED_COLUMNS)} ON CONFLICT DO NOTHING`;

export const PRODUCT_COLUMNS = [
  "id",
  "merchant_id",
  "name",
  "price",
  "chain",
  "asset",
  "stock",
  "reserved",
  "created_at_ms",
  "updated_at_ms",
  "archived_at_ms",
] as const;
/** Of a product `stock` is a number, of a payment a word. */
const PRODUCTS = unnest(PRODUCT_COLUMNS.map((column) => (column === "stock" ? "stock_units" : column)));
export const INSERT_PRODUCTS = `INSERT INTO products (${PRODUCT_COLUMNS.join(", ")})
  SELECT * FROM ${PRODUCTS} ON CONFLICT DO NOTHING`;
export const UPDATE_PRODUCTS = `UPDATE products p SET ${assignments(PRODUCT_COLUMNS.slice(2))}
  FROM ${PRODUCTS} AS k (${PRODUCT_COLUMNS.join(", ")}) WHERE p.id = k.id`;

export const PROGRESS_COLUMNS = ["chain", "cursor", "head_height", "watched_until_ms"] as const;
export const UPSERT_PROGRESS = `INSERT INTO watcher_progress (${PROGRESS_COLUMNS.join(", ")})
  SELECT * FROM ${unnest(PROGRESS_COLUMNS)}
  ON CONFLICT (chain) DO UPDATE SET cursor = excluded.cursor, head_height = excluded.head_height,
    watched_until_ms = excluded.watched_until_ms`;

export const USED_COLUMNS = ["chain", "derived_from", "last_used_index"] as const;
export const MARK_USED = `UPDATE derivation_cursors c SET last_used_index = greatest(c.last_used_index, k.last_used_index)
  FROM ${unnest(USED_COLUMNS)} AS k (${USED_COLUMNS.join(", ")})
  WHERE c.chain = k.chain AND c.derived_from = k.derived_from`;

/** Of a commit that tells nothing. */
export const COUNT_PAYMENTS = `INSERT INTO payment_counts AS c (status, payments)
  SELECT * FROM unnest($1::text[], $2::bigint[])
  ON CONFLICT (status) DO UPDATE SET payments = c.payments + excluded.payments`;

export const RECORD_COLUMNS = ["type", "merchant_id", "payment_id", "sequence", "at_ms", "data", "topics"] as const;
const PLACE = "(r.head - $1::bigint + k.place)";

/**
 * So many records: the head is raised, and from then on every other commit waits for this one; then payments are counted,
 * and the records with their topics get their places behind the old head. One statement, since nobody but us has to wait for
 * the way between several. Their ids are those of `record-id.ts`. Returns the new head.
 */
export const TELL = `WITH r AS (UPDATE meta SET head = head + $1::bigint RETURNING head, epoch),
  counted AS (
    INSERT INTO payment_counts AS c (status, payments)
    SELECT k.status, k.payments FROM r CROSS JOIN unnest($2::text[], $3::bigint[]) AS k (status, payments)
    ON CONFLICT (status) DO UPDATE SET payments = c.payments + excluded.payments
  ), topics AS (
    INSERT INTO log_topics (topic, "offset")
    SELECT k.topic, ${PLACE} FROM r CROSS JOIN unnest($4::text[], $5::bigint[]) AS k (topic, place)
  ), records AS (
    INSERT INTO log_records ("offset", id, ${RECORD_COLUMNS.join(", ")})
    SELECT ${PLACE}, 'evt_' || r.epoch || '_' || ${PLACE}, ${RECORD_COLUMNS.map((column) => `k.${column}`).join(", ")}
    FROM r CROSS JOIN ${unnest(RECORD_COLUMNS, 6)} WITH ORDINALITY AS k (${RECORD_COLUMNS.join(", ")}, place)
  )
  SELECT head FROM r`;
