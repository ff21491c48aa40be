/**
 * What is written for each decision. Texts are made once, since a prepared statement is found by its text; parameters are
 * given by place, which is much cheaper than by name.
 */
import {
  CHANGING_COLUMNS,
  CHANGING_TRANSFER_COLUMNS,
  ERASED_COLUMNS,
  INDEXED_COLUMNS,
  PAYMENT_COLUMNS,
  TRANSFER_COLUMNS,
} from "../../columns.ts";

const places = (columns: readonly string[]) => columns.map(() => "?").join(", ");
const assignments = (columns: readonly string[]) => columns.map((column) => `${column} = ?`).join(", ");

/** Behind the columns: what its address is derived from. */
export const INSERT_PAYMENT = `INSERT INTO payments (${PAYMENT_COLUMNS.join(", ")}, derived_from)
  VALUES (${places(PAYMENT_COLUMNS)}, ?)`;

export const INSERT_SHARED_ADDRESS = `INSERT INTO shared_addresses (chain, recipient, merchant_id, address)
  VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`;

/** What most decisions change. Behind the columns: id, the sequence that was decided on, and the indexed columns: changes
 * no row where one of them is another. */
export const UPDATE_PAYMENT = `UPDATE payments SET ${assignments(CHANGING_COLUMNS)}
  WHERE id = ? AND sequence = ? AND ${INDEXED_COLUMNS.map((column) => `${column} IS ?`).join(" AND ")}`;

/** Behind the columns and the indexed ones: id and the sequence that was decided on. */
export const UPDATE_PAYMENT_INDEXED = `UPDATE payments
  SET ${assignments([...CHANGING_COLUMNS, ...INDEXED_COLUMNS])} WHERE id = ? AND sequence = ?`;

/** Behind the columns: id. */
export const ERASE_PAYMENT = `UPDATE payments SET ${assignments(ERASED_COLUMNS)} WHERE id = ?`;

/** Changes no row when a payment of the merchant has the transfer. */
export const INSERT_TRANSFER = `INSERT INTO transfers (${TRANSFER_COLUMNS.join(", ")})
  VALUES (${places(TRANSFER_COLUMNS)}) ON CONFLICT DO NOTHING`;

export const FIND_TRANSFER =
  "SELECT payment_id FROM transfers WHERE chain = ? AND tx_id = ? AND idx = ? AND merchant_id = ?";

/** Changes no row when the transfer belongs to another payment of the merchant. */
export const UPSERT_TRANSFER = `INSERT INTO transfers (${TRANSFER_COLUMNS.join(", ")})
  VALUES (${places(TRANSFER_COLUMNS)})
  ON CONFLICT (chain, tx_id, idx, merchant_id) DO UPDATE
    SET ${CHANGING_TRANSFER_COLUMNS.map((column) => `${column} = excluded.${column}`).join(", ")}
    WHERE transfers.payment_id = excluded.payment_id`;

export const INSERT_RECORD = `INSERT INTO log_records
  (offset, id, type, merchant_id, payment_id, sequence, at_ms, data, topics) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`;

export const INSERT_TOPIC = "INSERT INTO log_topics (topic, offset) VALUES (?, ?)";
